#include "app/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/actions.hpp"
#include "app/expire.hpp"
#include "aws/security_hub.hpp"
#include "firewalls/block_groups.hpp"

namespace intelwall::app {

namespace {

using Severity = Check::Severity;

/// Where the cause of a failed call is in the error, and its hint too.
Check failed_check(Severity severity, const char* code, const std::string& what, const Error& error,
                   const char* otherwise) {
  return {severity, code, fmt::format("{}: {}{}", what, error.place.empty() ? "" : error.place + ": ", error.message),
          error.hint.empty() ? otherwise : error.hint};
}

/// Reads what examine() goes by; nothing when a check in `out` says why not.
std::optional<FirewallFacts> read_facts(const Context& context, const aws::NetworkFirewallClient& client,
                                        std::vector<Check>& out) {
  FirewallFacts facts;
  auto firewall = client.describe_firewall(context.settings.firewall.firewall);
  if (!firewall) {
    out.push_back(failed_check(Severity::problem, "firewall-unreadable", "the firewall cannot be read",
                               firewall.error(), "check its name, the Region and network-firewall:DescribeFirewall"));
    return std::nullopt;
  }
  facts.firewall = *std::move(firewall);
  auto policy = client.describe_policy(facts.firewall.policy_arn);
  if (!policy) {
    out.push_back(failed_check(Severity::problem, "policy-unreadable", "the firewall's policy cannot be read",
                               policy.error(), "allow network-firewall:DescribeFirewallPolicy"));
    return std::nullopt;
  }
  facts.policy = *std::move(policy);
  for (const auto& reference : facts.policy.references()) {
    FirewallFacts::Group group{
        .reference = reference, .name = reference.arn.substr(reference.arn.rfind('/') + 1), .ours = false, .state = {}};
    group.ours = firewalls::GroupName::parse(group.name, context.settings.firewall.prefix).has_value();
    if (auto state = client.describe_rule_group(reference.arn)) group.state = *std::move(state);
    facts.groups.push_back(std::move(group));
  }
  std::ranges::stable_sort(facts.groups, {}, [](const auto& group) { return group.reference.priority.value_or(0); });
  return facts;
}

void check_log(const Context& context, const aws::NetworkFirewallClient& client,
               const std::vector<firewalls::Enforced>& enforced, std::vector<Check>& out) {
  const auto logging = client.describe_logging(context.settings.firewall.firewall);
  if (!logging) {
    out.push_back(failed_check(Severity::warning, "alert-log-unreadable", "the logging configuration cannot be read",
                               logging.error(), "allow network-firewall:DescribeLoggingConfiguration"));
    return;
  }
  const auto alert = std::ranges::find(*logging, "ALERT", &aws::LogDestination::log_type);
  if (alert != logging->end()) {
    out.push_back({Severity::ok,
                   "alert-log",
                   fmt::format("alerts are logged to {}", printable(alert->destination_type, 40)),
                   {}});
    return;
  }
  const auto only_alerts = std::ranges::count_if(
      enforced, [](const firewalls::Enforced& each) { return each.decision.action == Action::alert; });
  out.push_back({only_alerts > 0 ? Severity::problem : Severity::warning, "alert-log-missing",
                 only_alerts > 0
                     ? fmt::format("no alert log is configured: {} rules that only alert do nothing", only_alerts)
                     : "no alert log is configured: drops happen, but nobody sees which and `explain` cannot show them",
                 "aws network-firewall update-logging-configuration, with a destination of LogType ALERT"});
}

/// What stands in our groups.
std::vector<firewalls::Enforced> check_blocks(Context& context, std::vector<Check>& out) {
  auto seen = context.firewall->observe();
  // Why the firewall cannot be read was told already; a group of ours that cannot be read is told here.
  if (!seen) {
    out.push_back(failed_check(Severity::warning, "damaged-rule", "the groups of ours cannot be read", seen.error(),
                               "allow network-firewall:DescribeRuleGroup"));
    return {};
  }
  const auto before = out.size();
  if (!seen->problems.empty())
    out.push_back({Severity::warning, "damaged-rule",
                   fmt::format("{} rules claim to be ours but cannot be read back, the first: {}",
                               seen->problems.size(), seen->problems.front().to_text()),
                   "somebody changed them by hand: remove them in the AWS console and block the names again"});
  const Time now = context.clock();
  const auto over = std::ranges::count_if(seen->enforced, [&](const firewalls::Enforced& each) {
    return each.decision.expires_at && *each.decision.expires_at <= now;
  });
  if (over > 0)
    out.push_back({Severity::warning, "over-standing", fmt::format("{} blocks are over and still stand", over),
                   "`intelwall expire` lifts them; let a timer call it (deploy/systemd)"});
  for (const auto& warning : expiry_warnings(context.settings))
    out.push_back({Severity::warning, warning.code, warning.text, "format: suricata in the configuration"});
  if (out.size() == before)
    out.push_back({Severity::ok, "blocks", fmt::format("{} blocks stand, none is over", seen->enforced.size()), {}});
  return std::move(seen->enforced);
}

void check_lists(Context& context, std::vector<Check>& out) {
  if (auto loaded = load_guardrails(context); !loaded) {
    out.push_back(failed_check(Severity::problem, "list-unreadable",
                               "nothing can be blocked while a list is unreadable", loaded.error(),
                               "`intelwall config check` shows all faults"));
    return;
  }
  const auto& lists = context.guardrails->lists();
  out.push_back({Severity::ok,
                 "lists",
                 fmt::format("{} protected zones, {} allowed and {} popular names are read",
                             lists.protected_zones.size(), lists.allowed.size(), lists.warned.size()),
                 {}});
}

void check_hub(const Context& context, std::vector<Check>& out) {
  const auto arns = aws::SecurityHubClient(*context.session).action_targets();
  if (!arns) {
    out.push_back(failed_check(Severity::warning, "security-hub-unreadable", "Security Hub cannot be asked",
                               arns.error(),
                               "enable Security Hub in this Region and allow "
                               "securityhub:DescribeActionTargets; blocking by hand works without it"));
    return;
  }
  const auto before = out.size();
  for (const auto& known : known_actions())
    if (std::ranges::none_of(
            *arns, [&](const std::string& arn) { return arn.ends_with(fmt::format(":action/custom/{}", known.id)); }))
      out.push_back({Severity::warning, "custom-action-missing",
                     fmt::format("Security Hub has no custom action {}: nobody can press it", known.id),
                     fmt::format("aws securityhub create-action-target --id {} --name \"{}\" --description \"{}\"",
                                 known.id, known.name, known.description)});
  if (out.size() == before) out.push_back({Severity::ok, "custom-actions", "Security Hub has all custom actions", {}});
}

/// Without its subscription, Security Hub takes no finding of a product.
void check_product(const Context& context, std::vector<Check>& out) {
  const auto enabled = aws::SecurityHubClient(*context.session).enabled_products();
  if (!enabled) {
    out.push_back(failed_check(Severity::warning, "security-hub-unreadable", "the products cannot be listed",
                               enabled.error(), "allow securityhub:ListEnabledProductsForImport"));
    return;
  }
  constexpr const char* product = "crowdstrike/crowdstrike-falcon";
  if (std::ranges::any_of(*enabled, [&](const std::string& arn) { return arn.ends_with(product); })) {
    out.push_back({Severity::ok, "product", "Security Hub takes findings of CrowdStrike Falcon", {}});
    return;
  }
  out.push_back({Severity::warning, "product-missing",
                 "Security Hub has no subscription to CrowdStrike Falcon: `forward` cannot import findings",
                 fmt::format("aws securityhub enable-import-findings-for-product --product-arn "
                             "arn:aws:securityhub:{}:517716713836:product/{}",
                             context.session->region, product)});
}

std::size_t count(const Diagnosis& diagnosis, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(diagnosis.checks, severity, &Check::severity));
}

}  // namespace

