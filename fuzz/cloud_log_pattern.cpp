// A filter pattern, and below it a message: any bytes are parsed or refused with words, and patterns that say the
// opposite never both match.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "lab/cloud_log_pattern.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall::lab;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  const std::string_view text = bytes.substr(0, line), message = bytes.substr(std::min(line + 1, bytes.size()));
  const auto pattern = LogPattern::parse(text);
  if (!pattern) {
    IW_ASSERT(!pattern.error().message.empty());
    return 0;
  }
  const bool matched = pattern->matches(message);
  IW_ASSERT(LogPattern::parse(text)->matches(message) == matched);
  // What a term excludes is what it requires, turned round.
  if (!text.empty() && text.find_first_of(" \t\r\"?-{%[") == std::string_view::npos) {
    const auto opposite = LogPattern::parse("-" + std::string(text));
    IW_ASSERT(!opposite || opposite->matches(message) != matched);
  }
  // A JSON pattern in more parentheses is the same, or too deep.
  if (text.starts_with('{') && text.ends_with('}')) {
    const auto wrapped = LogPattern::parse("{(" + std::string(text.substr(1, text.size() - 2)) + ")}");
    IW_ASSERT(!wrapped || wrapped->matches(message) == matched);
  }
  return 0;
}
