#include "intel/fql_condition_test.hpp"

#include <algorithm>

namespace intelwall::fql {

namespace {

/// A shorter list is walked through.
constexpr std::size_t enough_to_hash = 8;

}  // namespace

ConditionTest::ConditionTest(const Condition& condition, Time now) : negated_(condition.negated) {
  const Property property = property_named(condition.property);
  for (const Value& value : condition.values) {
    const bool is_empty = value.kind == Value::Kind::text && value.text.empty();
    if (value.kind == Value::Kind::null || (is_empty && condition.relation == Relation::equal)) holds_for_none_ = true;
    if (value.kind != Value::Kind::null) tests_.emplace_back(condition, value, property.comparison, now);
  }
  ignores_case_ = property.comparison == Comparison::vocabulary;
  if (tests_.size() >= enough_to_hash && std::ranges::all_of(tests_, &ValueTest::is_plain_text))
    for (const ValueTest& test : tests_) texts_.insert(test.text());
  std::string_view rest = condition.property;
  for (auto dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
    path_.emplace_back(rest.substr(0, dot));
    rest.remove_prefix(dot + 1);
  }
  path_.emplace_back(rest);
  // Falcon filters labels by their names.
  if (condition.property == "labels") path_.emplace_back("name");
}

}  // namespace intelwall::fql
