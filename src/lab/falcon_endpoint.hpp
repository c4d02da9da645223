#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "lab/falcon_alerts.hpp"
#include "lab/falcon_hose.hpp"
#include "lab/falcon_hosts.hpp"
#include "lab/falcon_intel.hpp"

namespace intelwall::lab {

inline constexpr std::size_t falcon_body_limit = 32u << 20;

/// Falcon below HTTP: a request in, a response or an opened stream out, whatever the bytes. Thread-safe.
class FalconEndpoint {
 public:
  FalconEndpoint(FalconOptions options, std::unique_ptr<FalconIntel> intel);
  /// All but data feeds. `base_url` is where clients reach this endpoint.
  CloudResponse handle(const CloudRequest& request, const std::string& base_url);
  static bool is_data_feed(const CloudRequest& request);
  /// A data feed's connection, or the refusal.
  std::expected<std::unique_ptr<FalconHose::Connection>, CloudResponse> open(const CloudRequest& request);
  /// Ends all connections.
  void stop() { hose_.stop(); }

 private:
  struct ApiFault {
    std::string path;
    int status = 500;
    std::int64_t times = 1;
    std::int64_t seconds = 1;
  };

  CloudResponse give_token(const CloudRequest& request);
  CloudResponse revoke_token(const CloudRequest& request);
  bool knows_token(const CloudRequest& request);
  std::optional<ApiFault> take_fault(const std::string& path);
  FalconAnswer answer(const CloudRequest& request, const std::string& base_url);
  FalconAnswer discover(const std::map<std::string, std::string>& parameters, const std::string& base_url);
  FalconAnswer refresh(const std::string& partition, const std::map<std::string, std::string>& parameters);
  FalconAnswer lab_call(const CloudRequest& request, const Json& body);
  FalconAnswer add_events(const Json& body);
  FalconAnswer add_alerts(const Json& body);
  FalconAnswer add_fault(const Json& body);
  FalconAnswer set_manners(const Json& body);
  /// The refusal of a call over the limit of this minute.
  std::optional<FalconAnswer> count_call();
  CloudResponse encode(const FalconAnswer& answer);

  FalconOptions options_;
  FalconHose hose_;
  FalconAlerts alerts_;
  FalconHosts hosts_;
  std::unique_ptr<FalconIntel> intel_;
  std::mutex mutex_;  ///< guards what follows
  std::map<std::string, Time> tokens_;
  std::vector<ApiFault> faults_;
  Time minute_{};
  std::int64_t calls_of_minute_ = 0;
};

}  // namespace intelwall::lab
