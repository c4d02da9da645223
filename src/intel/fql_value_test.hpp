#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "intel/fql.hpp"
#include "intel/fql_moment.hpp"
#include "intel/fql_schema.hpp"

namespace intelwall::fql {

/// A number as JSON and filters have it: whole ones compare exactly.
struct Number {
  std::int64_t whole = 0;
  double real = 0;
  bool is_whole = true;

  static Number of(std::int64_t value) { return {value, static_cast<double>(value), true}; }
  static Number of(double value) { return {0, value, false}; }
  static std::optional<Number> parse(std::string_view text);
};
std::partial_ordering compare(const Number& a, const Number& b);

/// One value of a condition, made ready to be compared with one value of an object. What docs/fql.md says about types
/// is here.
class ValueTest {
 public:
  ValueTest(const Condition& condition, const Value& value, Comparison comparison, Time now);

  bool holds(std::string_view text) const;
  bool holds(const Number& number) const;
  bool holds(bool boolean) const;

  /// Texts are just equal or not: such tests of one list may be looked up together.
  bool is_plain_text() const {
    return mode_ == Mode::equal && comparison_ != Comparison::date && !moment_ && !boolean_;
  }
  const std::string& text() const { return text_; }

 private:
  enum class Mode { any, pattern, words, equal, order };

  void make_pattern();
  void make_words();
  bool ordered(std::partial_ordering order) const;
  bool fits(const Moment& moment) const;
  bool fits_seconds(const Number& number) const;
  bool has_pattern(std::string_view text) const;
  bool has_words(std::string_view text) const;
  std::size_t find(std::string_view text, std::string_view piece) const;
  bool equals(std::string_view a, std::string_view b) const;
  bool ignores_case() const { return comparison_ == Comparison::vocabulary; }

  struct Word {
    std::string text;
    bool is_prefix = false;
  };

  Mode mode_ = Mode::equal;
  Relation relation_;
  Comparison comparison_;
  Value::Kind kind_;
  std::string text_;  ///< in lower case where case does not count
  std::optional<Number> number_;
  std::optional<Moment> moment_;
  std::optional<bool> boolean_;
  std::vector<std::string> pieces_;  ///< of a pattern, what stands between its stars
  std::vector<Word> words_;          ///< in lower case
};

}  // namespace intelwall::fql
