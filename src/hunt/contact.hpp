#pragma once

#include <cstdint>
#include <string_view>

namespace intelwall::hunt {

/// A connection or query that names where it goes, as a log tells of it. All views hold until the next line is read.
struct Contact {
  enum class Kind : std::uint8_t { tls, http, dns, quic };
  enum class Outcome : std::uint8_t { untold, allowed, blocked };
  Kind kind = Kind::tls;
  Outcome outcome = Outcome::untold;
  std::string_view name;                                ///< lower case, without a trailing dot or a port
  std::string_view time;                                ///< as the log has it, RFC 3339; empty if there is none
  std::string_view source, destination;                 ///< addresses; the destination of a DNS query is the resolver
  std::uint16_t source_port = 0, destination_port = 0;  ///< 0: not told
  std::uint64_t sid = 0;                                ///< of the rule that alerted; 0: no rule did
  std::string_view signature;                           ///< its message
  std::string_view firewall, zone;                      ///< Network Firewall's envelope
  std::string_view instance, account, vpc;              ///< where the resolver's query log says so
};
const char* to_string(Contact::Kind kind);
const char* to_string(Contact::Outcome outcome);

}  // namespace intelwall::hunt
