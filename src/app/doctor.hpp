#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "app/context.hpp"
#include "app/ip_prefix.hpp"

namespace intelwall::app {

/// One thing that was looked at. Codes are stable; a check that found nothing has its own name as code.
///
/// problem: rules are or will be useless: aws-unreachable, firewall-unreadable, firewall-not-ready, no-zone,
///   policy-unreadable, stateless-bypass, firewall-manager (owns the policy, without a group of ours),
///   home-net-misses-workload, earlier-pass-all, no-room, sync-failed, list-unreadable
/// warning: something is weaker than it looks: action-order, home-net-default, home-net-alone, earlier-pass,
///   group-unreadable, room-short, stream-continue, sync-pending, alert-log-missing (a problem as soon as rules only
///   alert), alert-log-unreadable, damaged-rule, over-standing, no-expiry, security-hub-unreadable,
///   custom-action-missing, product-missing, packed-refused, quic-refused, trial-failed, falcon-unreachable,
///   falcon-scope-missing, falcon-call-failed
/// ok: aws, firewall, policy, policy-owner, firewall-manager, home-net, rule-order, earlier-pass-none, room,
/// stream-exception, sync, alert-log, blocks,
///   lists, custom-actions, product, packed, quic, falcon, falcon-unset
/// With a DNS Firewall: problems dns-firewall-unreadable, dns-firewall-unused; ok dns-firewall.
/// With a Suricata of one's own: problems sensor-silent, rule-file-unreadable; warning sensor-refused-rules; ok sensor.
struct Check {
  enum class Severity { ok, warning, problem };
  Severity severity = Severity::ok;
  std::string code;
  std::string text;  ///< one sentence
  std::string hint;  ///< what to do; empty when ok
};
const char* to_string(Check::Severity severity);

/// What the checks of the firewall go by, as it was read.
struct FirewallFacts {
  aws::FirewallState firewall;
  aws::PolicyState policy;
  /// Of the policy, in its order; without a body when it cannot be read (managed groups, other accounts).
  struct Group {
    aws::PolicyReference reference;
    std::string name;
    bool ours = false;
    std::optional<aws::RuleGroupState> state;
  };
  std::vector<Group> groups;
};

/// Pure.
std::vector<Check> examine(const FirewallFacts& facts, const Settings& settings,
                           const std::vector<IpPrefix>& workloads);

/// A Suricata of one's own; needs the firewall opened.
std::vector<Check> examine_suricata(Context& context);

/// The DNS Firewall of the settings, if any; needs a session.
std::vector<Check> examine_dns(const Context& context);

/// Dry runs: packed rules, and rules on quic.sni.
std::vector<Check> try_rules(const aws::NetworkFirewallClient& client, const aws::PolicyState& policy,
                             const Settings& settings);
/// With FALCON_* set: a token, and one cheap call for each scope that we need.
std::vector<Check> check_falcon(Context& context);

struct Diagnosis {
  std::string firewall;
  std::vector<Check> checks;
};

/// Looks at everything that would make rules useless, as far as the APIs tell: what cannot be read is a check that
/// failed and stops no other. `workloads` are the address ranges that must be protected. Reads only. Needs settings
/// with a firewall.
Diagnosis doctor(Context& context, const std::vector<IpPrefix>& workloads);

/// 0 all ok, 3 warnings only, 1 problems.
int exit_code(const Diagnosis& diagnosis);
nlohmann::json to_json(const Diagnosis& diagnosis);
std::string to_text(const Diagnosis& diagnosis);

}  // namespace intelwall::app
