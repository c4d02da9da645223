#pragma once

#include <string>
#include <vector>

#include "rules/rule_group.hpp"

namespace intelwall::rules {

/// What a change does to a group, for people: the lines (not blank) that only one side has, in that side's order. A
/// line that stands twice counts twice; a line that only moved is no difference.
struct LineDiff {
  std::vector<std::string> added;
  std::vector<std::string> removed;
  bool operator==(const LineDiff&) const = default;
};
LineDiff diff(const RuleDocument& before, const RuleDocument& after);

}  // namespace intelwall::rules
