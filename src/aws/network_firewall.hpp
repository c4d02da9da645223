#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aws/client.hpp"

namespace intelwall::aws {

/// A stateful rule group as DescribeRuleGroup gives it. `body` is the whole RuleGroup document, so that everything we
/// do not understand (RuleVariables, ReferenceSets, StatefulRuleOptions) is sent back as it was.
struct RuleGroupState {
  std::string arn;
  std::string name;
  std::string update_token;
  std::string description;
  std::string status;        ///< ACTIVE, DELETING, ERROR
  std::size_t capacity = 0;  ///< reserved
  std::size_t consumed = 0;
  std::size_t associations = 0;
  std::map<std::string, std::string> tags;
  Json body;             ///< RuleGroup
  Json encryption;       ///< EncryptionConfiguration or null
  Json source_metadata;  ///< SourceMetadata (a copy of a managed group) or null
  Json summary;          ///< SummaryConfiguration or null
};

struct PolicyReference {
  std::string arn;
  std::optional<int> priority;
  bool operator==(const PolicyReference&) const = default;
};

/// A firewall policy; `body` is the whole FirewallPolicy document.
struct PolicyState {
  std::string arn;
  std::string name;
  std::string update_token;
  std::string description;
  Json body;
  Json encryption;
  std::size_t consumed_stateful_capacity = 0;
  std::size_t associations = 0;

  bool strict_order() const;
  std::vector<PolicyReference> references() const;  ///< StatefulRuleGroupReferences
};

struct SyncState {
  std::string zone;
  std::string status;  ///< PENDING, IN_SYNC, CAPACITY_CONSTRAINED, …
  std::string update_token;
};

struct FirewallState {
  std::string arn;
  std::string name;
  std::string policy_arn;
  std::string vpc;     ///< id
  std::string status;  ///< READY, PROVISIONING, …
  std::string sync_summary;
  std::vector<std::string> zones;                      ///< Availability Zones in which it has an endpoint
  std::map<std::string, std::string> endpoints;        ///< ids by zone, "vpce-…", of those that are known yet
  std::map<std::string, std::vector<SyncState>> sync;  ///< by resource ARN
};

struct LogDestination {
  std::string log_type;          ///< ALERT, FLOW, TLS
  std::string destination_type;  ///< S3, CloudWatchLogs, KinesisDataFirehose
};

/// Both ends of a flow; as a filter, port 0 is any.
struct FlowEnds {
  std::string source, destination;  ///< single addresses
  std::uint16_t source_port = 0, destination_port = 0;
};

struct FlowOperation {
  std::string status;   ///< IN_PROGRESS, COMPLETED, COMPLETED_WITH_ERRORS, FAILED
  std::string message;  ///< of the service; usually empty
  std::vector<FlowEnds> flows;
};

enum class DryRun { no, yes };

/// The calls of Network Firewall that we need (json 1.0, target NetworkFirewall_20201112).
class NetworkFirewallClient {
 public:
  explicit NetworkFirewallClient(Session session);

  Result<FirewallState> describe_firewall(const std::string& name_or_arn) const;
  /// Where its logs go; none is an empty list.
  Result<std::vector<LogDestination>> describe_logging(const std::string& name_or_arn) const;
  Result<PolicyState> describe_policy(const std::string& arn) const;
  Result<RuleGroupState> describe_rule_group(const std::string& name_or_arn) const;
  Result<std::vector<std::string>> list_firewalls() const;  ///< ARNs, all pages

  /// Stateful. `body` is a RuleGroup document.
  Result<RuleGroupState> create_rule_group(const std::string& name, const Json& body, std::size_t capacity,
                                           const std::string& description,
                                           const std::map<std::string, std::string>& tags, DryRun dry_run) const;
  /// Returns the new update token.
  Result<std::string> update_rule_group(const RuleGroupState& current, const Json& new_body, DryRun dry_run) const;
  Result<void> delete_rule_group(const std::string& arn) const;
  /// Returns the new update token.
  Result<std::string> update_policy(const PolicyState& current, const Json& new_body) const;

  /// Begins to flush the flows that pass one of `filters` (at most 20) out of one zone; returns the operation's id.
  Result<std::string> start_flow_flush(const std::string& firewall_arn, const std::string& zone,
                                       const std::vector<FlowEnds>& filters) const;
  /// How far it is, and which flows it found.
  Result<FlowOperation> flow_operation(const std::string& firewall_arn, const std::string& zone,
                                       const std::string& id) const;

 private:
  ServiceClient client_;
};

}  // namespace intelwall::aws
