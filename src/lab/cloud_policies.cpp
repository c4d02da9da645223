// Network Firewall's policies.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lab/cloud.hpp"
#include "lab/cloud_network_firewall.hpp"

namespace intelwall::lab::nfw {
namespace {

/// Exactly one of the three built-in actions; names of custom actions may stand beside it.
ApiResult<void> check_stateless_actions(const Json& body, const char* member) {
  std::size_t built_in = 0;
  for (const Json& action : body.at(member)) {
    const auto& name = action.get_ref<const std::string&>();
    if (name == "aws:pass" || name == "aws:drop" || name == "aws:forward_to_sfe") {
      ++built_in;
    } else if (std::ranges::none_of(child(body, "StatelessCustomActions"),
                                    [&name](const Json& custom) { return text_or(custom, "ActionName") == name; })) {
      return bad_parameter(name, std::string(member) + ": not a built-in action and not one of StatelessCustomActions");
    }
  }
  if (built_in != 1)
    return bad_parameter(member, "exactly one of aws:pass, aws:drop, aws:forward_to_sfe must be in it");
  return {};
}

ApiResult<void> check_default_actions(const Json& body, bool strict) {
  const Json& actions = child(body, "StatefulDefaultActions");
  if (!actions.empty() && !strict)
    return bad_parameter("StatefulDefaultActions", "default actions need RuleOrder STRICT_ORDER");
  std::size_t drops = 0, alerts = 0;
  for (const Json& action : actions) {
    const auto& name = action.get_ref<const std::string&>();
    static const std::set<std::string, std::less<>> known{
        "aws:drop_strict",  "aws:drop_established",  "aws:drop_established_app_layer",
        "aws:alert_strict", "aws:alert_established", "aws:alert_established_app_layer"};
    if (!known.contains(name)) return bad_parameter(name, "StatefulDefaultActions");
    ++(name.starts_with("aws:drop") ? drops : alerts);
  }
  if (drops > 1 || alerts > 1)
    return bad_parameter("StatefulDefaultActions", "at most one drop action and one alert action");
  return {};
}

bool is_own_arn(const std::string& arn) {
  return arn.find(fmt::format(":{}:{}:", region, account_id)) != std::string::npos;
}

ApiResult<void> check_priorities(const Json& references, bool strict) {
  std::set<std::int64_t> priorities;
  for (const Json& reference : references) {
    const std::string arn = text_or(reference, "ResourceArn");
    if (!strict && has(reference, "Priority"))
      return bad_parameter(arn,
                           "Priority cannot be provided for a stateful reference unless RuleOrder is STRICT_ORDER");
    if (strict && !has(reference, "Priority")) return bad_parameter(arn, "Priority is required with STRICT_ORDER");
    if (strict && !priorities.insert(integer_or(reference, "Priority", 0)).second)
      return bad_parameter(arn, "Priority must be unique in a STRICT_ORDER policy");
  }
  return {};
}

/// Managed groups and those of other accounts are accepted and kept; the lab does not know their rules.
ApiResult<void> check_references(const State& state, const Json& body, bool strict, const char* quota_error) {
  const Json& references = child(body, "StatefulRuleGroupReferences");
  if (references.size() > rule_groups_per_policy)
    return refuse(quota_error,
                  fmt::format("a firewall policy refers to at most {} stateful rule groups", rule_groups_per_policy));
  IW_CHECK(check_priorities(references, strict));
  std::set<std::string> seen;
  std::int64_t reserved = 0;
  for (const Json& reference : references) {
    const std::string arn = text_or(reference, "ResourceArn");
    if (!seen.insert(arn).second) return bad_parameter(arn, "StatefulRuleGroupReferences: it stands there twice");
    if (!is_own_arn(arn)) continue;
    const RuleGroup* group = state.group_by_arn(arn);
    if (group == nullptr) return bad_parameter(arn, "StatefulRuleGroupReferences: there is no such rule group");
    if (has(reference, "Override")) return bad_parameter(arn, "Override is for managed rule groups only");
    if (group->strict_order != strict)
      return bad_parameter(arn, "the rule order of the rule group must be the policy's");
    reserved += group->capacity;
  }
  if (reserved > stateful_capacity_per_policy)
    return refuse(quota_error, fmt::format("the policy's stateful rule groups reserve {}, the limit is {}", reserved,
                                           stateful_capacity_per_policy));
  for (const Json& reference : child(body, "StatelessRuleGroupReferences")) {
    const std::string arn = text_or(reference, "ResourceArn");
    if (is_own_arn(arn)) return bad_parameter(arn, "StatelessRuleGroupReferences: there is no such rule group");
  }
  return {};
}

ApiResult<void> check_variables(const Json& body) {
  for (const auto& [name, set] : child(child(body, "PolicyVariables"), "RuleVariables").items()) {
    for (const Json& part : child(set, "Definition")) {
      const auto& text = part.get_ref<const std::string&>();
      if (text.empty() || text.find_first_not_of("0123456789abcdefABCDEF.:/!") != std::string::npos)
        return bad_parameter(text, "PolicyVariables: not an address range in CIDR notation");
    }
  }
  return {};
}

/// `quota_error`: only the creation has a LimitExceededException of its own.
ApiResult<void> check_policy(const State& state, const Json& body, const char* quota_error) {
  const bool strict = text_or(child(body, "StatefulEngineOptions"), "RuleOrder") == "STRICT_ORDER";
  IW_CHECK(check_stateless_actions(body, "StatelessDefaultActions"));
  IW_CHECK(check_stateless_actions(body, "StatelessFragmentDefaultActions"));
  IW_CHECK(check_default_actions(body, strict));
  IW_CHECK(check_variables(body));
  return check_references(state, body, strict, quota_error);
}

template <class Policies>
auto find_policy(Policies& policies, const Json& input) -> ApiResult<decltype(&policies.begin()->second)> {
  return find_resource(policies, input, "FirewallPolicyArn", "FirewallPolicyName");
}

Json response_of(const State& state, const Policy& policy, const char* status) {
  std::int64_t reserved = 0;
  for (const std::string& arn : policy.group_arns()) {
    if (const RuleGroup* group = state.group_by_arn(arn)) reserved += group->capacity;
  }
  Json out{{"FirewallPolicyName", policy.name},   {"FirewallPolicyArn", policy.arn},
           {"FirewallPolicyId", policy.id},       {"FirewallPolicyStatus", status},
           {"ConsumedStatelessRuleCapacity", 0},  {"ConsumedStatefulRuleCapacity", reserved},
           {"ConsumedStatefulDomainCapacity", 0}, {"NumberOfAssociations", state.firewalls_with_policy(policy.arn)}};
  describe_resource(out, policy);
  return out;
}

void take_settings(Policy& policy, const Json& input, Time now) {
  if (has(input, "Description")) policy.description = text_or(input, "Description");
  if (has(input, "EncryptionConfiguration")) policy.encryption = input.at("EncryptionConfiguration");
  policy.body = input.at("FirewallPolicy");
  policy.modified = now;
}

}  // namespace

ApiChange create_policy(State& state, const Json& input, Time now) {
  Policy policy;
  policy.name = text_or(input, "FirewallPolicyName");
  IW_CHECK(check_policy(state, input.at("FirewallPolicy"), "LimitExceededException"));
  if (state.policies.contains(policy.name)) return invalid_request("A resource with the specified name already exists");
  if (state.policies.size() >= policies_per_account)
    return refuse("LimitExceededException",
                  fmt::format("the account has its limit of {} firewall policies", policies_per_account));
  policy.arn = make_arn("firewall-policy", policy.name);
  policy.id = random_uuid();
  policy.token = random_uuid();
  policy.tags = read_tags(input);
  take_settings(policy, input, now);

  Change change;
  change.commit = is_true(input, "DryRun") ? Change::Commit::dry_run : Change::Commit::yes;
  change.answer = {{"UpdateToken", policy.token}, {"FirewallPolicyResponse", response_of(state, policy, "ACTIVE")}};
  state.policies.emplace(policy.name, std::move(policy));
  return change;
}

ApiChange update_policy(State& state, const Json& input, Time now) {
  IW_TRY(Policy* const policy, find_policy(state.policies, input));
  if (text_or(input, "UpdateToken") != policy->token)
    return refuse("InvalidTokenException",
                  "Update token is invalid: the firewall policy has changed since it was read");
  IW_CHECK(check_policy(state, input.at("FirewallPolicy"), "InvalidRequestException"));
  const bool strict_before = policy->strict_order();
  const std::string token_before = policy->token;
  take_settings(*policy, input, now);
  if (policy->strict_order() != strict_before)
    return bad_parameter(policy->strict_order() ? "STRICT_ORDER" : "DEFAULT_ACTION_ORDER",
                         "StatefulEngineOptions.RuleOrder can not be changed");
  policy->token = random_uuid();

  Change change;
  change.commit = is_true(input, "DryRun") ? Change::Commit::dry_run : Change::Commit::yes;
  change.answer = {{"UpdateToken", change.commit == Change::Commit::yes ? policy->token : token_before},
                   {"FirewallPolicyResponse", response_of(state, *policy, "ACTIVE")}};
  return change;
}

ApiChange delete_policy(State& state, const Json& input, Time) {
  IW_TRY(const Policy* const policy, find_policy(state.policies, input));
  if (state.firewalls_with_policy(policy->arn) > 0)
    return refuse("InvalidOperationException", "Unable to delete the object because it is still in use, by a firewall");
  Change change;
  change.answer = {{"FirewallPolicyResponse", response_of(state, *policy, "DELETING")}};
  state.policies.erase(std::string(policy->name));
  return change;
}

ApiAnswer describe_policy(const State& state, const Json& input) {
  IW_TRY(const Policy* const policy, find_policy(state.policies, input));
  return Json{{"UpdateToken", policy->token},
              {"FirewallPolicyResponse", response_of(state, *policy, "ACTIVE")},
              {"FirewallPolicy", policy->body}};
}

ApiAnswer list_policies(const State& state, const Json& input) {
  std::vector<Json> items;
  items.reserve(state.policies.size());
  for (const auto& [name, policy] : state.policies) items.push_back({{"Name", name}, {"Arn", policy.arn}});
  IW_TRY(Page page, page_of(items, input, 100, "InvalidRequestException"));
  Json out{{"FirewallPolicies", std::move(page.items)}};
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

}  // namespace intelwall::lab::nfw
