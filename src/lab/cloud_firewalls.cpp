// Network Firewall's firewalls, their sync states, and tags on all resources.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "lab/cloud.hpp"
#include "lab/cloud_network_firewall.hpp"

namespace intelwall::lab::nfw {
namespace {

struct Zone {
  const char* name;
  const char* subnet;
  const char* endpoint;
};
constexpr std::array zones{Zone{"us-east-1a", "subnet-0a11ab1ab1ab1ab1a", "vpce-0a11ab1ab1ab1ab1a"},
                           Zone{"us-east-1b", "subnet-0b22ab1ab1ab1ab1b", "vpce-0b22ab1ab1ab1ab1b"}};
constexpr const char* vpc_id = "vpc-01ab1ab1ab1ab1ab1";

/// State and Resource, or both const.
template <class AnyState>
auto find_taggable(AnyState& state, const Json& input) {
  using Found = std::conditional_t<std::is_const_v<AnyState>, const Resource, Resource>;
  const std::string arn = text_or(input, "ResourceArn");
  const auto look = [&arn](auto& all) -> Found* {
    for (auto& [name, resource] : all) {
      if (resource.arn == arn) return &resource;
    }
    return nullptr;
  };
  for (Found* found : {look(state.groups), look(state.policies), look(state.firewalls)}) {
    if (found != nullptr) return ApiResult<Found*>(found);
  }
  return ApiResult<Found*>(not_found(arn));
}

/// By ARN, the version that the firewall's policy is made of: its own and its groups'.
std::map<std::string, std::string> configuration(const State& state, const Firewall& firewall) {
  std::map<std::string, std::string> tokens;
  const Policy* policy = state.policy_by_arn(firewall.policy_arn);
  IW_ASSERT(policy != nullptr);
  tokens.emplace(policy->arn, policy->token);
  for (const std::string& arn : policy->group_arns()) {
    if (const RuleGroup* group = state.group_by_arn(arn)) tokens.emplace(arn, group->token);
  }
  return tokens;
}

}  // namespace

ApiResult<const Firewall*> find_firewall(const State& state, const Json& input) {
  return find_resource(state.firewalls, input, "FirewallArn", "FirewallName");
}

std::vector<std::string> zone_names() {
  std::vector<std::string> names;
  for (const Zone& zone : zones) names.emplace_back(zone.name);
  return names;
}

ApiAnswer describe_firewall(const State& state, const Json& input, const Deployment& deployment) {
  IW_TRY(const Firewall* const firewall, find_firewall(state, input));
  Json subnets = Json::array();
  for (const Zone& zone : zones) subnets.push_back({{"SubnetId", zone.subnet}, {"IPAddressType", "IPV4"}});
  Json described{{"FirewallName", firewall->name},
                 {"FirewallArn", firewall->arn},
                 {"FirewallId", firewall->id},
                 {"FirewallPolicyArn", firewall->policy_arn},
                 {"VpcId", vpc_id},
                 {"SubnetMappings", std::move(subnets)},
                 {"DeleteProtection", false},
                 {"SubnetChangeProtection", false},
                 {"FirewallPolicyChangeProtection", false}};
  describe_resource(described, *firewall);
  described.erase("LastModifiedTime");  // firewalls have none

  Json config = Json::object();
  bool all_in_sync = true;
  for (const auto& [arn, token] : configuration(state, *firewall)) {
    const bool in_sync = deployment.in_sync(arn, token);
    all_in_sync = all_in_sync && in_sync;
    config[arn] = {{"SyncStatus", in_sync ? "IN_SYNC" : "PENDING"}, {"UpdateToken", token}};
  }
  Json sync = Json::object();
  const std::string failure = all_in_sync ? "" : deployment.failure();
  for (const Zone& zone : zones) {
    Json attachment{{"SubnetId", zone.subnet}, {"EndpointId", zone.endpoint}, {"Status", "READY"}};
    if (!failure.empty()) attachment["StatusMessage"] = failure;
    sync[zone.name] = {{"Attachment", std::move(attachment)}, {"Config", config}};
  }
  return Json{{"UpdateToken", firewall->token},
              {"Firewall", std::move(described)},
              {"FirewallStatus",
               {{"Status", "READY"},
                {"ConfigurationSyncStateSummary", all_in_sync ? "IN_SYNC" : "PENDING"},
                {"SyncStates", std::move(sync)}}}};
}

ApiAnswer list_firewalls(const State& state, const Json& input) {
  std::vector<Json> items;
  const Json& vpcs = child(input, "VpcIds");
  for (const auto& [name, firewall] : state.firewalls) {
    bool wanted = vpcs.empty();
    for (const Json& vpc : vpcs) wanted = wanted || vpc == vpc_id;
    if (wanted) items.push_back({{"FirewallName", name}, {"FirewallArn", firewall.arn}});
  }
  IW_TRY(Page page, page_of(items, input, 100, "InvalidRequestException"));
  Json out{{"Firewalls", std::move(page.items)}};
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

ApiAnswer describe_logging(const State& state, const Json& input) {
  IW_TRY(const Firewall* const firewall, find_firewall(state, input));
  return Json{{"FirewallArn", firewall->arn},
              {"LoggingConfiguration", {{"LogDestinationConfigs", firewall->log_destinations}}}};
}

/// Network Firewall takes one change a call: one destination more, one less, or one that is different. The records
/// themselves always go to the lab's own file.
ApiChange update_logging(State& state, const Json& input, Time) {
  IW_TRY(Firewall* const firewall, find_resource(state.firewalls, input, "FirewallArn", "FirewallName"));
  Json wanted = child(child(input, "LoggingConfiguration"), "LogDestinationConfigs");
  if (!wanted.is_array()) wanted = Json::array();
  const auto missing_in = [](const Json& there, const Json& from) {
    return std::ranges::count_if(from,
                                 [&there](const Json& each) { return std::ranges::find(there, each) == there.end(); });
  };
  if (missing_in(wanted, firewall->log_destinations) > 1 || missing_in(firewall->log_destinations, wanted) > 1)
    return invalid_request("Only one change to LogDestinationConfigs is allowed in a call");
  firewall->log_destinations = wanted;
  Change change;
  change.answer = {{"FirewallArn", firewall->arn},
                   {"FirewallName", firewall->name},
                   {"LoggingConfiguration", {{"LogDestinationConfigs", std::move(wanted)}}}};
  return change;
}

ApiChange associate_policy(State& state, const Json& input, Time now) {
  IW_TRY(Firewall* const firewall, find_resource(state.firewalls, input, "FirewallArn", "FirewallName"));
  if (has(input, "UpdateToken") && text_or(input, "UpdateToken") != firewall->token)
    return refuse("InvalidTokenException", "Update token is invalid: the firewall has changed since it was read");
  const Policy* policy = state.policy_by_arn(text_or(input, "FirewallPolicyArn"));
  if (policy == nullptr) return not_found(text_or(input, "FirewallPolicyArn"));
  firewall->policy_arn = policy->arn;
  firewall->token = random_uuid();
  firewall->modified = now;
  Change change;
  change.answer = {{"FirewallArn", firewall->arn},
                   {"FirewallName", firewall->name},
                   {"FirewallPolicyArn", firewall->policy_arn},
                   {"UpdateToken", firewall->token}};
  return change;
}

ApiChange tag_resource(State& state, const Json& input, Time) {
  IW_TRY(Resource* const resource, find_taggable(state, input));
  for (const auto& [key, value] : read_tags(input)) resource->tags[key] = value;
  if (resource->tags.size() > tags_per_resource)
    return invalid_request(fmt::format("a resource has at most {} tags", tags_per_resource));
  Change change;
  change.answer = Json::object();
  return change;
}

ApiChange untag_resource(State& state, const Json& input, Time) {
  IW_TRY(Resource* const resource, find_taggable(state, input));
  for (const Json& key : input.at("TagKeys")) resource->tags.erase(key.get<std::string>());
  Change change;
  change.answer = Json::object();
  return change;
}

ApiAnswer list_tags(const State& state, const Json& input) {
  IW_TRY(const Resource* const resource, find_taggable(state, input));
  std::vector<Json> tags;
  for (const auto& [key, value] : resource->tags) tags.push_back({{"Key", key}, {"Value", value}});
  IW_TRY(Page page, page_of(tags, input, 100, "InvalidRequestException"));
  Json out = Json::object();
  if (!page.items.empty()) out["Tags"] = std::move(page.items);  // the model wants at least one
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

}  // namespace intelwall::lab::nfw
