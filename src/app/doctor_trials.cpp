// What only a try tells: rules that the firewall may not take, and calls that the Falcon keys may not make.
#include <fmt/format.h>

#include "app/doctor.hpp"
#include "app/falcon.hpp"
#include "falcon/event_streams.hpp"
#include "rules/compile.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::app {

namespace {

using Severity = Check::Severity;

constexpr std::size_t trial_capacity = 100;

struct Trial {
  const char* code;  ///< refused: <code>-refused
  const char* what;
  const char* hint;
  std::string rules;
};

std::string packed_rules() {
  rules::DomainTable table;
  for (int i = 0; i < 20; ++i)
    table.add(*DomainName::parse(fmt::format("trial{}.intelwall-doctor.invalid", i)), Scope::subdomains);
  const auto compiled = rules::compile(table, {});
  IW_ASSERT(compiled.has_value() && !compiled->groups.empty());
  return compiled->groups.front().file.content;
}

std::string quic_rules() {
  const DomainSpec domain{*DomainName::parse("trial.intelwall-doctor.invalid"), Scope::subdomains};
  std::set<std::uint32_t> taken;
  std::string text;
  for (const auto& line : rules::render(
           {.id = decision_id(domain, Action::drop), .domain = domain, .protocols = {Protocol::quic}, .expires_at = {}},
           taken))
    text += line.text + "\n";
  return text;
}

}  // namespace

std::vector<Check> try_rules(const aws::NetworkFirewallClient& client, const aws::PolicyState& policy,
                             const Settings& settings) {
  const Trial trials[] = {
      {"packed", "packed rules (one regex for many domains)",
       "hunts and big lists need them: see the refusal's words, and tell us", packed_rules()},
      {"quic", "rules on quic.sni",
       "leave quic out of protocols, or set quic_fallback: drop-all, after which clients use TLS", quic_rules()},
  };
  std::vector<Check> out;
  for (const auto& trial : trials) {
    const aws::Json body = {
        {"RulesSource", {{"RulesString", trial.rules}}},
        {"StatefulRuleOptions", {{"RuleOrder", policy.strict_order() ? "STRICT_ORDER" : "DEFAULT_ACTION_ORDER"}}}};
    const auto tried = client.create_rule_group(settings.firewall.prefix + "-doctor-trial", body, trial_capacity, {},
                                                {}, aws::DryRun::yes);
    if (tried) {
      out.push_back({Severity::ok, trial.code, fmt::format("the firewall takes {} (dry run)", trial.what), {}});
    } else if (tried.error().code == ErrorCode::invalid_input) {
      out.push_back({Severity::warning, fmt::format("{}-refused", trial.code),
                     fmt::format("the firewall does not take {}: {}", trial.what, tried.error().message), trial.hint});
    } else {
      out.push_back({Severity::warning, "trial-failed",
                     fmt::format("{} cannot be tried: {}", trial.what, tried.error().message),
                     "allow network-firewall:CreateRuleGroup; a dry run makes nothing"});
    }
  }
  return out;
}

std::vector<Check> check_falcon(Context& context) {
  const auto set = [&](const char* name) { return !context.env(name).value_or("").empty(); };
  if (!set("FALCON_CLIENT_ID") && !set("FALCON_CLIENT_SECRET"))
    return {{Severity::ok, "falcon-unset", "no Falcon keys are set, so Falcon is not asked", {}}};
  const auto failed = [](const char* code, const std::string& what, const Error& error) {
    return Check{Severity::warning, code, fmt::format("{}: {}", what, error.message),
                 error.hint.empty() ? "check FALCON_CLIENT_ID, FALCON_CLIENT_SECRET and FALCON_CLOUD" : error.hint};
  };
  const auto client = open_falcon(context);
  if (!client) return {failed("falcon-unreachable", "Falcon cannot be asked", client.error())};
  if (const auto signed_in = (*client)->sign_in(); !signed_in)
    return {failed("falcon-unreachable", "Falcon gives no token", signed_in.error())};
  const falcon::Call calls[] = {
      {.path = "/alerts/queries/alerts/v2", .query = {{"limit", "1"}}, .scope = "Alerts: Read", .origin = {}},
      {.path = "/sensors/entities/datafeed/v2",
       .query = {{"appId", "intelwalldoctor"}, {"format", "json"}},
       .scope = falcon::streams_scope,
       .origin = {}},
      {.path = "/intel/queries/indicators/v1",
       .query = {{"limit", "1"}},
       .scope = "Indicators (Falcon Intelligence): Read",
       .origin = {}}};
  std::vector<Check> out;
  std::string well;
  for (const auto& call : calls) {
    if (const auto answer = (*client)->call(call); answer)
      well += (well.empty() ? "" : ", ") + call.scope;
    else if (answer.error().code == ErrorCode::denied)
      out.push_back(
          failed("falcon-scope-missing", fmt::format("the Falcon keys lack \"{}\"", call.scope), answer.error()));
    else
      out.push_back(failed("falcon-call-failed", fmt::format("\"{}\" cannot be tried", call.scope), answer.error()));
  }
  if (!well.empty()) out.push_back({Severity::ok, "falcon", "the Falcon keys may: " + well, {}});
  return out;
}

}  // namespace intelwall::app
