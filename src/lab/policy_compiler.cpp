#include "lab/policy_compiler.hpp"

#include <fmt/format.h>

#include <algorithm>

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
/// "Established" means: the connection's application protocol is known and its first request is there, or the engine
/// has given up to find one; so rules on names come first.
Result<std::vector<GroupRule>> default_rules(const std::vector<std::string>& default_actions) {
  static constexpr std::string_view established[] = {
      "tls any any -> any any (ssl_state:client_hello; flow:to_server,established;",
      "http any any -> any any (http.header_names; content:\"|0d 0a|\"; startswith; flow:to_server,established;",
      "dns any any -> any any (dns.query; bsize:>0; flow:to_server;",
      "tcp any any -> any any (app-layer-protocol:failed; flow:established;",
      "udp any any -> any any (app-layer-protocol:failed; flow:established;",
  };
  std::vector<GroupRule> rules;
  const auto add = [&](const std::string& name, std::string_view action, std::string_view rule) -> Result<void> {
    IW_TRY(auto parsed, parse_suricata_rules(fmt::format("{} {} msg:\"{} action\"; sid:1;)", action, rule, name)));
    rules.push_back({std::move(parsed[0]), {name, 1, name + " action"}});
    return {};
  };
  const auto asked = [&](const char* name) { return std::ranges::count(default_actions, name) > 0; };
  for (const auto& name : default_actions) {
    if (name != "aws:drop_strict" && name != "aws:drop_established" && name != "aws:alert_strict" &&
        name != "aws:alert_established") {
      return fail(ErrorCode::refused,
                  fmt::format("the lab does not know the default action \"{}\"", printable(name, 60)),
                  "StatefulDefaultActions",
                  "use aws:drop_strict, aws:drop_established, aws:alert_strict or aws:alert_established");
    }
  }
  // Alerts first: a drop ends the evaluation.
  for (const std::string kind : {"alert", "drop"}) {
    if (const auto name = "aws:" + kind + "_strict"; asked(name.c_str())) {
      IW_CHECK(add(name, kind, "ip any any -> any any ("));
    }
    if (const auto name = "aws:" + kind + "_established"; asked(name.c_str())) {
      for (const auto rule : established) IW_CHECK(add(name, kind, rule));
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
    std::ranges::stable_sort(groups, {}, [](const auto& group) { return *group.priority; });
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
