#pragma once

#include <optional>

#include "intel/fql.hpp"

namespace intelwall::fql {

enum class Severity { warning, error };
enum class Subject { property, value };

struct ConditionRemark {
  Severity severity;
  Subject about;
  Remark remark;  ///< without its column
};

/// What is wrong with a condition that is well-formed: an error if it can have no meaning, a warning if it will hardly
/// match what was meant.
std::optional<ConditionRemark> check_condition(const Condition& condition);

bool is_order(Relation relation);
/// The operator behind the colon, as it is documented.
const char* spelling(Relation relation, bool negated);
/// Whether a value stands for a pattern: by the operator, or by a star outside of brackets.
bool is_pattern(const Condition& condition, const Value& value);
/// `*`, `**`: any value that is not empty.
bool is_any(std::string_view pattern);
/// A number as text, which a date in seconds may be.
bool is_integer(std::string_view text);
/// The next word of a text match at the front of `rest`, which it is taken off; empty at the end. Words are ASCII
/// letters, digits and all that is not ASCII.
std::string_view take_word(std::string_view& rest);

}  // namespace intelwall::fql
