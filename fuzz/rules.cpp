// Any bytes as the text of a rule group: nothing is lost, and what is read as ours is written again as the same
// decision.
#include <algorithm>
#include <cstdint>

#include "rules/diff.hpp"
#include "rules/rule_group.hpp"

using namespace intelwall;

// NOLINTNEXTLINE(readability-identifier-naming): the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = rules::parse_rules(text);
  IW_ASSERT(rules::to_string(document) == text);
  IW_ASSERT(document.bytes() == size);
  IW_ASSERT(document.rule_count() <= document.lines.size());
  IW_ASSERT(rules::diff(document, document) == rules::LineDiff{});

  const auto read = rules::read_decisions(document);
  std::set<std::uint32_t> taken;
  std::size_t rules = 0;
  for (const auto& decision : read.decisions) {
    IW_ASSERT(rules::is_decision_id(decision.id));
    IW_ASSERT(rules::normalised(decision) == decision);
    rules::RuleDocument again;
    again.lines = rules::render(decision, taken);
    rules += again.lines.size();
    const auto back = rules::read_decisions(rules::parse_rules(rules::to_string(again)));
    IW_ASSERT(back.problems.empty() && back.decisions.size() == 1 && back.decisions.front() == decision);
  }
  IW_ASSERT(rules == static_cast<std::size_t>(std::ranges::count_if(document.lines, &rules::RuleLine::ours)));

  if (const auto domain = rules::from_target(text)) IW_ASSERT(rules::to_target(*domain) == text);
  return 0;
}
