#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"

/// The Falcon Query Language: how Falcon's APIs filter. docs/fql.md tells the grammar, what is decided where
/// CrowdStrike's documentation is silent, and the sources.
namespace intelwall::fql {

/// Properties in one filter: CrowdStrike's limit. The other two are ours.
inline constexpr std::size_t max_conditions = 20;
inline constexpr std::size_t max_depth = 64;
inline constexpr std::size_t max_bytes = 128 * 1024;

struct Value {
  enum class Kind { null, boolean, number, text };
  Kind kind = Kind::text;
  /// Unescaped text, a number as it was written, "true" or "false". Dates are text: what they are measured against
  /// decides.
  std::string text;

  bool operator==(const Value&) const = default;
};

/// What the operator says, negation apart. `wildcard` is the operator `*`; a plain value with a star in it is one too.
enum class Relation { equal, wildcard, text_match, less, less_equal, greater, greater_equal };

/// How a condition's values were written: in brackets they are alternatives, and a star is a plain character.
enum class Brackets { none, list };

struct Condition {
  std::string property;  ///< lower case
  Relation relation = Relation::equal;
  /// True where the relation does not hold for any value, so also where there is none.
  bool negated = false;
  Brackets brackets = Brackets::none;
  std::vector<Value> values;  ///< at least one

  bool operator==(const Condition&) const = default;
};

struct Expression {
  enum class Kind { condition, all, any };
  Kind kind = Kind::condition;
  Condition condition;
  std::vector<Expression> parts;  ///< two or more of another kind than this, unless it is a condition

  bool operator==(const Expression&) const = default;
};

/// Something to say about a place in a filter.
struct Remark {
  std::size_t column = 1;  ///< 1-based, in characters (code points)
  std::string message;
  std::string hint;

  bool operator==(const Remark&) const = default;
};

struct Filter {
  Expression root;
  std::vector<Remark> warnings;  ///< valid, but probably not what was meant

  /// Canonical: single quotes, documented operators, `+` in parentheses beside `,`. Relative dates stay relative.
  std::string to_text() const;
  /// The same, with relative dates as times: what is sent to Falcon.
  std::string to_text(Time now) const;
};

struct ParseOptions {
  /// How far back `{old_date}` is.
  std::chrono::seconds old_date = std::chrono::days{30};
};

/// Errors have a column; faces show `caret_lines()` with them.
std::expected<Filter, Remark> read(std::string_view text, const ParseOptions& options = {});
/// The same for callers that only pass errors on: the place is "FQL column N".
Result<Filter> parse(std::string_view text, const ParseOptions& options = {});

/// The part of `text` round `column` and a line with a caret below it, both indented and each with its line end.
std::string caret_lines(std::string_view text, std::size_t column);

/// The tree in words, a condition a line.
std::string explain(const Filter& filter, Time now);

}  // namespace intelwall::fql
