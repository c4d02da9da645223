#include "core/result.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "core/utf8.hpp"

namespace intelwall {
namespace {

/// Characters that would move a terminal's cursor, break a line or hide and reorder what stands around them.
bool is_treacherous(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || (c >= 0xfff0 && c <= 0xfffb) || c == 0xfeff ||
         (c >= 0xe0000 && c <= 0xe0fff);
}

}  // namespace

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
      return "invalid_input";
    case ErrorCode::usage:
      return "usage";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::refused:
      return "refused";
    case ErrorCode::quota:
      return "quota";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::protocol:
      return "protocol";
    case ErrorCode::system:
      return "system";
  }
  return "system";
}

std::string Error::to_text() const {
  std::string text = place.empty() ? message : place + ": " + message;
  if (!hint.empty()) text += " (" + hint + ")";
  return text;
}

std::string printable(std::string_view text, std::size_t limit) {
  constexpr std::string_view ellipsis = "…";
  std::string out;
  std::size_t cut = 0;  // where `out` may end so that the ellipsis still fits
  while (!text.empty()) {
    const CodePoint c = first_code_point(text);
    const std::size_t taken = c.size == 0 ? 1 : c.size;
    if (c.size == 0 || is_treacherous(c.value)) {
      for (const char byte : text.substr(0, taken)) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    } else {
      out += text.substr(0, taken);
    }
    if (out.size() > limit) {
      out.resize(cut);
      return limit < ellipsis.size() ? out : out.append(ellipsis);
    }
    if (out.size() + ellipsis.size() <= limit) cut = out.size();
    text.remove_prefix(taken);
  }
  return out;
}

namespace detail {

void assertion_failed(const char* expression, const char* file, int line) {
  // Nothing here may allocate or throw: the program is already wrong.
  static_cast<void>(std::fprintf(stderr, "intelwall: bug: %s is false at %s:%d\n", expression, file, line));
  std::abort();
}

}  // namespace detail
}  // namespace intelwall
