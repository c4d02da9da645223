#include "findings/connections.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace intelwall::findings {
namespace {

std::string_view text_in(const Node& holder, std::string_view key) {
  const auto text = holder.text_of(key);
  return text ? *text : std::string_view{};
}

std::optional<Node> object_in(const Node& holder, std::string_view key) {
  auto object = holder.member(key, Kind::object);
  return object ? *object : std::nullopt;
}

double number_in(const Node& holder, std::string_view key) {
  const auto number = holder.member(key, Kind::number);
  return number && *number ? (*number)->number() : 0;
}

double port_in(const Node& action, std::string_view key) {
  const auto details = object_in(action, key);
  return details ? number_in(*details, "Port") : 0;
}

std::string_view address_in(const Node& holder, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys)
    if (const auto text = text_in(holder, key); !text.empty()) return text;
  return {};
}

/// 0 for what is no port.
std::uint16_t port_of(double number) {
  const bool is_port = number >= 1 && number <= 65'535;
  return is_port ? static_cast<std::uint16_t>(number) : std::uint16_t{0};
}

}  // namespace

std::string host_address(std::string_view text) {
  const std::string terminated(text.substr(0, INET6_ADDRSTRLEN));
  std::array<unsigned char, 16> bytes{};
  int family = AF_INET;
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) != 1) {
    family = AF_INET6;
    if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) != 1) return {};
    constexpr std::array<unsigned char, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(mapped.begin(), mapped.end(), bytes.begin())) {
      std::copy_n(bytes.begin() + 12, 4, bytes.begin());
      family = AF_INET;
    }
  }
  const bool none = family == AF_INET ? bytes[0] == 0 || bytes[0] == 127 || bytes[0] >= 224
                                      : bytes[0] == 0xff || std::all_of(bytes.begin(), bytes.end() - 1,
                                                                        [](unsigned char byte) { return byte == 0; });
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (none || ::inet_ntop(family, bytes.data(), out.data(), out.size()) == nullptr) return {};
  return out.data();
}

void Connections::keep(const End& source, const End& destination, const Node& place) {
  Connection connection{.source = host_address(source.address),
                        .destination = host_address(destination.address),
                        .source_port = port_of(source.port),
                        .destination_port = port_of(destination.port),
                        .path = {}};
  const auto is_v6 = [](const std::string& address) { return address.contains(':'); };
  if (connection.source.empty() || connection.destination.empty() || connection.source == connection.destination ||
      is_v6(connection.source) != is_v6(connection.destination))
    return;
  const auto same = [&](const Connection& other) {
    return other.source == connection.source && other.destination == connection.destination &&
           other.source_port == connection.source_port && other.destination_port == connection.destination_port;
  };
  if (kept_.size() >= limit || std::ranges::any_of(kept_, same)) return;
  connection.path = place.path(finding_);
  kept_.push_back(std::move(connection));
}

void Connections::take_network(const Node& record) {
  const auto network = object_in(record, "Network");
  if (!network) return;
  keep({address_in(*network, {"SourceIpV4", "SourceIpV6"}), number_in(*network, "SourcePort")},
       {address_in(*network, {"DestinationIpV4", "DestinationIpV6"}), number_in(*network, "DestinationPort")},
       *network);
}

void Connections::take_action(const Node& action, std::string_view local_address) {
  const auto details = object_in(action, "NetworkConnectionAction");
  if (!details) return;
  const auto remote = object_in(*details, "RemoteIpDetails");
  if (!remote) return;
  const auto local = object_in(*details, "LocalIpDetails");
  if (local) local_address = address_in(*local, {"IpAddressV4", "IpAddressV6"});
  const End here{local_address, port_in(*details, "LocalPortDetails")};
  const End there{address_in(*remote, {"IpAddressV4", "IpAddressV6"}), port_in(*details, "RemotePortDetails")};
  if (text_in(*details, "ConnectionDirection") == "INBOUND")
    keep(there, here, *details);
  else
    keep(here, there, *details);
}

void Connections::take_access(const Node& access) {
  if (!access.is(Kind::object)) return;
  OddParts ignored;
  const FalconFields fields(access, ignored);
  const std::string local = fields.text({"localaddress"});
  const std::string remote = fields.text({"remoteaddress"});
  keep({local, fields.number({"localport"}).value_or(0)}, {remote, fields.number({"remoteport"}).value_or(0)}, access);
}

}  // namespace intelwall::findings
