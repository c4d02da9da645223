#include <fmt/format.h>

#include <algorithm>

#include "core/utf8.hpp"
#include "intel/fql.hpp"
#include "intel/fql_check.hpp"
#include "intel/fql_moment.hpp"
#include "intel/fql_schema.hpp"

namespace intelwall::fql {

namespace {

using Kind = Value::Kind;

/// A backslash is escaped only where it would escape: servers that know no escapes read most values as they are.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\'';
    if (text[i] == '\'' || (text[i] == '\\' && (next == '\'' || next == '"' || next == '\\'))) out += '\\';
    out += text[i];
  }
  return out += '\'';
}

/// Relative dates stand only where a date is compared: a file may be named "now".
bool is_relative_date(const Condition& condition, const Value& value) {
  if (value.kind != Kind::text || !parse_relative(value.text)) return false;
  const Comparison comparison = property_named(condition.property).comparison;
  return comparison == Comparison::date || (comparison == Comparison::by_value && is_order(condition.relation));
}

class Printer {
 public:
  explicit Printer(std::optional<Time> now) : now_(now) {}

  std::string text(const Expression& expression) const {
    if (expression.kind == Expression::Kind::condition) return text(expression.condition);
    std::string out;
    for (const Expression& part : expression.parts) {
      if (!out.empty()) out += expression.kind == Expression::Kind::all ? '+' : ',';
      const bool single = part.kind == Expression::Kind::condition;
      out += single ? text(part) : "(" + text(part) + ")";
    }
    return out;
  }

 private:
  std::string text(const Condition& condition) const {
    // The order operators have no negated spelling.
    std::string out = condition.negated && is_order(condition.relation) ? "!" : "";
    out += condition.property + ":" + spelling(condition.relation, condition.negated);
    if (condition.brackets == Brackets::none) return out + text(condition, condition.values.front());
    out += '[';
    for (const Value& value : condition.values) {
      if (&value != &condition.values.front()) out += ',';
      out += text(condition, value);
    }
    return out + ']';
  }
  std::string text(const Condition& condition, const Value& value) const {
    if (value.kind == Kind::null) return "null";
    if (value.kind != Kind::text) return value.text;
    if (now_ && is_relative_date(condition, value))
      return quoted(format_instant(parse_moment(value.text, *now_)->first));
    return quoted(value.text);
  }

  std::optional<Time> now_;
};

// ---- words

std::string words_for_date(const Condition& condition, const Value& value, Time now) {
  std::optional<Moment> moment;
  if (value.kind == Kind::text) moment = parse_moment(value.text, now);
  if (!moment && is_integer(value.text) && value.text.size() <= 11) {
    const Instant instant{std::stoll(value.text), 0};
    moment = Moment{instant, instant};
  }
  if (!moment) return {};
  const bool day = moment->first != moment->last;
  const bool exact = value.kind == Kind::text && !day && !parse_relative(value.text) && !is_integer(value.text);
  const std::string when = day     ? "the day " + value.text + " (UTC)"
                           : exact ? format_instant(moment->first)
                                   : fmt::format("{} ({})", format_instant(moment->first), value.text);
  switch (condition.relation) {
    case Relation::less:
      return "is before " + when;
    case Relation::less_equal:
      return (day ? "is before the end of " : "is not after ") + when;
    case Relation::greater:
      return "is after " + when;
    case Relation::greater_equal:
      return (day ? "is in or after " : "is not before ") + when;
    default:
      return (day ? "is in " : "is ") + when;
  }
}

