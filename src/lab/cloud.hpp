#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "core/result.hpp"
#include "core/time.hpp"
#include "lab/cloud_services.hpp"
#include "lab/data_plane.hpp"

namespace intelwall::lab {

class DnsFirewall;

/// What the lab seeds; the same words stand in `intelwall lab env`.
inline constexpr const char* account_id = "111122223333";
inline constexpr const char* region = "us-east-1";
inline constexpr const char* firewall_name = "lab";
inline constexpr const char* policy_name = "lab-policy";
inline constexpr const char* vpc_cidr = "10.94.0.0/24";  ///< also the policy's HOME_NET
inline constexpr const char* access_key_id = "AKIALABLABLABLABLAB1";
inline constexpr const char* action_id = "intelwallblock";  ///< ids of custom actions are alphanumeric
inline constexpr const char* action_name = "intelwall block";
/// The custom actions, the first of them `action_id`; the rule sends all of them to the function.
struct SeededAction {
  const char *id, *name, *description;
};
inline constexpr SeededAction seeded_actions[] = {
    {action_id, action_name, "Block the domains of the finding in Network Firewall"},
    {"intelwallexact", "intelwall exact", "Block the domains of the finding, but not their subdomains"},
    {"intelwallalert", "intelwall alert", "Log connections to the domains of the finding, block nothing"},
    {"intelwallunblock", "intelwall unblock", "Lift what intelwall blocks of the domains of the finding"},
    {"intelwallforce", "intelwall force", "Block the domains of the finding, also those that intelwall asks about"}};
inline constexpr const char* respond_rule = "intelwall-respond";
inline constexpr const char* respond_function = "intelwall-respond";

/// A CloudFormation stack behind the endpoint (stack.hpp). Thread-safe.
class CloudStack {
 public:
  virtual ~CloudStack() = default;
  /// An asynchronous invocation, as of a rule, a schedule or a subscription; waits for its end.
  virtual Result<std::string> deliver(const std::string& function, const std::string& event) = 0;
  /// A synchronous one.
  virtual Result<std::string> invoke(const std::string& function, const std::string& event) = 0;
  enum class Taken { yes, no };  ///< no: nobody waits for such an answer
  /// A PUT to the ResponseURL of a custom resource.
  virtual Taken take_answer(const std::string& token, const std::string& body) = 0;
  /// {"functions": {name: {"invocations", "failures", "answer" | "error"}}, "outputs", "skipped": [types]}
  virtual nlohmann::json status() const = 0;
  /// Waits until no message waits for a function, `most` at the longest, then tells what those functions answered last:
  /// [{"function", "answer" | "error"}], with {"waiting": count} where messages are left.
  virtual nlohmann::json settle(std::chrono::milliseconds most) = 0;
};
inline constexpr const char* answer_path = "/lab/answers/";  ///< before the token of a ResponseURL

struct CloudOptions {
  int port = 4566;                            ///< 0: any free one
  std::string secret_access_key;              ///< made at `lab up`
  std::shared_ptr<DataPlane> data_plane;      ///< empty: --no-data-plane
  std::shared_ptr<DnsFirewall> dns_firewall;  ///< that the resolver asks; empty: one of its own
  Clock clock = system_now;
  std::chrono::milliseconds sync_delay{0};  ///< extra time in PENDING, for tests of eventual consistency
  /// Runs a Lambda target of an EventBridge rule: function name and event in, its answer out.
  std::function<Result<std::string>(const std::string& function, const std::string& event)> invoke;
  bool strict_order = true;
  std::shared_ptr<CloudStack> stack;      ///< empty: none
  std::size_t requests_a_connection = 1;  ///< a client that keeps its connection holds one of 16 threads
};

/// The AWS-compatible endpoint: Network Firewall, Security Hub, EventBridge, SSM parameters, Route 53 DNS Firewall, S3,
/// SQS, Secrets Manager, CloudWatch Logs, Lambda's Invoke and STS GetCallerIdentity, on 127.0.0.1. Checks SigV4, keeps
/// tokens, capacities, quotas and error shapes as AWS does. Seeds a VPC's firewall "lab" with "lab-policy" (strict
/// order, HOME_NET set), the custom actions `seeded_actions` and the rule that sends them to `respond_function`.
///
/// What AWS has no API for stands under /lab, signed for the service "lab":
///   POST /lab/press {"action": id, name or ARN, "findings": [finding id, …]} presses a custom action and waits for
///     what it triggers: {"event": …, "invocations": [{"rule", "function" | "queue", "answer" | "error"}]}, with a
///     stack also what its functions made of what the queues brought: {"functions": [{"function", "answer" | "error"}]}
///   GET /lab/health {"data_plane": {"state", "detail", "rules_loaded"}, "requests": {operation: count}, "stack": …}
///   POST /lab/faults {"operation": "UpdateRuleGroup", "error": an exception's name | "drop" | "drop_before", "times":
///   n}
///     lets the next n calls fail; "drop" acts and loses the answer, "drop_before" loses the call.
class Cloud {
 public:
  virtual ~Cloud() = default;
  virtual int port() const = 0;
  virtual CloudServices services() = 0;
  virtual void stop() = 0;
};
/// Listens when it returns.
Result<std::unique_ptr<Cloud>> start_cloud(CloudOptions options);

}  // namespace intelwall::lab
