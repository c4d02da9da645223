#include "aws/ini.hpp"

#include "aws/text.hpp"

namespace intelwall::aws {

namespace {

std::string_view without_comment(std::string_view value) {
  for (std::size_t at = 1; at < value.size(); ++at)
    if ((value[at] == '#' || value[at] == ';') && is_blank(value[at - 1])) return trim(value.substr(0, at));
  return value;
}

}  // namespace

Result<Ini> parse_ini(std::string_view text, const std::string& path) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Ini ini;
  std::map<std::string, std::string>* section = nullptr;
  std::size_t key_indent = std::string_view::npos;  // of the last key in this section
  std::size_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    const std::string place = path + ':' + std::to_string(number);
    const auto indent = static_cast<std::size_t>(line.data() - raw.data());
    if (key_indent != std::string_view::npos && indent > key_indent) continue;
    if (line.front() == '[') {
      const auto close = line.find(']');
      if (close == std::string_view::npos)
        return fail(ErrorCode::invalid_input, "the section's name is not closed by \"]\"", place);
      section = &ini[std::string(trim(line.substr(1, close - 1)))];
      key_indent = std::string_view::npos;
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return fail(ErrorCode::invalid_input, "this is neither a section nor \"key = value\"", place);
    if (section == nullptr)
      return fail(ErrorCode::invalid_input, "there is a key before the first section", place,
                  "put a line [default] above it");
    key_indent = indent;
    (*section)[lower_case(trim(line.substr(0, equals)))] = without_comment(trim(line.substr(equals + 1)));
  }
  return ini;
}

}  // namespace intelwall::aws
