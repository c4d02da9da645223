#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Hashes of a name's suffixes. Internal to DomainSet. The sizes of names are random, so what costs here are branches
// that the processor guesses wrong: there is none that depends on the size of a name of 8 to 24 bytes, as most are.
namespace intelwall::domain_set {

/// No name is longer, so no suffix that counts is.
inline constexpr std::size_t longest = 253;

__extension__ using Wide = unsigned __int128;

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// `hash` as a number below `size`.
inline std::size_t scale(std::uint64_t hash, std::size_t size) {
  return static_cast<std::size_t>((static_cast<Wide>(hash) * size) >> 64);
}

/// Eight bytes, the first one lowest.
inline std::uint64_t load(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

/// Fewer than eight bytes, with zero bytes behind them.
inline std::uint64_t load_short(std::string_view text) {
  if (text.size() >= 4) {  // two halves, which overlap
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    std::memcpy(&first, text.data(), 4);
    std::memcpy(&second, text.data() + text.size() - 4, 4);
    if constexpr (std::endian::native == std::endian::big) {
      first = __builtin_bswap32(first);
      second = __builtin_bswap32(second);
    }
    return first | std::uint64_t{second} << (8 * (text.size() - 4));
  }
  std::uint64_t word = 0;
  for (std::size_t i = text.size(); i-- > 0;) word = word << 8 | static_cast<unsigned char>(text[i]);
  return word;
}

/// Bit i says whether byte i of a word is a dot.
inline std::uint32_t dots_in(std::uint64_t word) {
  constexpr std::uint64_t all_dots = 0x2e2e2e2e2e2e2e2e;
#if defined(__SSE2__)
  const auto in_register = [](std::uint64_t bytes) { return _mm_cvtsi64_si128(static_cast<long long>(bytes)); };
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(in_register(word), in_register(all_dots)))) & 0xff;
#else
  constexpr std::uint64_t low = 0x7f7f7f7f7f7f7f7f;
  const std::uint64_t x = word ^ all_dots;
  const std::uint64_t dots = ~(((x & low) + low) | x | low);  // the top bit of each
  return static_cast<std::uint32_t>(((dots >> 7) * 0x0102040810204080) >> 56);
#endif
}

/// The seed is secret: who writes a list cannot choose names that collide.
class Hash {
 public:
  explicit Hash(std::uint64_t seed)
      : keys_{seed ^ 0x9e3779b97f4a7c15, std::rotl(seed, 21) ^ 0xd6e8feb86659fd93,
              std::rotl(seed, 42) ^ 0xa0761d6478bd642f} {}

  std::uint64_t operator()(std::string_view text) const {
    if (text.size() < 8) return of_short(load_short(text));
    return text.size() <= 24 ? of_middle(text) : of_long(text);
  }
  std::uint64_t of_suffix(std::string_view name, std::size_t start) const {
    const std::string_view suffix = name.substr(start);
    if (suffix.size() >= 8 || suffix.empty() || name.size() < 8) return (*this)(suffix);
    return of_short(load(name.data() + name.size() - 8) >> (64 - 8 * suffix.size()));
  }
  /// Of fewer than eight bytes, as load_short() gives them.
  std::uint64_t of_short(std::uint64_t word) const { return mix(keys_[2], word, word, word); }
  /// Of 8 to 24 bytes: three words, which overlap in all but the longest.
  std::uint64_t of_middle(std::string_view text) const {
    const std::size_t last = text.size() - 8;
    return mix(keys_[2] + text.size(), load(text.data()), load(text.data() + last / 2), load(text.data() + last));
  }

 private:
  std::uint64_t mix(std::uint64_t state, std::uint64_t a, std::uint64_t b, std::uint64_t c) const {
    return fold(fold(a ^ keys_[0], b ^ keys_[1]) ^ c, state);
  }
  std::uint64_t of_long(std::string_view text) const {
    std::uint64_t state = keys_[2];
    const auto add = [&](const char* at) { state = mix(state, load(at), load(at + 8), load(at + 16)); };
    for (std::string_view rest = text; rest.size() > 24; rest.remove_prefix(24)) add(rest.data());
    add(text.data() + text.size() - 24);
    return state;
  }

  std::uint64_t keys_[3];
};

/// A cache line of bits for every forty names or so.
inline constexpr std::size_t filter_line_bits = 512;
struct alignas(filter_line_bits / 8) FilterLine {
  std::uint64_t words[8] = {};
};

/// What a name sets in the filter: two bits in each of two words of one line. Who misses one is not in the set.
struct Probe {
  Probe(std::uint64_t hash, std::size_t lines)
      : line(scale(hash, lines)),
        words{hash >> 24 & 7, hash >> 27 & 7},
        masks{bit(hash) | bit(hash >> 6), bit(hash >> 12) | bit(hash >> 18)} {}

  bool passes(const std::vector<FilterLine>& filter) const {
    const auto& there = filter[line].words;
    return ((~there[words[0]] & masks[0]) | (~there[words[1]] & masks[1])) == 0;
  }
  void set(std::vector<FilterLine>& filter) const {
    for (const int i : {0, 1}) filter[line].words[words[i]] |= masks[i];
  }

  std::size_t line;
  std::uint64_t words[2];
  std::uint64_t masks[2];

 private:
  static std::uint64_t bit(std::uint64_t number) { return std::uint64_t{1} << (number & 63); }
};

/// Bit i says whether byte i of a text of up to 64 bytes is a dot.
inline std::uint64_t dots_of(std::string_view text) {
  const auto dots_at = [text](std::size_t at) { return std::uint64_t{dots_in(load(text.data() + at))} << at; };
  if (text.size() < 8) return dots_in(load_short(text));
  const std::size_t last = text.size() - 8;
  std::uint64_t dots = dots_at(0) | dots_at(last / 2) | dots_at(last);
  for (std::size_t at = 8; text.size() > 24 && at < last; at += 8) dots |= dots_at(at);
  return dots;
}

/// Takes the last dot off; there must be one.
inline std::size_t take_last(std::uint64_t& dots) {
  const int last = 63 - std::countl_zero(dots);
  dots ^= std::uint64_t{1} << last;  // NOLINT(clang-analyzer-core.BitwiseShift): there is one
  return static_cast<std::size_t>(last);
}

enum class Suffixes {
  all,
  of_two_labels  ///< and more
};

/// Calls visit(start, hash) for every suffix that follows a dot, from the last to the first, then for the whole text.
/// Suffixes longer than a name can be are left out, and the empty one.
template <Suffixes which, class Visit>
inline void for_each_suffix(std::string_view name, const Hash& hash, Visit visit) {
  bool skip = which == Suffixes::of_two_labels;
  const auto visit_behind = [&](std::size_t dot) {
    if (!std::exchange(skip, false) && dot + 1 < name.size()) visit(dot + 1, hash.of_suffix(name, dot + 1));
  };
  if (name.size() <= 64) {
    for (std::uint64_t dots = dots_of(name); dots != 0;) visit_behind(take_last(dots));
  } else {
    for (std::size_t dot = name.size(); dot-- > 0 && name.size() - dot - 1 <= longest;)
      if (name[dot] == '.') visit_behind(dot);
  }
  if (!name.empty() && name.size() <= longest) visit(0, hash(name));
}

}  // namespace intelwall::domain_set
