#include "lab/data_plane_text.hpp"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace intelwall::lab
