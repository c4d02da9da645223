#include "aws/network_firewall.hpp"

#include <charconv>

#include "aws/json_text.hpp"

namespace intelwall::aws {

namespace {

using Repeat = ServiceClient::Repeat;

std::string target(const char* operation) {
  return std::string("NetworkFirewall_20201112.") + operation;
}

bool is_arn(const std::string& text) {
  return text.starts_with("arn:");
}

/// The answer lacks what its model requires, or gives it in another shape.
std::unexpected<Error> broken_answer(const char* operation, const std::string& what) {
  return fail(ErrorCode::protocol, "the answer has no " + what, std::string("network-firewall ") + operation,
              "check AWS_ENDPOINT_URL: this is not an answer of AWS Network Firewall");
}

Result<std::string> token_of(const Json& answer, const char* operation) {
  std::string token = text_in(answer, "UpdateToken");
  if (token.empty()) return broken_answer(operation, "UpdateToken");
  return token;
}

/// Sends a member back as it came. An empty description is the same as none to AWS.
void resend(Json& input, const char* key, const Json& value) {
  if (value.is_object() || (value.is_string() && !value.get_ref<const std::string&>().empty())) input[key] = value;
}

Result<RuleGroupState> read_rule_group(const Json& answer, Json body, const char* operation) {
  const Json& about = member(answer, "RuleGroupResponse");
  RuleGroupState state;
  IW_TRY(state.update_token, token_of(answer, operation));
  state.arn = text_in(about, "RuleGroupArn");
  state.name = text_in(about, "RuleGroupName");
  if (state.arn.empty() || state.name.empty()) return broken_answer(operation, "RuleGroupResponse with ARN and name");
  // Without its body, the next update would wipe the variables and options of the group.
  if (!body.is_object()) return broken_answer(operation, "RuleGroup");
  state.body = std::move(body);
  state.description = text_in(about, "Description");
  state.status = text_in(about, "RuleGroupStatus");
  state.capacity = count_in(about, "Capacity");
  state.consumed = count_in(about, "ConsumedCapacity");
  state.associations = count_in(about, "NumberOfAssociations");
  for (const Json& tag : items_in(about, "Tags")) state.tags[text_in(tag, "Key")] = text_in(tag, "Value");
  state.encryption = member(about, "EncryptionConfiguration");
  state.source_metadata = member(about, "SourceMetadata");
  state.summary = member(about, "SummaryConfiguration");
  return state;
}

}  // namespace

bool PolicyState::strict_order() const {
  return text_in(member(body, "StatefulEngineOptions"), "RuleOrder") == "STRICT_ORDER";
}

std::vector<PolicyReference> PolicyState::references() const {
  std::vector<PolicyReference> out;
  for (const Json& item : items_in(body, "StatefulRuleGroupReferences")) {
    PolicyReference reference{text_in(item, "ResourceArn"), std::nullopt};
    if (item.is_object() && item.contains("Priority"))
      reference.priority = static_cast<int>(count_in(item, "Priority"));
    out.push_back(std::move(reference));
  }
  return out;
}

NetworkFirewallClient::NetworkFirewallClient(Session session)
    : client_(std::move(session), "NETWORK_FIREWALL", "network-firewall", "network-firewall") {}

Result<FirewallState> NetworkFirewallClient::describe_firewall(const std::string& name_or_arn) const {
  constexpr const char* operation = "DescribeFirewall";
  const Json input = {{is_arn(name_or_arn) ? "FirewallArn" : "FirewallName", name_or_arn}};
  IW_TRY(const Json answer, client_.call_json("1.0", target(operation), input, Repeat::safe));
  const Json& firewall = member(answer, "Firewall");
  const Json& status = member(answer, "FirewallStatus");
  FirewallState state;
  state.arn = text_in(firewall, "FirewallArn");
  state.name = text_in(firewall, "FirewallName");
  state.policy_arn = text_in(firewall, "FirewallPolicyArn");
  if (state.policy_arn.empty()) return broken_answer(operation, "FirewallPolicyArn");
  state.vpc = text_in(firewall, "VpcId");
  state.status = text_in(status, "Status");
  state.sync_summary = text_in(status, "ConfigurationSyncStateSummary");
  const Json& zones = member(status, "SyncStates");
  if (!zones.is_object()) return state;
  for (const auto& [zone, sync] : zones.items()) {
    state.zones.push_back(zone);
    if (auto id = text_in(member(sync, "Attachment"), "EndpointId"); !id.empty()) state.endpoints[zone] = std::move(id);
    const Json& config = member(sync, "Config");
    if (!config.is_object()) continue;
    for (const auto& [arn, one] : config.items())
      state.sync[arn].push_back({zone, text_in(one, "SyncStatus"), text_in(one, "UpdateToken")});
  }
  return state;
}

Result<std::vector<LogDestination>> NetworkFirewallClient::describe_logging(const std::string& name_or_arn) const {
  const Json input = {{is_arn(name_or_arn) ? "FirewallArn" : "FirewallName", name_or_arn}};
  IW_TRY(const Json answer, client_.call_json("1.0", target("DescribeLoggingConfiguration"), input, Repeat::safe));
  std::vector<LogDestination> out;
  for (const Json& one : items_in(member(answer, "LoggingConfiguration"), "LogDestinationConfigs"))
    out.push_back({text_in(one, "LogType"), text_in(one, "LogDestinationType")});
  return out;
}

Result<PolicyState> NetworkFirewallClient::describe_policy(const std::string& arn) const {
  constexpr const char* operation = "DescribeFirewallPolicy";
  const Json input = {{is_arn(arn) ? "FirewallPolicyArn" : "FirewallPolicyName", arn}};
  IW_TRY(Json answer, client_.call_json("1.0", target(operation), input, Repeat::safe));
  const Json& about = member(answer, "FirewallPolicyResponse");
  PolicyState state;
  IW_TRY(state.update_token, token_of(answer, operation));
  state.arn = text_in(about, "FirewallPolicyArn");
  state.name = text_in(about, "FirewallPolicyName");
  if (state.arn.empty()) return broken_answer(operation, "FirewallPolicyArn");
  if (!member(answer, "FirewallPolicy").is_object()) return broken_answer(operation, "FirewallPolicy");
  state.description = text_in(about, "Description");
  state.encryption = member(about, "EncryptionConfiguration");
  state.consumed_stateful_capacity = count_in(about, "ConsumedStatefulRuleCapacity");
  state.associations = count_in(about, "NumberOfAssociations");
  state.body = std::move(answer["FirewallPolicy"]);
  return state;
}

Result<RuleGroupState> NetworkFirewallClient::describe_rule_group(const std::string& name_or_arn) const {
  constexpr const char* operation = "DescribeRuleGroup";
  const Json input = is_arn(name_or_arn) ? Json{{"RuleGroupArn", name_or_arn}}
                                         : Json{{"RuleGroupName", name_or_arn}, {"Type", "STATEFUL"}};
  IW_TRY(Json answer, client_.call_json("1.0", target(operation), input, Repeat::safe));
  Json body = std::move(answer["RuleGroup"]);
  return read_rule_group(answer, std::move(body), operation);
}

Result<std::vector<std::string>> NetworkFirewallClient::list_firewalls() const {
  constexpr const char* operation = "ListFirewalls";
  constexpr int max_pages = 1'000;
  std::vector<std::string> arns;
  Json input = {{"MaxResults", 100}};
  for (int page = 0; page < max_pages; ++page) {
    IW_TRY(const Json answer, client_.call_json("1.0", target(operation), input, Repeat::safe));
    for (const Json& firewall : items_in(answer, "Firewalls")) arns.push_back(text_in(firewall, "FirewallArn"));
    const std::string next = text_in(answer, "NextToken");
    if (next.empty()) return arns;
    input["NextToken"] = next;
  }
  return broken_answer(operation, "last page");
}

Result<RuleGroupState> NetworkFirewallClient::create_rule_group(const std::string& name, const Json& body,
                                                                std::size_t capacity, const std::string& description,
                                                                const std::map<std::string, std::string>& tags,
                                                                DryRun dry_run) const {
  constexpr const char* operation = "CreateRuleGroup";
  Json input = {{"RuleGroupName", name}, {"Type", "STATEFUL"}, {"Capacity", capacity}, {"RuleGroup", body}};
  resend(input, "Description", description);
  for (const auto& [key, value] : tags) input["Tags"].push_back({{"Key", key}, {"Value", value}});
  if (dry_run == DryRun::yes) input["DryRun"] = true;
  // No client token in this API: a second try after a lost answer would fail on the group that the first one made.
  const Repeat repeat = dry_run == DryRun::yes ? Repeat::safe : Repeat::unsafe;
  IW_TRY(const Json answer, client_.call_json("1.0", target(operation), input, repeat));
  return read_rule_group(answer, body, operation);
}

Result<std::string> NetworkFirewallClient::update_rule_group(const RuleGroupState& current, const Json& new_body,
                                                             DryRun dry_run) const {
  constexpr const char* operation = "UpdateRuleGroup";
  // Always RuleGroup: `Rules` is refused for a STRICT_ORDER group (https://github.com/aws/aws-cli/issues/7301).
  Json input = {{"RuleGroupArn", current.arn}, {"UpdateToken", current.update_token}, {"RuleGroup", new_body}};
  resend(input, "Description", current.description);
  resend(input, "EncryptionConfiguration", current.encryption);
  resend(input, "SourceMetadata", current.source_metadata);
  resend(input, "SummaryConfiguration", current.summary);
  if (dry_run == DryRun::yes) input["DryRun"] = true;
  // The token makes a repeat harmless: if the lost answer was a success, the repeat is InvalidTokenException.
  IW_TRY(const Json answer, client_.call_json("1.0", target(operation), input, Repeat::safe));
  return token_of(answer, operation);
}

Result<void> NetworkFirewallClient::delete_rule_group(const std::string& arn) const {
  IW_CHECK(client_.call_json("1.0", target("DeleteRuleGroup"), {{"RuleGroupArn", arn}}, Repeat::safe));
  return {};
}

Result<std::string> NetworkFirewallClient::update_policy(const PolicyState& current, const Json& new_body) const {
  constexpr const char* operation = "UpdateFirewallPolicy";
  Json input = {
      {"FirewallPolicyArn", current.arn}, {"UpdateToken", current.update_token}, {"FirewallPolicy", new_body}};
  resend(input, "Description", current.description);
  resend(input, "EncryptionConfiguration", current.encryption);
  IW_TRY(const Json answer, client_.call_json("1.0", target(operation), input, Repeat::safe));
  return token_of(answer, operation);
}

Result<std::string> NetworkFirewallClient::start_flow_flush(const std::string& firewall_arn, const std::string& zone,
                                                            const std::vector<FlowEnds>& filters) const {
  constexpr const char* operation = "StartFlowFlush";
  Json input = {{"FirewallArn", firewall_arn}, {"AvailabilityZone", zone}, {"FlowFilters", Json::array()}};
  const auto address = [](const std::string& text) {
    return Json{{"AddressDefinition", text + (text.contains(':') ? "/128" : "/32")}};
  };
  for (const auto& ends : filters) {
    Json filter = {{"SourceAddress", address(ends.source)}, {"DestinationAddress", address(ends.destination)}};
    if (ends.source_port != 0) filter["SourcePort"] = std::to_string(ends.source_port);
    if (ends.destination_port != 0) filter["DestinationPort"] = std::to_string(ends.destination_port);
    input["FlowFilters"].push_back(std::move(filter));
  }
  // What is flushed already is not flushed again: a repeat does no harm.
  IW_TRY(const Json answer, client_.call_json("1.0", target(operation), input, Repeat::safe));
  std::string id = text_in(answer, "FlowOperationId");
  if (id.empty()) return broken_answer(operation, "FlowOperationId");
  return id;
}

Result<FlowOperation> NetworkFirewallClient::flow_operation(const std::string& firewall_arn, const std::string& zone,
                                                            const std::string& id) const {
  constexpr const char* operation = "ListFlowOperationResults";
  constexpr int max_pages = 100;  // ten thousand flows of twenty filters: more are not counted
  const auto address = [](const Json& flow, const char* side) {
    const std::string text = text_in(member(flow, side), "AddressDefinition");
    return text.substr(0, text.find('/'));
  };
  const auto port = [](const Json& flow, const char* side) {
    const std::string text = text_in(flow, side);
    std::uint16_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  };
  FlowOperation out;
  Json input = {
      {"FirewallArn", firewall_arn}, {"AvailabilityZone", zone}, {"FlowOperationId", id}, {"MaxResults", 100}};
  for (int page = 0; page < max_pages; ++page) {
    IW_TRY(const Json answer, client_.call_json("1.0", target(operation), input, Repeat::safe));
    out.status = text_in(answer, "FlowOperationStatus");
    out.message = text_in(answer, "StatusMessage");
    if (out.status.empty()) return broken_answer(operation, "FlowOperationStatus");
    for (const Json& flow : items_in(answer, "Flows"))
      out.flows.push_back({address(flow, "SourceAddress"), address(flow, "DestinationAddress"),
                           port(flow, "SourcePort"), port(flow, "DestinationPort")});
    const std::string next = text_in(answer, "NextToken");
    if (next.empty()) break;
    input["NextToken"] = next;
  }
  return out;
}

}  // namespace intelwall::aws