const char* to_string(Check::Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::warning:
      return "warning";
    case Severity::problem:
      return "problem";
  }
  return "unknown";
}

Diagnosis doctor(Context& context, const std::vector<IpPrefix>& workloads) {
  Diagnosis out{.firewall = context.settings.firewall.firewall, .checks = {}};
  check_lists(context, out.checks);
  if (auto opened = open_firewall(context); !opened) {
    out.checks.push_back(failed_check(Severity::problem, "aws-unreachable", "AWS cannot be asked", opened.error(),
                                      "check credentials, Region and firewall"));
    return out;
  }
  if (!context.settings.suricata.rules_file.empty()) {
    out.firewall = "suricata:" + context.settings.suricata.rules_file.string();
    for (auto& check : examine_suricata(context)) out.checks.push_back(std::move(check));
    return out;
  }
  if (auto credentials = context.session->credentials->get(); !credentials) {
    out.checks.push_back(failed_check(Severity::problem, "aws-unreachable", "there are no credentials for AWS",
                                      credentials.error(), "see AWS_PROFILE and AWS_ACCESS_KEY_ID"));
    return out;
  }
  out.checks.push_back(
      {Severity::ok, "aws", fmt::format("credentials for Region {} are there", context.session->region), {}});

  for (auto& check : examine_dns(context)) out.checks.push_back(std::move(check));
  if (context.settings.firewall.firewall.empty()) {
    out.firewall = context.settings.dns.rule_group;
    check_blocks(context, out.checks);
    return out;
  }
  const aws::NetworkFirewallClient client(*context.session);
  if (const auto facts = read_facts(context, client, out.checks)) {
    for (auto& check : examine(*facts, context.settings, workloads)) out.checks.push_back(std::move(check));
    check_log(context, client, check_blocks(context, out.checks), out.checks);
    for (auto& check : try_rules(client, facts->policy, context.settings)) out.checks.push_back(std::move(check));
  }
  check_hub(context, out.checks);
  check_product(context, out.checks);
  for (auto& check : check_falcon(context)) out.checks.push_back(std::move(check));
  return out;
}

int exit_code(const Diagnosis& diagnosis) {
  if (count(diagnosis, Severity::problem) > 0) return 1;
  return count(diagnosis, Severity::warning) > 0 ? 3 : 0;
}

nlohmann::json to_json(const Diagnosis& diagnosis) {
  nlohmann::json checks = nlohmann::json::array();
  for (const auto& check : diagnosis.checks)
    checks.push_back(
        {{"severity", to_string(check.severity)}, {"code", check.code}, {"text", check.text}, {"hint", check.hint}});
  return {{"firewall", diagnosis.firewall},
          {"ok", count(diagnosis, Severity::problem) == 0},
          {"problems", count(diagnosis, Severity::problem)},
          {"warnings", count(diagnosis, Severity::warning)},
          {"checks", std::move(checks)}};
}

std::string to_text(const Diagnosis& diagnosis) {
  std::string out;
  for (const auto& check : diagnosis.checks) {
    out += fmt::format("{:<8} {} [{}]\n", to_string(check.severity), check.text, check.code);
    if (!check.hint.empty()) out += fmt::format("         {}\n", check.hint);
  }
  return out + fmt::format("{} problems, {} warnings\n", count(diagnosis, Severity::problem),
                           count(diagnosis, Severity::warning));
}

}  // namespace intelwall::app
