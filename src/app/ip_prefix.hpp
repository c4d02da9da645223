#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace intelwall::app {

/// An IPv4 or IPv6 range in CIDR notation; an address alone is a range of one.
class IpPrefix {
 public:
  static Result<IpPrefix> parse(std::string_view text);

  bool contains(const IpPrefix& other) const;
  bool overlaps(const IpPrefix& other) const { return contains(other) || other.contains(*this); }
  const std::string& text() const { return text_; }  ///< as given

 private:
  std::array<std::uint8_t, 16> bytes_{};
  int family_ = 0;
  unsigned length_ = 0;  ///< in bits
  std::string text_;
};

}  // namespace intelwall::app
