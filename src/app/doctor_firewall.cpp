#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/doctor.hpp"
#include "app/pass_rules.hpp"
#include "aws/json_text.hpp"
#include "firewalls/policy_limits.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::app {

namespace {

using aws::items_in;
using aws::Json;
using aws::member;
using aws::text_in;
using Group = FirewallFacts::Group;
using Severity = Check::Severity;

constexpr std::size_t few_domains = 100;

std::vector<std::string> definition(const Json& sets, const char* name) {
  std::vector<std::string> out;
  for (const Json& part : items_in(member(sets, name), "Definition"))
    if (part.is_string()) out.push_back(part.get<std::string>());
  return out;
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ", ") + printable(part, 60);
  return out;
}

/// HOME_NET where rules of ours stand, by the place that defines it. Without a group of ours, the policy's.
std::map<std::string, std::vector<std::string>> home_nets(const FirewallFacts& facts) {
  const auto inherited = definition(member(member(facts.policy.body, "PolicyVariables"), "RuleVariables"), "HOME_NET");
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& group : facts.groups) {
    if (!group.ours || !group.state) continue;
    const auto own = definition(member(member(group.state->body, "RuleVariables"), "IPSets"), "HOME_NET");
    if (own.empty())
      out["the policy"] = inherited;
    else
      out["group " + group.name] = own;
  }
  if (out.empty()) out["the policy"] = inherited;
  return out;
}

/// Whether all of `workload` is in the set; what cannot be read ("$OTHER") is in nothing.
bool covers(const std::vector<std::string>& set, const IpPrefix& workload) {
  bool inside = false;
  for (const auto& part : set) {
    const bool negated = part.starts_with('!');
    const auto range = IpPrefix::parse(negated ? part.substr(1) : part);
    if (!range) continue;
    if (negated && range->overlaps(workload)) return false;
    inside = inside || (!negated && range->contains(workload));
  }
  return inside;
}

void check_home_net(const FirewallFacts& facts, const std::vector<IpPrefix>& workloads, std::vector<Check>& out) {
  const auto before = out.size();
  const auto nets = home_nets(facts);
  constexpr const char* how =
      "set HOME_NET in the policy's variables (PolicyVariables.RuleVariables) to the ranges of "
      "all VPCs whose traffic passes here";
  for (const auto& [place, set] : nets) {
    if (set.empty()) {
      out.push_back({Severity::warning, "home-net-default",
                     fmt::format("HOME_NET is not set, so it is the CIDR of the firewall's own VPC {}: workloads in "
                                 "other VPCs, as behind a transit gateway, are matched by no rule",
                                 printable(facts.firewall.vpc, 40)),
                     how});
      continue;
    }
    for (const auto& workload : workloads)
      if (!covers(set, workload))
        out.push_back({Severity::problem, "home-net-misses-workload",
                       fmt::format("the workloads {} are not in HOME_NET of {} ({}): no rule matches their traffic",
                                   workload.text(), place, join(set)),
                       how});
  }
  for (const auto& group : facts.groups) {
    if (!group.ours || !group.state) continue;
    const Json& sets = member(member(group.state->body, "RuleVariables"), "IPSets");
    if (!definition(sets, "HOME_NET").empty() && definition(sets, "EXTERNAL_NET").empty())
      out.push_back({Severity::warning, "home-net-alone",
                     fmt::format("group {} sets HOME_NET but not EXTERNAL_NET, which stays everything outside the "
                                 "policy's HOME_NET",
                                 group.name),
                     "set both in the group's RuleVariables, or neither"});
  }
  if (out.size() == before) {
    std::string words;
    for (const auto& [place, set] : nets)
      words += fmt::format("{}{} ({})", words.empty() ? "" : "; ", join(set), place);
    out.push_back({Severity::ok,
                   "home-net",
                   fmt::format("HOME_NET is {}{}", words, workloads.empty() ? "" : ", which holds the workloads"),
                   {}});
  }
}

