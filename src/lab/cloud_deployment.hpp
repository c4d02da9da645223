#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "lab/data_plane.hpp"

namespace intelwall::lab {

/// Brings what the firewall should do into the engine, later than the API said yes, as Network Firewall does. Only the
/// newest version is loaded; a load that fails is tried again until it succeeds or a newer version comes.
class Deployment {
 public:
  struct Version {
    CompiledPolicy compiled;
    std::map<std::string, std::string> tokens;  ///< of the policy and its groups, by ARN
  };

  /// Without a data plane all is loaded at once.
  Deployment(std::shared_ptr<DataPlane> data_plane, std::chrono::milliseconds delay);
  ~Deployment();
  Deployment(const Deployment&) = delete;
  Deployment& operator=(const Deployment&) = delete;

  void submit(Version version);
  void stop();

  /// Whether this version of the resource is in force.
  bool in_sync(const std::string& arn, const std::string& token) const;
  /// Why the newest version is not in force; empty when it is, or is on its way.
  std::string failure() const;

 private:
  using Steady = std::chrono::steady_clock;
  struct Applied {
    std::string token;
    Steady::time_point ready_at;
  };
  void run(const std::stop_token& stop);
  void settle(const Version& version);  ///< with mutex_ held

  std::shared_ptr<DataPlane> data_plane_;
  std::chrono::milliseconds delay_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Version> waiting_;
  std::map<std::string, Applied> applied_;
  std::string failure_;
  std::jthread loader_;  ///< last: it uses all the others
};

}  // namespace intelwall::lab
