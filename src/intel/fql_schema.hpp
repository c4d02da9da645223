#pragma once

#include <span>
#include <string>
#include <string_view>

namespace intelwall::fql {

/// How a property's values compare.
enum class Comparison {
  by_value,    ///< unknown property: by what the object holds
  text,        ///< bytes, case counts
  vocabulary,  ///< a closed list of words: ASCII case does not count
  date,        ///< seconds since 1970 or RFC 3339
  boolean,
};

/// A filterable property of Falcon's indicators (parameters of GET /intel/combined/indicators/v1), or of what its
/// objects hold besides.
struct Property {
  std::string_view name;
  Comparison comparison = Comparison::by_value;
  std::span<const std::string_view> words = {};  ///< all that are known; empty: open or unpublished
};

/// `name` in lower case; an unknown one compares by value.
Property property_named(std::string_view name);
bool is_known_property(std::string_view name);
/// The known property nearest in spelling, or empty.
std::string_view nearest_property(std::string_view name);
/// The word of `words` that is `text` but for ASCII case, or up to two letters; empty if there is none.
std::string_view nearest_word(std::span<const std::string_view> words, std::string_view text);

inline char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
std::string to_lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace intelwall::fql