void check_status(const FirewallFacts& facts, std::vector<Check>& out) {
  const auto& firewall = facts.firewall;
  if (firewall.status != "READY")
    out.push_back({Severity::problem, "firewall-not-ready",
                   fmt::format("the firewall is {}",
                               firewall.status.empty() ? "in no known state" : printable(firewall.status, 40)),
                   "wait until it is READY; if it stays so, look at its subnets and the account's limits"});
  else if (firewall.sync.empty())
    out.push_back({Severity::problem, "no-zone", "the firewall has no zone that runs its policy",
                   "add a subnet in each Availability Zone of the workloads"});
  else
    out.push_back({Severity::ok, "firewall", fmt::format("{} is READY", firewall.name), {}});

  const auto& actions = items_in(facts.policy.body, "StatelessDefaultActions");
  if (std::ranges::find(actions, Json("aws:forward_to_sfe")) == actions.end())
    out.push_back({Severity::problem, "stateless-bypass",
                   "the policy's stateless default action does not forward to the stateful engine: no packet that no "
                   "stateless rule forwards reaches a rule of ours",
                   "set StatelessDefaultActions to aws:forward_to_sfe"});
  else
    out.push_back({Severity::ok,
                   "policy",
                   fmt::format("{} is attached and hands packets to the stateful engine", facts.policy.name),
                   {}});
}

/// Firewall Manager begins the names of what it makes so (AWS WAF Developer Guide, "How Firewall Manager manages your
/// Network Firewall resources"). A firewall that it only imported keeps its name and cannot be told.
bool is_managed(const std::string& name) {
  return name.starts_with("FMManagedNetworkFirewall");
}

void check_owner(const FirewallFacts& facts, std::vector<Check>& out) {
  const auto name = printable(facts.policy.name, 128);
  if (!is_managed(facts.firewall.name) && !is_managed(facts.policy.name)) {
    out.push_back({Severity::ok, "policy-owner", fmt::format("{} is no policy that Firewall Manager made", name), {}});
    return;
  }
  const auto ours = std::ranges::count_if(facts.groups, &Group::ours);
  if (ours == 0)
    out.push_back({Severity::problem, "firewall-manager",
                   fmt::format("Firewall Manager owns {}, and no group of ours stands in it: it may take out again "
                               "what somebody else adds",
                               name),
                   "let its administrator put groups of ours into the Firewall Manager policy (FirewallManager: yes "
                   "in deploy/cloudformation/intelwall.yaml, docs/aws.md); then only their content changes"});
  else
    out.push_back({Severity::ok,
                   "firewall-manager",
                   fmt::format("Firewall Manager owns {}; groups of ours in it: {}, and only their content must change",
                               name, ours),
                   {}});
}

void check_order(const FirewallFacts& facts, const Settings& settings, std::vector<Check>& out) {
  const bool strict = facts.policy.strict_order();
  if (strict)
    out.push_back({Severity::ok, "rule-order", "the policy is in strict order", {}});
  else
    out.push_back(
        {Severity::warning, "action-order",
         "the policy is in action order: a pass rule of any group wins over every block",
         "a policy's order cannot be changed: make a STRICT_ORDER policy and associate it, or keep pass rules "
         "out of this one"});

  // Ours end where the last of them stands, or will stand.
  int last_of_ours = settings.firewall.priority.value_or(firewalls::first_block_priority);
  for (const auto& group : facts.groups)
    if (group.ours && group.reference.priority) last_of_ours = std::max(last_of_ours, *group.reference.priority);
  const auto before = out.size();
  for (const auto& group : facts.groups) {
    if (strict && group.reference.priority.value_or(0) > last_of_ours) continue;
    const auto where =
        strict ? fmt::format("group {} (priority {})", printable(group.name, 128), group.reference.priority.value_or(0))
               : fmt::format("group {}", printable(group.name, 128));
    if (!group.state) {
      out.push_back({Severity::warning, "group-unreadable",
                     fmt::format("{} is asked before ours, and its rules cannot be read from here", where),
                     "make sure that it passes nothing that must be blocked"});
      continue;
    }
    const auto passes = pass_rules(group.state->body);
    if (passes.empty()) continue;
    const auto widest = std::ranges::find(passes, PassRule::Reach::all, &PassRule::reach);
    const bool all = widest != passes.end();
    out.push_back(
        {all ? Severity::problem : Severity::warning, all ? "earlier-pass-all" : "earlier-pass",
         fmt::format("{} {} before a rule of ours is asked: {}{}", where,
                     all ? "passes all connections" : "passes connections", all ? widest->text : passes.front().text,
                     passes.size() > 1 ? fmt::format(", and {} more", passes.size() - 1) : ""),
         strict ? "give our groups a smaller priority number than this group (setting: priority)"
                : "narrow the rule, or move to a strict-order policy"});
  }
  if (out.size() == before)
    out.push_back({Severity::ok, "earlier-pass-none", "no rule passes traffic before ours are asked", {}});
}

