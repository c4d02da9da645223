#include "intel/fql_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "intel/fql_moment.hpp"
#include "intel/fql_schema.hpp"

namespace intelwall::fql {

namespace {

using Kind = Value::Kind;

bool is_word_char(char c) {
  const char lower = to_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || (c & '\x80') != 0;
}

ConditionRemark error(std::string message, std::string hint) {
  return {Severity::error, Subject::value, {.message = std::move(message), .hint = std::move(hint)}};
}
ConditionRemark warning(Subject about, std::string message, std::string hint) {
  return {Severity::warning, about, {.message = std::move(message), .hint = std::move(hint)}};
}

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "a boolean";
    case Kind::number:
      return "a number";
    case Kind::text:
      return "text";
  }
  return "";
}

std::string hint_for_date(std::string_view text) {
  const std::string lower = to_lower(text);
  if (parse_relative(lower)) return fmt::format("relative dates are in lower case: '{}'", lower);
  if (lower.starts_with("now")) return "relative dates are now-30d, now-12h, now-15m (s, m, h, d, w; up to 50 years)";
  if (text.starts_with('{')) return "the placeholders are {old_date}, {now} and {now-30d}";
  if (parse_moment(fmt::format("{}Z", text))) return fmt::format("say that it is UTC: '{}Z'", text);
  if (lower.starts_with("last")) return "the console's words are not FQL: write 'now-7d'";
  return "write '2026-11-24', '2026-11-24T14:03:04Z', 'now-30d' or seconds since 1970";
}

std::optional<ConditionRemark> check_date(const Condition& condition, const Value& value) {
  if (condition.relation == Relation::wildcard || condition.relation == Relation::text_match)
    return error(fmt::format("{} is a date, which `:{}` cannot compare", condition.property,
                             spelling(condition.relation, condition.negated)),
                 fmt::format("write {}:>='2026-11-24' or {}:>'now-30d'", condition.property, condition.property));
  if (value.kind == Kind::null || value.kind == Kind::number) return std::nullopt;
  const bool is_date =
      value.kind == Kind::text && (parse_moment(value.text) || parse_relative(value.text) || is_integer(value.text));
  const bool is_presence = value.kind == Kind::text && !is_order(condition.relation) &&
                           (value.text.empty() || (is_any(value.text) && condition.brackets == Brackets::none));
  if (is_date || is_presence) return std::nullopt;
  return error(fmt::format("{} is a date, '{}' is none", condition.property, printable(value.text, 40)),
               hint_for_date(value.text));
}

std::optional<ConditionRemark> check_boolean(const Condition& condition, const Value& value) {
  if (is_order(condition.relation) || condition.relation == Relation::text_match)
    return error(fmt::format("{} is true or false, which `:{}` cannot compare", condition.property,
                             spelling(condition.relation, condition.negated)),
                 fmt::format("write {}:false", condition.property));
  const bool fits = value.kind == Kind::null || value.kind == Kind::boolean || value.text.empty() ||
                    is_any(value.text) || equal_ignoring_case(value.text, "true") ||
                    equal_ignoring_case(value.text, "false");
  if (fits) return std::nullopt;
  return error(fmt::format("{} is true or false, not '{}'", condition.property, printable(value.text, 40)),
               fmt::format("write {}:false", condition.property));
}

/// What has no meaning whatever the property.
std::optional<ConditionRemark> check_relation(const Condition& condition, const Value& value) {
  const char* op = spelling(condition.relation, condition.negated);
  if (is_order(condition.relation)) {
    if (condition.brackets == Brackets::list)
      return error(fmt::format("`:{}` compares with one value, not with a list", op), "write one condition a value");
    if (value.kind == Kind::null || value.kind == Kind::boolean)
      return error(fmt::format("`:{}` cannot compare with {}", op, name_of(value.kind)),
                   "numbers, dates and text have an order");
    return std::nullopt;
  }
  if (condition.relation == Relation::equal) return std::nullopt;
  if (value.kind == Kind::null || value.kind == Kind::boolean)
    return error(
        fmt::format("`:{}` needs text, not {}", op, name_of(value.kind)),
        fmt::format("write prop:{}{}", condition.negated ? "!" : "", value.text.empty() ? "null" : value.text));
  std::string_view rest = value.text;
  if (condition.relation == Relation::text_match && take_word(rest).empty())
    return error(fmt::format("`:{}` compares words, and '{}' has none", op, printable(value.text, 40)),
                 "write at least one letter or digit");
  if (condition.relation == Relation::wildcard && value.text.empty())
    return error(fmt::format("`:{}` needs a pattern", op), "as in indicator:*'*evil*'");
  return std::nullopt;
}

