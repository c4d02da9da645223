#include "app/ip_prefix.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace intelwall::app {

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no address range", printable(text)), {},
                "write it as 10.1.0.0/16 or 2001:db8::/32");
  };
  IpPrefix out;
  out.text_ = std::string(text);
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  if (::inet_pton(AF_INET, address.c_str(), out.bytes_.data()) == 1)
    out.family_ = AF_INET;
  else if (::inet_pton(AF_INET6, address.c_str(), out.bytes_.data()) == 1)
    out.family_ = AF_INET6;
  else
    return wrong();
  const unsigned most = out.family_ == AF_INET ? 32 : 128;
  out.length_ = most;
  if (slash == std::string_view::npos) return out;
  const auto digits = text.substr(slash + 1);
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), out.length_);
  if (digits.empty() || status != std::errc{} || end != digits.data() + digits.size() || out.length_ > most)
    return wrong();
  return out;
}

bool IpPrefix::contains(const IpPrefix& other) const {
  if (family_ != other.family_ || length_ > other.length_) return false;
  const std::size_t whole = length_ / 8;
  for (std::size_t i = 0; i < whole; ++i)
    if (bytes_[i] != other.bytes_[i]) return false;
  const unsigned rest = length_ % 8;
  return rest == 0 || (bytes_[whole] >> (8 - rest)) == (other.bytes_[whole] >> (8 - rest));
}

}  // namespace intelwall::app
