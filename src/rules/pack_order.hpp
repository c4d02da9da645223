#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <string_view>

// Internal to this room: the order of names by their reversed text. A dot sorts before all else that a name may hold,
// so that a name is followed by all names below it.
namespace intelwall::rules {

/// How many bytes two names have in common at their end.
inline std::size_t common_ending(std::string_view a, std::string_view b) {
  const auto limit = std::min(a.size(), b.size());
  std::size_t count = 0;
  while (count < limit && a[a.size() - 1 - count] == b[b.size() - 1 - count]) ++count;
  return count;
}

inline unsigned char order_of(char c) {
  return c == '.' ? 1 : static_cast<unsigned char>(c);
}

/// Negative, zero, positive, as a compares to b.
inline int compare_reversed(std::string_view a, std::string_view b) {
  const auto common = common_ending(a, b);
  const int left = common < a.size() ? order_of(a[a.size() - 1 - common]) : 0;
  const int right = common < b.size() ? order_of(b[b.size() - 1 - common]) : 0;
  return left - right;
}

/// The last twenty bytes of a name as a number that sorts as the names do, as far as it goes.
struct OrderKey {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const OrderKey&) const = default;
};
inline OrderKey order_key(std::string_view name) {
  // Six bits a byte: 0 the end, then ". -", digits, "_" and letters, as order_of() has them.
  const auto six_bits = [](char c) -> std::uint64_t {
    if (c >= 'a') return static_cast<std::uint64_t>(c - 'a') + 14;
    if (c >= '0' && c <= '9') return static_cast<std::uint64_t>(c - '0') + 3;
    return c == '.' ? 1 : c == '-' ? 2 : 13;
  };
  OrderKey key;
  const auto part = [&](std::size_t from) {
    std::uint64_t bits = 0;
    for (auto i = from; i < from + 10; ++i)
      bits = bits << 6 | (i < name.size() ? six_bits(name[name.size() - 1 - i]) : 0);
    return bits;
  };
  key.high = part(0);
  key.low = part(10);
  return key;
}

}  // namespace intelwall::rules
