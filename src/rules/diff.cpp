#include "rules/diff.hpp"

#include <string_view>
#include <unordered_map>

namespace intelwall::rules {
namespace {

std::vector<std::string> only_in_first(const RuleDocument& first, const RuleDocument& second) {
  std::unordered_map<std::string_view, std::size_t> there;
  there.reserve(second.lines.size());
  for (const auto& line : second.lines) ++there[line.text];
  std::vector<std::string> only;
  for (const auto& line : first.lines) {
    if (line.text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto found = there.find(line.text);
    if (found == there.end() || found->second == 0) {
      only.push_back(line.text);
    } else {
      --found->second;
    }
  }
  return only;
}

}  // namespace

LineDiff diff(const RuleDocument& before, const RuleDocument& after) {
  return {.added = only_in_first(after, before), .removed = only_in_first(before, after)};
}

}  // namespace intelwall::rules
