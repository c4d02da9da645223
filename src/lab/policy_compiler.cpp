#include "lab/policy_compiler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "lab/policy_compiler_groups.hpp"
#include "lab/policy_compiler_strict.hpp"

namespace intelwall::lab {
namespace {

/// Gives the rule the next sid and writes it.
void append(CompiledPolicy& compiled, SuricataRule rule, std::optional<CompiledPolicy::Origin> origin) {
  const auto sid = static_cast<std::uint32_t>(++compiled.rule_count);
  std::erase_if(rule.options, [](const auto& option) { return option.keyword == "sid"; });
  rule.options.push_back({"sid", fmt::format("{}", sid)});
  compiled.rules += to_string(rule);
  compiled.rules += '\n';
  if (origin) compiled.origins.emplace(sid, *std::move(origin));
}

/// The default actions that end a strict-order policy, as rules that match what no rule before them decided.
///
/// "Established" is taken as its newer form "…_established_app_layer" is: once the first request or ClientHello is
/// there whole, so that rules on names come first; other TCP with its first bytes, when no protocol known here begins
/// so.
Result<std::vector<GroupRule>> default_rules(const std::vector<std::string>& default_actions) {
  static constexpr std::string_view strict[] = {"ip any any -> any any ("};
  static constexpr std::string_view established[] = {
      "tls any any -> any any (ssl_state:client_hello; flow:to_server,established;",
      "http any any -> any any (http.header_names; content:\"|0d 0a|\"; startswith; flow:to_server,established;",
      "dns any any -> any any (dns.query; bsize:>0; flow:to_server;",
      "tcp any any -> any any (flowbits:isnotset,aws.known; dsize:>8; flow:established;",
      "udp any any -> any any (app-layer-protocol:failed; flow:established;",
  };
  static constexpr std::string_view known_protocols[] = {"tls", "http", "dns"};
  struct Default {
    std::string_view name, action;
    std::span<const std::string_view> rules;
  };
  // Alerts first: a drop ends the evaluation.
  static constexpr Default known[] = {{"aws:alert_strict", "alert", strict},
                                      {"aws:alert_established", "alert", established},
                                      {"aws:alert_established_app_layer", "alert", established},
                                      {"aws:drop_strict", "drop", strict},
                                      {"aws:drop_established", "drop", established},
                                      {"aws:drop_established_app_layer", "drop", established}};
  for (const auto& name : default_actions) {
    if (std::ranges::find(known, name, &Default::name) == std::end(known)) {
      return fail(
          ErrorCode::refused, fmt::format("the lab does not know the default action \"{}\"", printable(name, 60)),
          "StatefulDefaultActions", "use aws:drop_ or aws:alert_ with strict, established or established_app_layer");
    }
  }
  std::vector<GroupRule> rules;
  const auto add = [&](const std::string& text, std::string_view name) -> Result<void> {
    IW_TRY(auto parsed, parse_suricata_rules(text));
    rules.push_back({std::move(parsed[0]), {std::string(name), 1, fmt::format("{} action", name)}});
    return {};
  };
  if (std::ranges::any_of(default_actions, [](const auto& name) { return name.contains("established"); })) {
    for (const auto protocol : known_protocols) {
      IW_CHECK(add(fmt::format("alert {} any any -> any any (noalert; flowbits:set,aws.known; sid:1;)", protocol), {}));
    }
  }
  for (const auto& [name, action, texts] : known) {
    if (std::ranges::find(default_actions, name) == default_actions.end()) continue;
    for (const auto text : texts) {
      IW_CHECK(add(fmt::format("{} {} msg:\"{} action\"; sid:1;)", action, text, name), name));
    }
  }
  return rules;
}

}  // namespace

Result<CompiledPolicy> compile_policy(const PolicySnapshot& policy) {
  auto groups = policy.groups;
  if (policy.strict_order) {
    for (const auto& group : groups) {
      if (!group.priority) {
        return fail(ErrorCode::invalid_input, "a group of a strict-order policy has no priority",
                    printable(group.arn, 200));
      }
    }
    // Priorities are unique, which the caller has seen to.
    std::ranges::sort(groups, {}, [](const auto& group) { return *group.priority; });
  } else if (!policy.default_actions.empty()) {
    return fail(ErrorCode::invalid_input, "StatefulDefaultActions need a strict-order policy",
                "StatefulDefaultActions");
  }
  std::vector<GroupRule> rules;
  for (const auto& group : groups) {
    IW_TRY(auto more, rules_of_group(group, policy));
    // The documented expansion of a domain list carries a priority, which only action order reads.
    if (policy.strict_order && !group.body["RulesSource"].contains("RulesString")) {
      for (auto& entry : more) {
        std::erase_if(entry.rule.options, [](const auto& option) { return option.keyword == "priority"; });
      }
    }
    std::ranges::move(more, std::back_inserter(rules));
  }

  CompiledPolicy compiled;
  compiled.stream_exception = policy.stream_exception;
  if (!policy.strict_order) {
    for (auto& entry : rules) append(compiled, std::move(entry.rule), std::move(entry.origin));
    return compiled;
  }
  compiled.order = EngineOrder::strict;
  IW_TRY(auto last, default_rules(policy.default_actions));
  std::ranges::move(last, std::back_inserter(rules));
  IW_TRY(auto strict, write_strict(std::move(rules)));
  for (auto& line : strict.lines) append(compiled, std::move(line.rule), std::move(line.origin));
  return compiled;
}

}  // namespace intelwall::lab
