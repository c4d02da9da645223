#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "hunt/contact.hpp"

namespace intelwall::hunt {

using TakeContact = std::function<void(const Contact&)>;

/// Reads one line of a log. Understood are:
/// - Suricata's eve.json: events tls, http, dns, quic, and alerts with one of these in them
///   (docs.suricata.io, "Eve JSON Format"; version 2 and 3 of its DNS records)
/// - Network Firewall's alert and TLS logs, the same events in an envelope, and TLS log records whose `sni` stands in
///   the event itself, with ports as texts
///   (docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-logging-contents.html)
/// - Route 53 Resolver query logs
///   (docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-example-json.html)
/// Other events (flows, statistics, …) are passed over as soon as their type is read, whatever follows it on the line.
///
/// Keeps its memory from line to line. One a thread.
class LogParser {
 public:
  LogParser();
  LogParser(LogParser&&) noexcept;
  LogParser& operator=(LogParser&&) noexcept;
  ~LogParser();

  /// Calls `take` for each name on the line. `padding` bytes behind it must be readable, at least 64. The error is a
  /// reason, without a place.
  Result<void> parse(std::string_view line, std::size_t padding, const TakeContact& take);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace intelwall::hunt
