#include "lab/cloud_flow_filter.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "lab/cloud_network_firewall.hpp"

namespace intelwall::lab {
namespace {

std::optional<int> number_in(std::string_view text, int most) {
  int number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = !text.empty() && fault == std::errc() && end == text.data() + text.size();
  return whole && number >= 0 && number <= most ? std::optional(number) : std::nullopt;
}

bool read_address(const std::string& text, std::array<unsigned char, 16>& bytes, bool& v6) {
  v6 = text.contains(':');
  return ::inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) == 1;
}

bool in_ports(int first, int last, std::uint16_t port) {
  return port >= first && port <= last;
}

}  // namespace

bool FlowFilter::Range::contains(const std::string& address) const {
  std::array<unsigned char, 16> other{};
  bool other_v6 = false;
  if (!read_address(address, other, other_v6) || other_v6 != v6) return false;
  for (int bit = 0; bit < bits; ++bit) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    if (((bytes[byte] ^ other[byte]) >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

ApiResult<std::optional<FlowFilter::Range>> FlowFilter::parse_range(const Json& filter, const char* member) {
  if (!has(filter, member)) return std::nullopt;
  const std::string text = text_or(child(filter, member), "AddressDefinition");
  const auto slash = std::min(text.find('/'), text.size());
  Range range;
  if (!read_address(text.substr(0, slash), range.bytes, range.v6)) return nfw::bad_parameter(text, member);
  const int most = range.v6 ? 128 : 32;
  const auto bits = slash == text.size() ? std::optional(most) : number_in(text.substr(slash + 1), most);
  if (!bits) return nfw::bad_parameter(text, member);
  range.bits = *bits;
  return range;
}

ApiResult<FlowFilter::Ports> FlowFilter::parse_ports(const Json& filter, const char* member) {
  const std::string text = text_or(filter, member, "ANY");
  if (text == "ANY") return Ports{};
  const auto colon = std::min(text.find(':'), text.size());
  const auto first = number_in(text.substr(0, colon), 65'535);
  const auto last = colon == text.size() ? first : number_in(text.substr(colon + 1), 65'535);
  if (!first || !last || *first > *last) return nfw::bad_parameter(text, member);
  return Ports{*first, *last};
}

ApiResult<FlowFilter> FlowFilter::parse(const Json& filter) {
  FlowFilter out;
  IW_TRY(out.source_, parse_range(filter, "SourceAddress"));
  IW_TRY(out.destination_, parse_range(filter, "DestinationAddress"));
  IW_TRY(out.source_ports_, parse_ports(filter, "SourcePort"));
  IW_TRY(out.destination_ports_, parse_ports(filter, "DestinationPort"));
  constexpr int tcp = 6;
  const Json& protocols = child(filter, "Protocols");
  out.tcp_ = protocols.empty();
  for (const Json& protocol : protocols) {
    const auto number = number_in(protocol.get<std::string>(), 255);
    if (!number) return nfw::bad_parameter(protocol.get<std::string>(), "Protocols: not an IANA protocol number");
    out.tcp_ = out.tcp_ || *number == tcp;
  }
  return out;
}

bool FlowFilter::accepts(const TcpFlow& flow) const {
  return tcp_ && (!source_ || source_->contains(flow.source)) &&
         (!destination_ || destination_->contains(flow.destination)) &&
         in_ports(source_ports_.first, source_ports_.last, flow.source_port) &&
         in_ports(destination_ports_.first, destination_ports_.last, flow.destination_port);
}

}  // namespace intelwall::lab
