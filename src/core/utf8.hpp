#pragma once

#include <cstddef>
#include <string_view>

namespace intelwall {

/// One code point at the front of a text; `size` 0 means that the text is empty or its first byte starts no valid
/// UTF-8.
struct CodePoint {
  char32_t value = 0;
  std::size_t size = 0;
};

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint first_code_point(std::string_view text);
bool is_valid_utf8(std::string_view text);

}  // namespace intelwall
