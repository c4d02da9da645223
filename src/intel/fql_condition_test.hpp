#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "intel/fql_value_test.hpp"

namespace intelwall::fql {

/// A condition made ready to be asked about many objects: where its values stand, and a test for each of its own.
class ConditionTest {
 public:
  ConditionTest(const Condition& condition, Time now);

  /// The names to follow from the object, in lower case; lists on the way are opened.
  const std::vector<std::string>& path() const { return path_; }

  /// What stands at the path, as far as the condition asks.
  struct Found {
    bool match = false;    ///< a value that any test holds for
    bool present = false;  ///< a value, or an object; null is none
  };
  bool holds(Found found) const { return (found.match || (holds_for_none_ && !found.present)) != negated_; }

  bool fits(std::string_view text) const {
    if (texts_.empty()) return fits_any(text);
    return ignores_case_ ? texts_.contains(to_lower(text)) : texts_.contains(text);
  }
  bool fits(const Number& number) const { return fits_any(number); }
  bool fits(bool boolean) const { return fits_any(boolean); }

 private:
  template <class Scalar>
  bool fits_any(const Scalar& value) const {
    for (const ValueTest& test : tests_)
      if (test.holds(value)) return true;
    return false;
  }

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  bool negated_;
  bool holds_for_none_ = false;
  bool ignores_case_ = false;
  std::vector<ValueTest> tests_;
  std::unordered_set<std::string, TextHash, std::equal_to<>> texts_;  ///< of a long list of plain texts
  std::vector<std::string> path_;
};

}  // namespace intelwall::fql
