// The inputs of Network Firewall's operations, as its service model (2020-11-12) states them.
#include <unordered_map>

#include "lab/cloud_network_firewall.hpp"

namespace intelwall::lab::nfw {
namespace {

using namespace shapes;  // NOLINT(google-build-using-namespace): a table of nothing but shapes

ShapePtr name() {
  return text(1, 128, &patterns::name);
}
ShapePtr arn() {
  return text(1, 256, &patterns::arn);
}
ShapePtr token() {
  return text(1, 1024, &patterns::token);
}
ShapePtr description() {
  return text(0, 512, &patterns::one_line);
}
ShapePtr one_line() {
  return text(1, unbounded, &patterns::one_line);
}
ShapePtr next_token() {
  return text(1, 4096);
}
ShapePtr max_results() {
  return integer(1, 100);
}
ShapePtr type() {
  return one_of({"STATELESS", "STATEFUL", "STATEFUL_DOMAIN"});
}
ShapePtr rule_order() {
  return one_of({"DEFAULT_ACTION_ORDER", "STRICT_ORDER"});
}
ShapePtr variable_name() {
  return text(1, 32, &patterns::variable);
}
ShapePtr tags() {
  return list(structure({required("Key", text(1, 128, &patterns::one_line)),
                         required("Value", text(0, 256, &patterns::one_line))}),
              1, static_cast<std::int64_t>(tags_per_resource));
}
ShapePtr encryption() {
  return structure({optional("KeyId", text(1, 2048, &patterns::not_blank)),
                    required("Type", one_of({"CUSTOMER_KMS", "AWS_OWNED_KMS_KEY"}))});
}
ShapePtr ip_sets() {
  return map(variable_name(), structure({required("Definition", list(one_line()))}));
}

ShapePtr stateful_rule() {
  const ShapePtr side = text(1, 1024, &patterns::one_line);
  const ShapePtr header = structure(
      {required("Protocol",
                one_of({"IP",   "TCP",  "UDP", "ICMP", "HTTP",  "FTP",  "TLS", "SMB",  "DNS",   "DCERPC", "SSH",
                        "SMTP", "IMAP", "MSN", "KRB5", "IKEV2", "TFTP", "NTP", "DHCP", "HTTP2", "QUIC"})),
       required("Source", side), required("SourcePort", side), required("Direction", one_of({"FORWARD", "ANY"})),
       required("Destination", side), required("DestinationPort", side)});
  const ShapePtr option = structure({required("Keyword", text(1, 128, &patterns::one_line)),
                                     optional("Settings", list(text(1, 8192, &patterns::one_line)))});
  return structure({required("Action", one_of({"PASS", "DROP", "ALERT", "REJECT"})), required("Header", header),
                    required("RuleOptions", list(option))});
}

ShapePtr rule_group() {
  const ShapePtr domain_list =
      structure({required("Targets", list(text())), required("TargetTypes", list(one_of({"TLS_SNI", "HTTP_HOST"}))),
                 required("GeneratedRulesType", one_of({"ALLOWLIST", "DENYLIST", "REJECTLIST", "ALERTLIST"}))});
  return structure(
      {optional("RuleVariables",
                structure({optional("IPSets", ip_sets()),
                           optional("PortSets",
                                    map(variable_name(), structure({optional("Definition", list(one_line()))})))})),
       optional("ReferenceSets",
                structure({optional("IPSetReferences",
                                    map(variable_name(), structure({optional("ReferenceArn", arn())}), 5))})),
       required("RulesSource",
                structure({optional("RulesString", text(0, rules_byte_limit)), optional("RulesSourceList", domain_list),
                           optional("StatefulRules", list(stateful_rule())),
                           optional("StatelessRulesAndCustomActions", object())})),
       optional("StatefulRuleOptions", structure({optional("RuleOrder", rule_order())}))});
}

ShapePtr policy() {
  const ShapePtr action = text(1, 128);
  const ShapePtr priority = integer(1, 65535);
  return structure(
      {optional("StatelessRuleGroupReferences",
                list(structure({required("ResourceArn", arn()), required("Priority", priority)}))),
       required("StatelessDefaultActions", list(action)), required("StatelessFragmentDefaultActions", list(action)),
       optional("StatelessCustomActions",
                list(structure({required("ActionName", text(1, 128)), required("ActionDefinition", object())}))),
       optional("StatefulRuleGroupReferences",
                list(structure({required("ResourceArn", arn()), optional("Priority", priority),
                                optional("Override", structure({optional("Action", one_of({"DROP_TO_ALERT"}))})),
                                optional("DeepThreatInspection", boolean())}))),
       optional("StatefulDefaultActions", list(action)),
       optional(
           "StatefulEngineOptions",
           structure({optional("RuleOrder", rule_order()),
                      optional("StreamExceptionPolicy", one_of({"DROP", "CONTINUE", "REJECT"})),
                      optional("FlowTimeouts", structure({optional("TcpIdleTimeoutSeconds", integer(60, 6000))}))})),
       optional("TLSInspectionConfigurationArn", arn()),
       optional("PolicyVariables", structure({optional("RuleVariables", ip_sets())})),
       optional("EnableTLSSessionHolding", boolean())});
}

ShapePtr start_flow_operation() {
  const ShapePtr address = structure({required("AddressDefinition", text(1, 255))});
  const ShapePtr port = text(1, 1024, &patterns::one_line);
  const ShapePtr filter = structure({optional("SourceAddress", address), optional("DestinationAddress", address),
                                     optional("SourcePort", port), optional("DestinationPort", port),
                                     optional("Protocols", list(text(1, 12, &patterns::one_line)))});
  return structure({required("FirewallArn", arn()), optional("AvailabilityZone", text()),
                    optional("MinimumFlowAgeInSeconds", integer()), required("FlowFilters", list(filter))});
}
ShapePtr flow_operation(std::vector<Shape::Member> more) {
  more.push_back(required("FirewallArn", arn()));
  more.push_back(required("FlowOperationId", text(36, 36, &patterns::token)));
  more.push_back(optional("AvailabilityZone", text()));
  return structure(std::move(more));
}

std::unordered_map<std::string, ShapePtr> all() {
  const ShapePtr group = rule_group(), policy_document = policy();
  const ShapePtr source_metadata = structure({optional("SourceArn", arn()), optional("SourceUpdateToken", token())});
  const ShapePtr summary = structure({optional("RuleOptions", list(one_of({"SID", "MSG", "METADATA"})))});
  const ShapePtr rules = text(0, rules_byte_limit);
  const ShapePtr describe_group = structure({optional("RuleGroupName", name()), optional("RuleGroupArn", arn()),
                                             optional("Type", type()), optional("AnalyzeRuleGroup", boolean())});
  const ShapePtr describe_policy =
      structure({optional("FirewallPolicyName", name()), optional("FirewallPolicyArn", arn())});
  const ShapePtr describe_firewall = structure({optional("FirewallName", name()), optional("FirewallArn", arn())});
  const ShapePtr list_policies =
      structure({optional("NextToken", next_token()), optional("MaxResults", max_results())});
  return {
      {"CreateRuleGroup",
       structure({required("RuleGroupName", name()), optional("RuleGroup", group), optional("Rules", rules),
                  required("Type", type()), optional("Description", description()), required("Capacity", integer()),
                  optional("Tags", tags()), optional("DryRun", boolean()),
                  optional("EncryptionConfiguration", encryption()), optional("SourceMetadata", source_metadata),
                  optional("AnalyzeRuleGroup", boolean()), optional("SummaryConfiguration", summary)})},
      {"UpdateRuleGroup",
       structure({required("UpdateToken", token()), optional("RuleGroupArn", arn()), optional("RuleGroupName", name()),
                  optional("RuleGroup", group), optional("Rules", rules), optional("Type", type()),
                  optional("Description", description()), optional("DryRun", boolean()),
                  optional("EncryptionConfiguration", encryption()), optional("SourceMetadata", source_metadata),
                  optional("AnalyzeRuleGroup", boolean()), optional("SummaryConfiguration", summary)})},
      {"DescribeRuleGroup", describe_group},
      {"DescribeRuleGroupMetadata", describe_group},
      {"DescribeRuleGroupSummary", describe_group},
      {"DeleteRuleGroup", describe_group},
      {"ListRuleGroups",
       structure({optional("NextToken", next_token()), optional("MaxResults", max_results()),
                  optional("Scope", one_of({"MANAGED", "ACCOUNT"})),
                  optional("ManagedType", one_of({"AWS_MANAGED_THREAT_SIGNATURES", "AWS_MANAGED_DOMAIN_LISTS",
                                                  "ACTIVE_THREAT_DEFENSE", "PARTNER_MANAGED"})),
                  optional("SubscriptionStatus", one_of({"NOT_SUBSCRIBED", "SUBSCRIBED"})), optional("Type", type())})},
      {"CreateFirewallPolicy",
       structure({required("FirewallPolicyName", name()), required("FirewallPolicy", policy_document),
                  optional("Description", description()), optional("Tags", tags()), optional("DryRun", boolean()),
                  optional("EncryptionConfiguration", encryption())})},
      {"UpdateFirewallPolicy",
       structure({required("UpdateToken", token()), optional("FirewallPolicyArn", arn()),
                  optional("FirewallPolicyName", name()), required("FirewallPolicy", policy_document),
                  optional("Description", description()), optional("DryRun", boolean()),
                  optional("EncryptionConfiguration", encryption())})},
      {"DescribeFirewallPolicy", describe_policy},
      {"DeleteFirewallPolicy", describe_policy},
      {"ListFirewallPolicies", list_policies},
      {"DescribeFirewall", describe_firewall},
      {"DescribeLoggingConfiguration", describe_firewall},
      {"UpdateLoggingConfiguration",
       structure({optional("FirewallArn", arn()), optional("FirewallName", name()),
                  optional("LoggingConfiguration",
                           structure({required(
                               "LogDestinationConfigs",
                               list(structure({required("LogType", one_of({"ALERT", "FLOW", "TLS"})),
                                               required("LogDestinationType",
                                                        one_of({"S3", "CloudWatchLogs", "KinesisDataFirehose"})),
                                               required("LogDestination", map(text(3, 50), text(1, 1024), 2))})))})),
                  optional("EnableMonitoringDashboard", boolean())})},
      {"ListFirewalls", structure({optional("NextToken", next_token()), optional("MaxResults", max_results()),
                                   optional("VpcIds", list(text(1, 128)))})},
      {"AssociateFirewallPolicy", structure({optional("UpdateToken", token()), optional("FirewallArn", arn()),
                                             optional("FirewallName", name()), required("FirewallPolicyArn", arn())})},
      {"StartFlowFlush", start_flow_operation()},
      {"StartFlowCapture", start_flow_operation()},
      {"DescribeFlowOperation", flow_operation({})},
      {"ListFlowOperationResults",
       flow_operation({optional("NextToken", next_token()), optional("MaxResults", max_results())})},
      {"ListFlowOperations", structure({required("FirewallArn", arn()), optional("AvailabilityZone", text()),
                                        optional("FlowOperationType", one_of({"FLOW_FLUSH", "FLOW_CAPTURE"})),
                                        optional("NextToken", next_token()), optional("MaxResults", max_results())})},
      {"TagResource", structure({required("ResourceArn", arn()), required("Tags", tags())})},
      {"UntagResource",
       structure({required("ResourceArn", arn()),
                  required("TagKeys", list(text(1, 128), 1, static_cast<std::int64_t>(tags_per_resource)))})},
      {"ListTagsForResource", structure({required("ResourceArn", arn()), optional("NextToken", next_token()),
                                         optional("MaxResults", integer(0, 100))})},
  };
}

}  // namespace

ShapePtr input_shape(const std::string& operation) {
  static const auto known = all();
  const auto found = known.find(operation);
  return found == known.end() ? nullptr : found->second;
}

}  // namespace intelwall::lab::nfw
