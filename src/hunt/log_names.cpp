#include "hunt/log_names.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace intelwall::hunt {
namespace {

/// Bit i: a key that ends with "ni" or "me" may end at from[i + 1], and its quote stands at from[i + 2].
std::uint32_t key_ends(const char* from) {
#ifdef __SSE2__
  const auto at = [from](std::size_t offset, char wanted) {
    return _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + offset)), _mm_set1_epi8(wanted));
  };
  const auto sni = _mm_and_si128(at(0, 'n'), at(1, 'i'));
  const auto name = _mm_and_si128(at(0, 'm'), at(1, 'e'));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_and_si128(at(2, '"'), _mm_or_si128(sni, name))));
#else
  std::uint32_t mask = 0;
  for (std::uint32_t i = 0; i < 16; ++i) {
    const bool ends =
        from[i + 2] == '"' && ((from[i] == 'n' && from[i + 1] == 'i') || (from[i] == 'm' && from[i + 1] == 'e'));
    mask |= static_cast<std::uint32_t>(ends) << i;
  }
  return mask;
#endif
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/// Whether `text` up to its closing quote ends with a key that names a destination.
bool is_name_key(std::string_view text) {
  return text.ends_with("\"sni") || text.ends_with("\"hostname") || text.ends_with("\"rrname") ||
         text.ends_with("\"query_name");
}

}  // namespace

std::string_view tidy(std::string_view name, Contact::Kind kind, NameRoom& room) {
  if (kind == Contact::Kind::http && !name.starts_with('[')) name = name.substr(0, name.find(':'));
  while (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > max_name) return {};
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    room.bytes[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return {room.bytes, name.size()};
}

Glance glance(std::string_view line, const DomainSet& watched) {
  Glance seen;
  NameRoom room;
  for (std::size_t block = 0; block < line.size(); block += 16) {
    for (auto mask = key_ends(line.data() + block); mask != 0; mask &= mask - 1) {
      const auto quote = block + static_cast<std::size_t>(std::countr_zero(mask)) + 2;
      if (quote >= line.size()) break;
      if (!is_name_key(line.substr(0, quote))) continue;
      auto at = quote + 1;
      while (at < line.size() && is_blank(line[at])) ++at;
      if (at >= line.size() || line[at] != ':') continue;
      ++at;
      while (at < line.size() && is_blank(line[at])) ++at;
      if (at >= line.size() || line[at] != '"') continue;
      auto name = line.substr(at + 1);
      name = name.substr(0, name.find('"'));
      ++seen.names;
      // An escape may be anything; a host may have a port behind it.
      const auto kind = line.substr(0, quote).ends_with("hostname") ? Contact::Kind::http : Contact::Kind::tls;
      if (name.find('\\') != std::string_view::npos || watched.find(tidy(name, kind, room))) {
        seen.worth_parsing = true;
        return seen;
      }
    }
  }
  return seen;
}

}  // namespace intelwall::hunt
