#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "aws/network_firewall.hpp"
#include "core/result.hpp"

namespace intelwall::firewalls {

/// A connection by both its ends: never one address alone, which may be a CDN's. Which end opened it does not matter.
struct Connection {
  std::string source, destination;                      ///< single addresses
  std::uint16_t source_port = 0, destination_port = 0;  ///< 0: any
  bool operator==(const Connection&) const = default;
  /// Whether `open` is this connection, or one of those it stands for.
  bool covers(const Connection& open) const;
};

/// What became of open connections. A rule on names does not touch them: their name was read when they began.
struct Cut {
  enum class Result {
    cut,              ///< whatever was open is dropped from now on
    no_address,       ///< nothing says between which addresses they are
    policy_continues  ///< the firewall would let them go on all the same
  };
  Result result = Result::no_address;
  std::vector<Connection> ended;  ///< those that were open; where the firewall does not tell, those it would end
};
const char* to_string(Cut::Result result);

/// Flushes the flows of these connections out of each zone of a Network Firewall, so that what comes of them is
/// midstream traffic; done only where the policy's StreamExceptionPolicy drops or rejects that. Waits until it is over
/// in all zones.
Result<Cut> flush_connections(const aws::NetworkFirewallClient& client, const std::string& firewall,
                              const std::vector<Connection>& connections, std::chrono::milliseconds patience,
                              const Sleep& sleep);

}  // namespace intelwall::firewalls
