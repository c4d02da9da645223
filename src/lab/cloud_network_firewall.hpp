#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "lab/cloud_deployment.hpp"
#include "lab/cloud_flow_operations.hpp"
#include "lab/cloud_shape.hpp"
#include "lab/policy_compiler.hpp"

namespace intelwall::lab {

/// Quotas (https://docs.aws.amazon.com/network-firewall/latest/developerguide/quotas.html).
inline constexpr std::size_t rule_groups_per_account = 50;
inline constexpr std::size_t policies_per_account = 20;
inline constexpr std::size_t rule_groups_per_policy = 20;
inline constexpr std::int64_t stateful_capacity_per_policy = 30'000;
inline constexpr std::int64_t group_capacity_limit = 30'000;
inline constexpr std::int64_t rules_byte_limit = 2'000'000;
inline constexpr std::size_t tags_per_resource = 200;

namespace nfw {

using Tags = std::map<std::string, std::string>;

/// What rule groups, policies and firewalls have in common.
struct Resource {
  std::string arn, name, id, token, description;
  Tags tags;
  Json encryption;
  Time modified{};
};
struct RuleGroup : Resource {
  std::shared_ptr<const Json> body;  ///< the RuleGroup document; shared, for it can be two megabytes
  std::int64_t capacity = 0, consumed = 0;
  bool strict_order = false;
  Json source_metadata, summary_configuration;
};
struct Policy : Resource {
  Json body;
  bool strict_order() const;
  std::vector<std::string> group_arns() const;
};
struct Firewall : Resource {
  std::string policy_arn;
  Json log_destinations;  ///< LogDestinationConfigs
};

/// The whole of the service. A write works on a copy and replaces it, so that nothing is ever half done.
struct State {
  std::map<std::string, RuleGroup> groups;  ///< by name
  std::map<std::string, Policy> policies;
  std::map<std::string, Firewall> firewalls;

  const RuleGroup* group_by_arn(const std::string& arn) const;
  const Policy* policy_by_arn(const std::string& arn) const;
  std::size_t policies_with_group(const std::string& arn) const;
  std::size_t firewalls_with_policy(const std::string& arn) const;
};

/// What a write would do.
struct Change {
  enum class Commit { yes, dry_run };
  Json answer;
  Commit commit = Commit::yes;
  std::string group_arn;  ///< whose rules are new; empty when none
};
using ApiChange = ApiResult<Change>;

std::unexpected<ApiError> bad_parameter(const std::string& parameter, const std::string& context);
std::string make_arn(const char* kind, const std::string& name);
std::unexpected<ApiError> invalid_request(std::string message);
std::unexpected<ApiError> not_found(const std::string& what);
/// The firewall that the input names.
ApiResult<const Firewall*> find_firewall(const State& state, const Json& input);
/// Finds by the ARN or name members of the input; both may be given when they agree.
template <class Resources>
auto find_resource(Resources& all, const Json& input, const char* arn_member, const char* name_member)
    -> ApiResult<decltype(&all.begin()->second)>;
Tags read_tags(const Json& input);
/// Adds Description, Tags, EncryptionConfiguration and LastModifiedTime as the responses carry them.
void describe_resource(Json& out, const Resource& resource);

ApiChange create_rule_group(State& state, const Json& input, Time now);
ApiChange update_rule_group(State& state, const Json& input, Time now);
ApiChange delete_rule_group(State& state, const Json& input, Time now);
ApiAnswer describe_rule_group(const State& state, const Json& input);
ApiAnswer describe_rule_group_metadata(const State& state, const Json& input);
ApiAnswer describe_rule_group_summary(const State& state, const Json& input);
ApiAnswer list_rule_groups(const State& state, const Json& input);

ApiChange create_policy(State& state, const Json& input, Time now);
ApiChange update_policy(State& state, const Json& input, Time now);
ApiChange delete_policy(State& state, const Json& input, Time now);
ApiAnswer describe_policy(const State& state, const Json& input);
ApiAnswer list_policies(const State& state, const Json& input);

ApiChange associate_policy(State& state, const Json& input, Time now);
ApiAnswer describe_firewall(const State& state, const Json& input, const Deployment& deployment);
ApiAnswer describe_logging(const State& state, const Json& input);
std::vector<std::string> zone_names();
ApiAnswer list_firewalls(const State& state, const Json& input);
ApiChange update_logging(State& state, const Json& input, Time now);
ApiChange tag_resource(State& state, const Json& input, Time now);
ApiChange untag_resource(State& state, const Json& input, Time now);
ApiAnswer list_tags(const State& state, const Json& input);

/// The form of an operation's input; null when there is no such operation here.
ShapePtr input_shape(const std::string& operation);

}  // namespace nfw

/// AWS Network Firewall with one firewall, as far as stateful rule groups go. Thread-safe: writes one at a time.
class NetworkFirewall {
 public:
  enum class Order { strict, action };
  NetworkFirewall(std::shared_ptr<DataPlane> data_plane, Clock clock, std::chrono::milliseconds sync_delay,
                  Order order);

  ApiAnswer call(const std::string& operation, Json input);
  void stop() {
    deployment_.stop();
    flow_operations_.stop();
  }

 private:
  using Write = nfw::ApiChange (*)(nfw::State&, const Json&, Time);
  using Read = ApiAnswer (*)(const nfw::State&, const Json&);

  std::shared_ptr<const nfw::State> state() const;
  ApiAnswer write(Write operation, const Json& input);
  /// The version that `state` asks the engine for, tested by the engine; nothing to do gives the version untested.
  ApiResult<Deployment::Version> try_out(const nfw::State& state) const;
  ApiResult<void> try_group_alone(const nfw::State& state, const std::string& arn) const;

  std::shared_ptr<DataPlane> data_plane_;
  Clock clock_;
  std::mutex writers_;        ///< held through a whole write, the engine's test included
  mutable std::mutex mutex_;  ///< guards state_
  std::shared_ptr<const nfw::State> state_;
  Deployment deployment_;
  FlowOperations flow_operations_;
};

template <class Resources>
auto nfw::find_resource(Resources& all, const Json& input, const char* arn_member, const char* name_member)
    -> ApiResult<decltype(&all.begin()->second)> {
  const std::string arn = text_or(input, arn_member), name = text_or(input, name_member);
  if (arn.empty() && name.empty())
    return invalid_request(std::string("either ") + arn_member + " or " + name_member + " must be set");
  for (auto& [key, resource] : all) {
    if (arn.empty() ? resource.name != name : resource.arn != arn) continue;
    if (!name.empty() && resource.name != name)
      return invalid_request(std::string(arn_member) + " and " + name_member + " name different resources");
    return &resource;
  }
  return not_found(arn.empty() ? name : arn);
}

}  // namespace intelwall::lab
