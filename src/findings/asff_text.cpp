#include "findings/asff_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/time.hpp"
#include "findings/json.hpp"

namespace intelwall::findings {

std::string asff_text(std::string_view text, std::size_t limit) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
  std::string out;
  for (const char c : text.substr(0, limit + 1)) {
    if (c >= '\t' && c <= '\r') {
      out += ' ';
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += replacement;
    } else {
      out += c;
    }
  }
  out = bounded(out, limit);
  return out.find_first_not_of(' ') == std::string::npos ? std::string() : out;
}

std::string asff_time(std::string_view text) {
  constexpr std::size_t digits = 9;
  const auto seconds = parse_time(text);
  if (!seconds) return {};
  std::string fraction;
  if (const auto point = text.find('.'); point != std::string_view::npos) {
    for (const char c : text.substr(point + 1)) {
      if (c < '0' || c > '9' || fraction.size() == digits) break;
      fraction += c;
    }
  }
  fraction.resize(digits, '0');
  std::string out = format_time(*seconds);
  out.insert(out.size() - 1, "." + fraction);
  return out;
}

void AsffProductFields::put(std::string_view name, std::string_view text) {
  if (room() == 0) return;
  if (std::string value = asff_text(text, value_limit); !value.empty())
    fields_[fmt::format("{}{}", prefix, name)] = std::move(value);
}

void AsffProductFields::put_list(std::string_view name, const std::vector<std::string>& items) {
  std::string list;
  std::size_t number = 0;
  const auto flush = [&] {
    put(number == 0 ? std::string(name) : fmt::format("{}/{}", name, number), list);
    ++number;
    list.clear();
  };
  for (const auto& item : items) {
    if (!list.empty() && list.size() + 1 + item.size() > value_limit) flush();
    list += (list.empty() ? "" : ",") + item;
  }
  if (!list.empty()) flush();
}

}  // namespace intelwall::findings
