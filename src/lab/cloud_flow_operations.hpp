#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/time.hpp"
#include "lab/cloud_flow_filter.hpp"
#include "lab/data_plane.hpp"

namespace intelwall::lab {

/// Network Firewall's flow flushes and captures: asynchronous, in one zone each. The lab's hosts are in the first zone;
/// the other has no flows. Thread-safe.
class FlowOperations {
 public:
  /// Without a data plane there are no flows.
  FlowOperations(std::shared_ptr<DataPlane> data_plane, Clock clock, std::vector<std::string> zones);
  ~FlowOperations();
  FlowOperations(const FlowOperations&) = delete;
  FlowOperations& operator=(const FlowOperations&) = delete;

  static bool knows(const std::string& operation);
  /// `input` has the model's form, and its FirewallArn is that of a firewall.
  ApiAnswer call(const std::string& operation, const Json& input);
  void stop();

 private:
  enum class Kind { flush, capture };
  struct Operation {
    std::string id, firewall_arn, zone;
    Kind kind = Kind::flush;
    Json filters;
    std::vector<FlowFilter> parsed;
    Time requested{};
    std::string status = "IN_PROGRESS";
    std::string message;
    std::vector<TcpFlow> flows;
  };
  ApiAnswer start(Kind kind, const Json& input);
  ApiAnswer describe(const Json& input) const;
  ApiAnswer list(const Json& input) const;
  ApiAnswer results(const Json& input) const;
  ApiResult<const Operation*> find(const Json& input) const;  ///< with mutex_ held
  Json summary(const Operation& operation) const;
  void run(const std::stop_token& stop);
  void perform(Operation& operation) const;

  std::shared_ptr<DataPlane> data_plane_;
  Clock clock_;
  std::vector<std::string> zones_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Operation> operations_;  ///< newest last
  std::deque<std::string> waiting_;   ///< ids
  std::jthread worker_;               ///< last: it uses all the others
};

}  // namespace intelwall::lab