/// The condition without its negation, for one value.
std::string words(const Condition& condition, const Value& value, const Property& property, Time now) {
  if (value.kind == Kind::null) return "has no value";
  if (value.kind == Kind::text && value.text.empty() && condition.relation == Relation::equal)
    return "is empty or has no value";
  if (is_pattern(condition, value)) {
    if (is_any(value.text)) return "has a value";
    const std::string_view text = value.text;
    const auto first = text.find_first_not_of('*');
    const auto last = text.find_last_not_of('*');
    const auto inner = text.substr(first, last - first + 1);
    const bool open_front = first > 0;
    const bool open_back = last + 1 < text.size();
    const std::string shown = quoted(printable(inner));
    if (inner.find('*') != std::string_view::npos) return "looks like " + quoted(printable(text));
    if (text.find('*') == std::string_view::npos || (open_front && open_back)) return "contains " + shown;
    return (open_front ? "ends with " : "begins with ") + shown;
  }
  const std::string shown = value.kind == Kind::text ? quoted(printable(value.text)) : value.text;
  if (property.comparison == Comparison::date ||
      (property.comparison == Comparison::by_value && value.kind == Kind::text)) {
    auto date = words_for_date(condition, value, now);
    if (!date.empty() && (property.comparison == Comparison::date || !is_integer(value.text))) return date;
  }
  switch (condition.relation) {
    case Relation::text_match:
      return "has the words " + shown;
    case Relation::less:
      return "is less than " + shown;
    case Relation::less_equal:
      return "is at most " + shown;
    case Relation::greater:
      return "is greater than " + shown;
    case Relation::greater_equal:
      return "is at least " + shown;
    default:
      return "is " + shown;
  }
}

std::string words(const Condition& condition, Time now) {
  const Property property = property_named(condition.property);
  std::string out = printable(condition.property) + ": ";
  if (condition.negated && condition.values.size() == 1) {
    const Value& value = condition.values.front();
    if (value.kind == Kind::null) return out + "has a value";
    if (value.kind == Kind::text && value.text.empty()) return out + "has a value that is not empty";
    if (is_pattern(condition, value) && is_any(value.text)) return out + "has no value";
  }
  if (condition.negated) out += "no value ";
  for (const Value& value : condition.values) {
    if (&value != &condition.values.front()) out += " or ";
    out += words(condition, value, property, now);
  }
  if (property.comparison == Comparison::vocabulary) out += " (case ignored)";
  return out;
}

void explain(const Expression& expression, std::size_t depth, Time now, std::string& out) {
  out.append(2 * depth, ' ');
  if (expression.kind == Expression::Kind::condition) {
    out += words(expression.condition, now) + "\n";
    return;
  }
  out += expression.kind == Expression::Kind::all ? "all of\n" : "at least one of\n";
  for (const Expression& part : expression.parts) explain(part, depth + 1, now, out);
}

}  // namespace

std::string Filter::to_text() const {
  return Printer(std::nullopt).text(root);
}

std::string Filter::to_text(Time now) const {
  return Printer(now).text(root);
}

std::string explain(const Filter& filter, Time now) {
  std::string out;
  explain(filter.root, 0, now, out);
  return out;
}

std::string caret_lines(std::string_view text, std::size_t column) {
  constexpr std::size_t before = 60;
  constexpr std::size_t after = 60;
  // One printable piece a character, so that blanks of other kinds and invalid bytes keep the caret in its place.
  std::string line;
  std::size_t caret = 0;
  std::size_t number = 1;
  const std::size_t first = column > before ? column - before : 1;
  if (first > 1) line = "…";
  std::size_t width = first > 1 ? 1 : 0;
  for (; !text.empty() && number < column + after; ++number) {
    const std::size_t size = std::max<std::size_t>(first_code_point(text).size, 1);
    if (number == column) caret = width;
    if (number >= first) {
      const char c = text.front();
      const auto piece = c == '\t' || c == '\n' || c == '\r' ? std::string(" ") : printable(text.substr(0, size));
      line += piece;
      width += static_cast<std::size_t>(std::ranges::count_if(piece, [](char b) { return (b & '\xc0') != '\x80'; }));
    }
    text.remove_prefix(size);
  }
  if (number <= column) caret = width;
  if (!text.empty()) line += "…";
  return fmt::format("  {}\n  {}^\n", line, std::string(caret, ' '));
}

}  // namespace intelwall::fql