std::optional<ConditionRemark> warn_of_word(const Condition& condition, const Property& property, const Value& value) {
  if (value.kind != Kind::text || value.text.empty() || is_pattern(condition, value)) return std::nullopt;
  const bool known =
      std::ranges::any_of(property.words, [&](std::string_view word) { return equal_ignoring_case(word, value.text); });
  if (known) return std::nullopt;
  const auto nearest = nearest_word(property.words, value.text);
  std::string hint;
  if (!nearest.empty()) {
    hint = fmt::format("did you mean '{}'?", nearest);
  } else if (property.words.size() <= 8) {
    hint = fmt::format("known are {}", fmt::join(property.words, ", "));
  } else {
    hint = "docs/fql.md lists the known ones";
  }
  return warning(Subject::value, fmt::format("'{}' is no known {}", printable(value.text, 40), condition.property),
                 std::move(hint));
}

std::optional<ConditionRemark> warn(const Condition& condition, const Property& property) {
  if (!is_known_property(condition.property)) {
    const auto nearest = nearest_property(condition.property);
    return warning(
        Subject::property, fmt::format("indicators have no property {}", printable(condition.property, 60)),
        nearest.empty() ? "other objects may: it compares by their values" : fmt::format("did you mean {}?", nearest));
  }
  if (is_order(condition.relation) && property.comparison == Comparison::vocabulary)
    return warning(
        Subject::value,
        fmt::format("`:{}` compares {} by the alphabet", spelling(condition.relation, false), condition.property),
        condition.property == "malicious_confidence" ? "name the levels: malicious_confidence:['high','medium']"
                                                     : "name the values in a list");
  for (const Value& value : condition.values) {
    const bool star = value.kind == Kind::text && value.text.find('*') != std::string::npos;
    if (condition.brackets == Brackets::list && condition.relation == Relation::equal && star)
      return warning(
          Subject::value, "`*` in a list is a plain character",
          fmt::format("put the operator before it: {}:*['{}']", condition.property, printable(value.text, 60)));
    if (condition.relation == Relation::wildcard && !star)
      return warning(Subject::value, "a wildcard without `*` means contains",
                     fmt::format("say so: {}:*'*{}*'", condition.property, printable(value.text, 60)));
    if (condition.relation == Relation::equal && !property.words.empty())
      if (auto remark = warn_of_word(condition, property, value)) return remark;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ConditionRemark> check_condition(const Condition& condition) {
  const Property property = property_named(condition.property);
  for (const Value& value : condition.values) {
    if (auto remark = check_relation(condition, value)) return remark;
    if (property.comparison == Comparison::date)
      if (auto remark = check_date(condition, value)) return remark;
    if (property.comparison == Comparison::boolean)
      if (auto remark = check_boolean(condition, value)) return remark;
  }
  return warn(condition, property);
}

bool is_order(Relation relation) {
  return relation >= Relation::less;
}

const char* spelling(Relation relation, bool negated) {
  switch (relation) {
    case Relation::equal:
      return negated ? "!" : "";
    case Relation::wildcard:
      return negated ? "!*" : "*";
    case Relation::text_match:
      return negated ? "!~" : "~";
    case Relation::less:
      return "<";
    case Relation::less_equal:
      return "<=";
    case Relation::greater:
      return ">";
    case Relation::greater_equal:
      return ">=";
  }
  return "";
}

bool is_pattern(const Condition& condition, const Value& value) {
  if (condition.relation == Relation::wildcard) return true;
  return condition.relation == Relation::equal && condition.brackets == Brackets::none && value.kind == Kind::text &&
         value.text.find('*') != std::string::npos;
}

bool is_any(std::string_view pattern) {
  return !pattern.empty() && pattern.find_first_not_of('*') == std::string_view::npos;
}

bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view take_word(std::string_view& rest) {
  const auto* const start = std::ranges::find_if(rest, is_word_char);
  const auto* const end = std::find_if_not(start, rest.end(), is_word_char);
  const std::string_view word(start, static_cast<std::size_t>(end - start));
  rest = std::string_view(end, static_cast<std::size_t>(rest.end() - end));
  return word;
}

}  // namespace intelwall::fql
