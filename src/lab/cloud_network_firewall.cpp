#include "lab/cloud_network_firewall.hpp"

#include <fmt/format.h>

#include <set>
#include <unordered_map>

#include "lab/cloud.hpp"

namespace intelwall::lab {
namespace nfw {

bool Policy::strict_order() const {
  return text_or(child(body, "StatefulEngineOptions"), "RuleOrder") == "STRICT_ORDER";
}

std::vector<std::string> Policy::group_arns() const {
  std::vector<std::string> arns;
  for (const Json& reference : child(body, "StatefulRuleGroupReferences"))
    arns.push_back(text_or(reference, "ResourceArn"));
  return arns;
}

const RuleGroup* State::group_by_arn(const std::string& arn) const {
  for (const auto& [name, group] : groups) {
    if (group.arn == arn) return &group;
  }
  return nullptr;
}

const Policy* State::policy_by_arn(const std::string& arn) const {
  for (const auto& [name, policy] : policies) {
    if (policy.arn == arn) return &policy;
  }
  return nullptr;
}

std::size_t State::policies_with_group(const std::string& arn) const {
  std::size_t count = 0;
  for (const auto& [name, policy] : policies) {
    for (const std::string& reference : policy.group_arns()) count += reference == arn ? 1 : 0;
  }
  return count;
}

std::size_t State::firewalls_with_policy(const std::string& arn) const {
  std::size_t count = 0;
  for (const auto& [name, firewall] : firewalls) count += firewall.policy_arn == arn ? 1 : 0;
  return count;
}

std::string make_arn(const char* kind, const std::string& name) {
  return fmt::format("arn:aws:network-firewall:{}:{}:{}/{}", region, account_id, kind, name);
}

std::unexpected<ApiError> invalid_request(std::string message) {
  return refuse("InvalidRequestException", std::move(message));
}

std::unexpected<ApiError> bad_parameter(const std::string& parameter, const std::string& context) {
  return invalid_request(
      fmt::format("parameter is invalid, parameter: [{}], context: {}", printable(parameter, 128), context));
}

std::unexpected<ApiError> not_found(const std::string& what) {
  return refuse("ResourceNotFoundException", fmt::format("Resource not found: {}", printable(what, 256)));
}

Tags read_tags(const Json& input) {
  Tags tags;
  for (const Json& tag : child(input, "Tags")) tags[text_or(tag, "Key")] = text_or(tag, "Value");
  return tags;
}

void describe_resource(Json& out, const Resource& resource) {
  if (!resource.description.empty()) out["Description"] = resource.description;
  if (!resource.tags.empty()) {
    Json& tags = out["Tags"] = Json::array();
    for (const auto& [key, value] : resource.tags) tags.push_back({{"Key", key}, {"Value", value}});
  }
  out["EncryptionConfiguration"] = resource.encryption.is_object()
                                       ? resource.encryption
                                       : Json{{"KeyId", "AWS_OWNED_KMS_KEY"}, {"Type", "AWS_OWNED_KMS_KEY"}};
  out["LastModifiedTime"] = resource.modified.time_since_epoch().count();
}

}  // namespace nfw

namespace {

nfw::State seed(NetworkFirewall::Order order, Time now) {
  nfw::State state;
  nfw::Policy policy;
  policy.name = policy_name;
  policy.arn = nfw::make_arn("firewall-policy", policy.name);
  policy.id = random_uuid();
  policy.token = random_uuid();
  policy.modified = now;
  policy.body = {{"StatelessDefaultActions", {"aws:forward_to_sfe"}},
                 {"StatelessFragmentDefaultActions", {"aws:forward_to_sfe"}},
                 {"StatefulEngineOptions",
                  {{"RuleOrder", order == NetworkFirewall::Order::strict ? "STRICT_ORDER" : "DEFAULT_ACTION_ORDER"},
                   {"StreamExceptionPolicy", "DROP"}}},
                 {"PolicyVariables", {{"RuleVariables", {{"HOME_NET", {{"Definition", {vpc_cidr}}}}}}}}};
  nfw::Firewall firewall;
  firewall.name = firewall_name;
  firewall.arn = nfw::make_arn("firewall", firewall.name);
  firewall.id = random_uuid();
  firewall.token = random_uuid();
  firewall.modified = now;
  firewall.policy_arn = policy.arn;
  firewall.log_destinations = Json::array({{{"LogType", "ALERT"},
                                            {"LogDestinationType", "CloudWatchLogs"},
                                            {"LogDestination", {{"logGroup", "/intelwall/lab/alert"}}}}});
  state.policies.emplace(policy.name, std::move(policy));
  state.firewalls.emplace(firewall.name, std::move(firewall));
  return state;
}

/// The policy that the firewall has; the seed and every write keep it there.
const nfw::Policy& active_policy(const nfw::State& state) {
  const nfw::Policy* policy = state.policy_by_arn(state.firewalls.at(firewall_name).policy_arn);
  IW_ASSERT(policy != nullptr);
  return *policy;
}

/// Versions of all that the firewall's behaviour is made of.
std::map<std::string, std::string> active_tokens(const nfw::State& state) {
  const nfw::Policy& policy = active_policy(state);
  std::map<std::string, std::string> tokens{{policy.arn, policy.token}};
  for (const std::string& arn : policy.group_arns()) {
    if (const nfw::RuleGroup* group = state.group_by_arn(arn)) tokens.emplace(arn, group->token);
  }
  return tokens;
}

PolicySnapshot policy_settings(const nfw::Policy& policy) {
  PolicySnapshot snapshot;
  snapshot.strict_order = policy.strict_order();
  snapshot.vpc_cidr = vpc_cidr;
  const std::string exception =
      text_or(child(policy.body, "StatefulEngineOptions"), "StreamExceptionPolicy", "DROP");  // the default
  if (exception == "REJECT") snapshot.stream_exception = StreamException::reject;
  if (exception == "CONTINUE") snapshot.stream_exception = StreamException::go_on;
  for (const auto& [name, set] : child(child(policy.body, "PolicyVariables"), "RuleVariables").items()) {
    std::string value;
    for (const Json& part : child(set, "Definition")) value += (value.empty() ? "" : ",") + part.get<std::string>();
    snapshot.variables[name] = "[" + value + "]";
  }
  for (const Json& action : child(policy.body, "StatefulDefaultActions"))
    snapshot.default_actions.push_back(action.get<std::string>());
  return snapshot;
}

/// A group that is not ours to know (managed, other accounts) has no rules here.
PolicySnapshot snapshot_of(const nfw::State& state) {
  const nfw::Policy& policy = active_policy(state);
  PolicySnapshot snapshot = policy_settings(policy);
  for (const Json& reference : child(policy.body, "StatefulRuleGroupReferences")) {
    const nfw::RuleGroup* group = state.group_by_arn(text_or(reference, "ResourceArn"));
    if (group == nullptr) continue;
    std::optional<int> priority;
    if (has(reference, "Priority")) priority = static_cast<int>(integer_or(reference, "Priority", 0));
    snapshot.groups.push_back({group->arn, priority, *group->body});
  }
  return snapshot;
}

ApiError engine_refusal(const Error& error) {
  if (error.code == ErrorCode::unavailable || error.code == ErrorCode::system)
    return {"InternalServerError", printable(error.to_text(), 1024), 500};
  return {"InvalidRequestException", "rule is invalid, reason: " + printable(error.to_text(), 1024)};
}

}  // namespace

NetworkFirewall::NetworkFirewall(std::shared_ptr<DataPlane> data_plane, Clock clock,
                                 std::chrono::milliseconds sync_delay, Order order)
    : data_plane_(std::move(data_plane)),
      clock_(std::move(clock)),
      state_(std::make_shared<const nfw::State>(seed(order, clock_()))),
      deployment_(data_plane_, sync_delay),
      flow_operations_(data_plane_, clock_, nfw::zone_names()) {
  Deployment::Version version{.compiled = {}, .tokens = active_tokens(*state_)};
  if (data_plane_) {
    Result<CompiledPolicy> compiled = compile_policy(snapshot_of(*state_));
    IW_ASSERT(compiled.has_value());  // the seed has no rules
    version.compiled = *std::move(compiled);
  }
  deployment_.submit(std::move(version));
}

std::shared_ptr<const nfw::State> NetworkFirewall::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

ApiResult<Deployment::Version> NetworkFirewall::try_out(const nfw::State& state) const {
  Deployment::Version version{.compiled = {}, .tokens = active_tokens(state)};
  if (!data_plane_) return version;
  Result<CompiledPolicy> compiled = compile_policy(snapshot_of(state));
  if (!compiled) return std::unexpected(engine_refusal(compiled.error()));
  if (const Result<void> tested = data_plane_->test(*compiled); !tested)
    return std::unexpected(engine_refusal(tested.error()));
  version.compiled = *std::move(compiled);
  return version;
}

ApiResult<void> NetworkFirewall::try_group_alone(const nfw::State& state, const std::string& arn) const {
  const nfw::RuleGroup* group = state.group_by_arn(arn);
  if (!data_plane_ || group == nullptr) return {};
  PolicySnapshot snapshot = policy_settings(active_policy(state));
  snapshot.strict_order = group->strict_order;
  snapshot.default_actions.clear();
  snapshot.groups.push_back({group->arn, group->strict_order ? std::optional(1) : std::nullopt, *group->body});
  const Result<CompiledPolicy> compiled = compile_policy(snapshot);
  if (!compiled) return std::unexpected(engine_refusal(compiled.error()));
  if (const Result<void> tested = data_plane_->test(*compiled); !tested)
    return std::unexpected(engine_refusal(tested.error()));
  return {};
}

ApiAnswer NetworkFirewall::write(Write operation, const Json& input) {
  const std::scoped_lock one_writer(writers_);
  const auto before = state();
  nfw::State next = *before;
  IW_TRY(nfw::Change change, operation(next, input, clock_()));

  const bool active_changes = active_tokens(next) != active_tokens(*before);
  std::optional<Deployment::Version> version;
  if (active_changes) {
    IW_TRY(version, try_out(next));
  } else if (!change.group_arn.empty()) {
    IW_CHECK(try_group_alone(next, change.group_arn));
  }
  if (change.commit == nfw::Change::Commit::dry_run) return std::move(change.answer);
  {
    const std::scoped_lock lock(mutex_);
    state_ = std::make_shared<const nfw::State>(std::move(next));
  }
  if (version) deployment_.submit(*std::move(version));
  return std::move(change.answer);
}

ApiAnswer NetworkFirewall::call(const std::string& operation, Json input) {
  static const std::unordered_map<std::string, Write> writes{{"CreateRuleGroup", nfw::create_rule_group},
                                                             {"UpdateRuleGroup", nfw::update_rule_group},
                                                             {"DeleteRuleGroup", nfw::delete_rule_group},
                                                             {"CreateFirewallPolicy", nfw::create_policy},
                                                             {"UpdateFirewallPolicy", nfw::update_policy},
                                                             {"DeleteFirewallPolicy", nfw::delete_policy},
                                                             {"AssociateFirewallPolicy", nfw::associate_policy},
                                                             {"UpdateLoggingConfiguration", nfw::update_logging},
                                                             {"TagResource", nfw::tag_resource},
                                                             {"UntagResource", nfw::untag_resource}};
  static const std::unordered_map<std::string, Read> reads{
      {"DescribeRuleGroup", nfw::describe_rule_group},
      {"DescribeRuleGroupMetadata", nfw::describe_rule_group_metadata},
      {"DescribeRuleGroupSummary", nfw::describe_rule_group_summary},
      {"ListRuleGroups", nfw::list_rule_groups},
      {"DescribeFirewallPolicy", nfw::describe_policy},
      {"ListFirewallPolicies", nfw::list_policies},
      {"DescribeLoggingConfiguration", nfw::describe_logging},
      {"ListFirewalls", nfw::list_firewalls},
      {"ListTagsForResource", nfw::list_tags}};

  const ShapePtr shape = nfw::input_shape(operation);
  if (!shape) return no_operation(operation);
  IW_CHECK(check_input(*shape, input));
  if (const auto found = writes.find(operation); found != writes.end()) return write(found->second, input);
  const auto now = state();
  if (FlowOperations::knows(operation)) {
    IW_CHECK(nfw::find_firewall(*now, input));
    return flow_operations_.call(operation, input);
  }
  if (operation == "DescribeFirewall") return nfw::describe_firewall(*now, input, deployment_);
  return reads.at(operation)(*now, input);
}

}  // namespace intelwall::lab