void check_room(const FirewallFacts& facts, const Settings& settings, std::vector<Check>& out) {
  const auto reserved = facts.policy.consumed_stateful_capacity;
  const auto most = settings.firewall.policy_capacity;
  std::size_t units = facts.groups.size() < firewalls::max_references && most > reserved ? most - reserved : 0;
  for (const auto& group : facts.groups) {
    if (!group.ours || !group.state) continue;
    const auto bytes = text_in(member(group.state->body, "RulesSource"), "RulesString").size();
    if (bytes + rules::max_rule_bytes > rules::max_group_bytes) continue;
    if (group.state->capacity > group.state->consumed) units += group.state->capacity - group.state->consumed;
  }
  const auto domains = units / std::max<std::size_t>(settings.protocols.size(), 1);
  const auto words = fmt::format(
      "{} of {} capacity units are reserved and {} of {} groups referenced, which leaves room for {} domains", reserved,
      most, facts.groups.size(), firewalls::max_references, domains);
  constexpr const char* how =
      "unblock what is not needed, remove other groups from the policy, or raise the quota of "
      "stateful rules a policy (and policy_capacity)";
  if (domains == 0)
    out.push_back({Severity::problem, "no-room", words, how});
  else if (domains < few_domains)
    out.push_back({Severity::warning, "room-short", words, how});
  else
    out.push_back({Severity::ok, "room", words, {}});
}

void check_stream(const FirewallFacts& facts, std::vector<Check>& out) {
  const auto policy = text_in(member(facts.policy.body, "StatefulEngineOptions"), "StreamExceptionPolicy");
  if (policy == "CONTINUE")
    out.push_back(
        {Severity::warning, "stream-continue",
         "the stream exception policy is CONTINUE: connections whose beginning the firewall did not see go on "
         "without their name being known, and open ones cannot be cut",
         "set StatefulEngineOptions.StreamExceptionPolicy to DROP or REJECT"});
  else
    out.push_back(
        {Severity::ok,
         "stream-exception",
         fmt::format("the stream exception policy is {}", policy.empty() ? "DROP, by default" : printable(policy, 40)),
         {}});
}

void check_sync(const FirewallFacts& facts, std::vector<Check>& out) {
  std::map<std::string, std::string> versions = {{facts.policy.arn, facts.policy.update_token}};
  for (const auto& group : facts.groups)
    if (group.ours && group.state) versions[group.reference.arn] = group.state->update_token;
  const auto before = out.size();
  for (const auto& [arn, token] : versions) {
    const auto name = printable(arn.substr(arn.rfind('/') + 1), 128);
    const auto zones = facts.firewall.sync.find(arn);
    if (zones == facts.firewall.sync.end()) {
      if (!facts.firewall.sync.empty())
        out.push_back(
            {Severity::warning, "sync-pending", fmt::format("no zone knows {} yet", name), "look again in a minute"});
      continue;
    }
    for (const auto& zone : zones->second) {
      if (zone.status == "IN_SYNC" && zone.update_token == token) continue;
      const bool on_its_way = zone.status == "PENDING" || zone.status == "IN_SYNC";
      out.push_back({on_its_way ? Severity::warning : Severity::problem, on_its_way ? "sync-pending" : "sync-failed",
                     fmt::format("zone {} does not run the newest {} ({})", printable(zone.zone, 40), name,
                                 zone.status == "IN_SYNC" ? "an older version" : printable(zone.status, 40)),
                     on_its_way ? "look again in a minute"
                                : "CAPACITY_CONSTRAINED passes by itself or with less load; for others see the "
                                  "firewall's details in the AWS console"});
    }
  }
  if (out.size() == before)
    out.push_back({Severity::ok, "sync", "every zone runs the newest policy and the newest groups of ours", {}});
}

}  // namespace

std::vector<Check> examine(const FirewallFacts& facts, const Settings& settings,
                           const std::vector<IpPrefix>& workloads) {
  std::vector<Check> out;
  check_status(facts, out);
  check_owner(facts, out);
  check_home_net(facts, workloads, out);
  check_order(facts, settings, out);
  check_room(facts, settings, out);
  check_stream(facts, out);
  check_sync(facts, out);
  return out;
}

}  // namespace intelwall::app
