#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "lab/policy_compiler.hpp"

namespace intelwall::lab {

using OriginOf = std::function<std::optional<CompiledPolicy::Origin>(std::uint32_t sid)>;

/// An alert event of Suricata's eve.json as the record that Network Firewall writes: envelope firewall_name,
/// availability_zone, event_timestamp (seconds, a string), event; sids and messages are those of the group
/// (docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-logging-contents.html). Nothing for other
/// events and for what is no JSON.
std::optional<std::string> alert_record(std::string_view eve_line, const OriginOf& origin_of);

using OnRecord = std::function<void(const std::string& record)>;

/// Follows eve.json and appends records to the alert log, a line each, until it is destroyed (then what is there is
/// read to its end). `on_record` hears of each of them on the log's own thread.
class AlertLog {
 public:
  AlertLog(std::filesystem::path events, std::filesystem::path log, OriginOf origin_of, OnRecord on_record = {});
  AlertLog(const AlertLog&) = delete;
  AlertLog& operator=(const AlertLog&) = delete;
  ~AlertLog() = default;

 private:
  void follow(const std::stop_token& stop);
  std::filesystem::path events_, log_;
  OriginOf origin_of_;
  OnRecord on_record_;
  std::jthread follower_;
};

}  // namespace intelwall::lab
