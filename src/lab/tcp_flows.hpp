#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace intelwall::lab {

/// A TCP connection, from who opened it to the other side.
struct TcpFlow {
  std::string source;
  std::uint16_t source_port = 0;
  std::string destination;
  std::uint16_t destination_port = 0;
  auto operator<=>(const TcpFlow&) const = default;
};

/// The connections of the hosts in a network namespace. Suricata does not list its flows; what its hosts hold open is
/// what passes it.
Result<std::vector<TcpFlow>> tcp_flows(const std::string& network_namespace);
/// Those in the text of /proc/net/tcp.
std::vector<TcpFlow> parse_tcp_table(std::string_view table);

/// Rules that drop (or answer with RST) every packet of these flows, with sids from `first_sid` on.
enum class FlowEnd { drop, reject };
std::string flow_rules(const std::vector<TcpFlow>& flows, FlowEnd end, std::uint32_t first_sid);

}  // namespace intelwall::lab
