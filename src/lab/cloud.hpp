#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "core/result.hpp"
#include "core/time.hpp"
#include "lab/data_plane.hpp"

namespace intelwall::lab {

/// What the lab seeds; the same words stand in `intelwall lab env`.
inline constexpr const char* account_id = "111122223333";
inline constexpr const char* region = "us-east-1";
inline constexpr const char* firewall_name = "lab";
inline constexpr const char* policy_name = "lab-policy";
inline constexpr const char* access_key_id = "AKIALABLABLABLABLAB1";

struct CloudOptions {
  int port = 4566;                 ///< 0: any free one
  std::string secret_access_key;   ///< made at `lab up`
  std::shared_ptr<DataPlane> data_plane;  ///< empty: --no-data-plane
  Clock clock = system_now;
  std::chrono::milliseconds sync_delay{0};  ///< extra time in PENDING, for tests of eventual consistency
  /// Runs a Lambda target of an EventBridge rule: function name and event in, its answer out.
  std::function<Result<std::string>(const std::string& function, const std::string& event)> invoke;
  bool strict_order = true;
};

/// The AWS-compatible endpoint: Network Firewall, Security Hub, EventBridge, SSM GetParameter and PutParameter, on
/// 127.0.0.1. Checks SigV4, keeps tokens, capacities, quotas and error shapes as AWS does. Seeds a VPC's firewall "lab" with
/// "lab-policy" (strict order, HOME_NET set), the custom action "intelwall-block" and the rule that sends it to the
/// function "intelwall-respond".
class Cloud {
 public:
  virtual ~Cloud() = default;
  virtual int port() const = 0;
  virtual void stop() = 0;
};
/// Listens when it returns.
Result<std::unique_ptr<Cloud>> start_cloud(CloudOptions options);

}  // namespace intelwall::lab
