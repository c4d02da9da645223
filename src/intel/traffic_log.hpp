#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"

namespace intelwall::intel {

/// A name that a workload asked for, as a firewall's log tells it. All texts are untrusted, and valid until the
/// callback returns.
struct Contact {
  enum class Protocol { tls, http, dns, quic };
  enum class Event { alert, traffic };  ///< a rule matched, or the connection was only logged
  enum class Action { none, allowed, blocked };

  Time at{};  ///< 1970 when it is not told
  std::string_view name;
  Protocol protocol = Protocol::tls;
  Event event = Event::traffic;
  Action action = Action::none;
  std::string_view workload;     ///< its address
  std::string_view destination;  ///< the same
  std::uint32_t signature_id = 0;
  std::string_view signature;
  std::string_view firewall;  ///< of Network Firewall's records
};
const char* to_string(Contact::Protocol protocol);

/// Reads records, a line each: Suricata's eve.json (alert, tls, http, dns and quic events); Network Firewall's alert
/// and TLS records, which are those in an envelope; and CloudWatch Logs' subscription messages, which hold such
/// records. Answers of dns are no contacts. One a thread.
class TrafficLogReader {
 public:
  using TakeContact = std::function<void(const Contact&)>;

  TrafficLogReader();
  TrafficLogReader(TrafficLogReader&&) noexcept;
  TrafficLogReader& operator=(TrafficLogReader&&) noexcept;
  ~TrafficLogReader();

  enum class Line { contacts, nothing, unreadable };
  /// `padding` bytes behind the line must be readable, at least SIMDJSON_PADDING.
  Line read(std::string_view line, std::size_t padding, const TakeContact& take);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace intelwall::intel
