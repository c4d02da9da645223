#include "core/rule_text.hpp"

namespace intelwall {
namespace {

bool may_stay(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" ._:/@+=()-").find(c) != std::string_view::npos;
}

bool is_high(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}
bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

RuleText::RuleText(std::string_view untrusted, std::size_t limit) {
  char before = ' ';
  for (const char c : untrusted) {
    // One "_" stands for a whole character, not for each byte of it.
    const bool inside_character = is_continuation(c) && is_high(before);
    before = c;
    if (inside_character) continue;
    if (c == ' ' && (text_.empty() || text_.back() == ' ')) continue;
    if (text_.size() == limit) break;
    text_ += may_stay(c) ? c : '_';
  }
  if (!text_.empty() && text_.back() == ' ') text_.pop_back();
}

}  // namespace intelwall
