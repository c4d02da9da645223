#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// How DomainSet writes the part of a name before its ending: three characters in two bytes. Internal to DomainSet.
namespace intelwall::domain_set {

inline constexpr std::uint8_t no_code = 0xff;
inline constexpr std::size_t codes = 40;  // 40^3 fits two bytes

/// The 39 characters of a DomainName as numbers; `no_code` for all others.
inline constexpr std::array<std::uint8_t, 256> code_of = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(no_code);
  std::uint8_t next = 0;
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789-_."))
    table[static_cast<unsigned char>(c)] = next++;
  return table;
}();

inline std::uint8_t code(char c) {
  return code_of[static_cast<unsigned char>(c)];
}

/// Bytes that a text of `size` characters takes.
constexpr std::size_t packed_size(std::size_t size) {
  return size / 3 * 2 + size % 3;
}

/// Writes packed_size() bytes and returns their end, or nullptr if the text holds another character.
inline std::uint8_t* pack(std::string_view text, std::uint8_t* out) {
  std::size_t i = 0;
  std::uint8_t worst = 0;
  const auto next = [&] {
    const std::uint8_t it = code(text[i++]);
    worst = worst > it ? worst : it;
    return std::size_t{it};
  };
  while (i + 3 <= text.size()) {
    const std::size_t a = next(), b = next(), c = next();
    const std::size_t three = (a * codes + b) * codes + c;
    *out++ = static_cast<std::uint8_t>(three);
    *out++ = static_cast<std::uint8_t>(three >> 8);
  }
  while (i < text.size()) *out++ = static_cast<std::uint8_t>(next());
  return worst == no_code ? nullptr : out;
}

/// Whether the packed text at `packed` is `text`, which may hold anything.
inline bool is_packed(const std::uint8_t* packed, std::string_view text) {
  std::size_t i = 0;
  std::uint8_t worst = 0;
  for (; i + 3 <= text.size(); i += 3, packed += 2) {
    const std::uint8_t a = code(text[i]), b = code(text[i + 1]), c = code(text[i + 2]);
    if ((a * codes + b) * codes + c != static_cast<std::size_t>(packed[0] | packed[1] << 8)) return false;
    worst = worst > a ? worst : a;
    worst = worst > b ? worst : b;
    worst = worst > c ? worst : c;
  }
  for (; i < text.size(); ++i, ++packed) {
    if (*packed != code(text[i])) return false;
    worst = worst > *packed ? worst : *packed;
  }
  return worst != no_code;
}

}  // namespace intelwall::domain_set
