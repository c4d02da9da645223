#include "lab/data_plane_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/result.hpp"

namespace intelwall::lab {

std::string renumbered(const CompiledPolicy& policy, std::uint32_t base) {
  std::string text;
  text.reserve(policy.rules.size() + policy.rule_count * 8);
  std::string_view rest = policy.rules;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto mark = line.rfind("sid:");
    if (mark == std::string_view::npos) continue;
    const auto number = line.substr(mark + 4, line.find(';', mark) - mark - 4);
    text.append(line.substr(0, mark + 4));
    text += fmt::format("{};)\n", base + static_cast<std::uint32_t>(std::stoul(std::string(number))));
  }
  return text;
}

std::string first_complaint(const std::string& output) {
  const auto find = [&](std::string_view word) { return output.find(word); };
  auto at = find("error parsing signature");
  if (at == std::string::npos) at = find("Error: ");
  if (at == std::string::npos) at = find("<Error>");
  if (at == std::string::npos)
    return printable(output.substr(output.size() - std::min<std::size_t>(output.size(), 300)), 300);
  // A line before it often holds the reason: "Error: detect-content: …", then "error parsing signature …".
  const auto first = std::min(at, std::min(find("Error: "), find("<Error>")));
  const auto end =
      output.find('\n', output.find('\n', first) == std::string::npos ? first : output.find('\n', first) + 1);
  return printable(output.substr(first, end - first), 600);
}

}  // namespace intelwall::lab
