#include "lab/tcp_flows.hpp"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include "lab/network.hpp"

namespace intelwall::lab {
namespace {

struct Socket {
  std::string local_address, remote_address;
  std::uint16_t local_port = 0, remote_port = 0;
  std::uint32_t state = 0;
};

// include/net/tcp_states.h
constexpr std::uint32_t time_wait = 6;
constexpr std::uint32_t closed = 7;
constexpr std::uint32_t listening = 10;

std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return !text.empty() && fault == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                                   : std::nullopt;
}

/// The next word of `line`, taken off it.
std::string_view word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const auto found = line.substr(0, line.find(' '));
  line.remove_prefix(found.size());
  return found;
}

/// "0A005E0A:01BB": the address as the machine's own number, which is little-endian here.
bool read_end(std::string_view text, std::string& address, std::uint16_t& port) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto number = hexadecimal(text.substr(0, colon));
  const auto port_number = hexadecimal(text.substr(colon + 1));
  if (!number || !port_number || *port_number > 0xffff) return false;
  address = fmt::format("{}.{}.{}.{}", *number & 0xff, *number >> 8 & 0xff, *number >> 16 & 0xff, *number >> 24);
  port = static_cast<std::uint16_t>(*port_number);
  return true;
}

}  // namespace

std::vector<TcpFlow> parse_tcp_table(std::string_view table) {
  std::vector<Socket> sockets;
  std::set<std::uint16_t> served;
  while (!table.empty()) {
    auto line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(table.size(), line.size() + 1));
    word(line);  // its number, or the table's head
    Socket socket;
    if (!read_end(word(line), socket.local_address, socket.local_port) ||
        !read_end(word(line), socket.remote_address, socket.remote_port))
      continue;
    socket.state = hexadecimal(word(line)).value_or(closed);
    if (socket.state == listening) served.insert(socket.local_port);
    if (socket.state != listening && socket.state != time_wait && socket.state != closed)
      sockets.push_back(std::move(socket));
  }
  std::vector<TcpFlow> flows;
  for (auto& [local, remote, local_port, remote_port, state] : sockets) {
    if (served.contains(local_port))
      flows.push_back({std::move(remote), remote_port, std::move(local), local_port});
    else
      flows.push_back({std::move(local), local_port, std::move(remote), remote_port});
  }
  return flows;
}

Result<std::vector<TcpFlow>> tcp_flows(const std::string& network_namespace) {
  std::string table;
  IW_CHECK(in_namespace(network_namespace, [&]() -> Result<void> {
    std::ifstream in("/proc/thread-self/net/tcp");
    if (!in) return fail(ErrorCode::system, "the connections cannot be listed", "/proc/thread-self/net/tcp");
    table.assign(std::istreambuf_iterator<char>(in), {});
    return {};
  }));
  return parse_tcp_table(table);
}

std::string flow_rules(const std::vector<TcpFlow>& flows, FlowEnd end, std::uint32_t first_sid) {
  // Without a condition on the packet, the engine would ask such a rule of a flow's first packet only.
  std::string text;
  for (const auto& flow : flows)
    text +=
        fmt::format("{} tcp {} {} <> {} {} (flags:A+; noalert; sid:{};)\n", end == FlowEnd::drop ? "drop" : "reject",
                    flow.source, flow.source_port, flow.destination, flow.destination_port, first_sid++);
  return text;
}

}  // namespace intelwall::lab
