#include "lab/cloud_event_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/result.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

std::unexpected<ApiError> bad_pattern(const std::string& reason) {
  return refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: " + reason);
}

bool is_scalar(const Json& value) {
  return value.is_primitive();
}

bool is_comparison(const Json& value) {
  return value == "=" || value == "<" || value == "<=" || value == ">" || value == ">=";
}

ApiResult<void> check_numeric(const Json& terms) {
  const bool formed = terms.is_array() && (terms.size() == 2 || terms.size() == 4);
  for (std::size_t i = 0; formed && i < terms.size(); ++i) {
    if (i % 2 == 0 ? !is_comparison(terms[i]) : !terms[i].is_number())
      return bad_pattern("numeric takes pairs of a comparison and a number");
  }
  if (!formed) return bad_pattern("numeric takes one or two pairs of a comparison and a number");
  return {};
}

ApiResult<void> check_anything_but(const Json& operand) {
  if (operand.is_string() || operand.is_number()) return {};
  if (operand.is_array() && !operand.empty() &&
      std::ranges::all_of(operand, [](const Json& v) { return v.is_string() || v.is_number(); }))
    return {};
  if (operand.is_object() && operand.size() == 1 && (has(operand, "prefix") || has(operand, "suffix")) &&
      operand.begin()->is_string())
    return {};
  return bad_pattern("anything-but takes a value, a list of values, a prefix or a suffix");
}

ApiResult<void> check_operator(const Json& matcher) {
  if (matcher.size() != 1) return bad_pattern("a match expression has exactly one operator");
  const std::string& name = matcher.begin().key();
  const Json& operand = matcher.begin().value();
  if (name == "prefix" || name == "suffix" || name == "equals-ignore-case") {
    if (!operand.is_string()) return bad_pattern(fmt::format("{} takes a string", name));
    return {};
  }
  if (name == "exists") {
    if (!operand.is_boolean()) return bad_pattern("exists takes true or false");
    return {};
  }
  if (name == "numeric") return check_numeric(operand);
  if (name == "anything-but") return check_anything_but(operand);
  return bad_pattern(fmt::format("Unrecognized match type {}", printable(name, 40)));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool numeric_holds(const Json& terms, const Json& value) {
  if (!value.is_number()) return false;
  const double number = value.get<double>();
  for (std::size_t i = 0; i + 1 < terms.size(); i += 2) {
    const auto& comparison = terms[i].get_ref<const std::string&>();
    const double bound = terms[i + 1].get<double>();
    const bool holds = comparison == "="    ? number == bound
                       : comparison == "<"  ? number < bound
                       : comparison == "<=" ? number <= bound
                       : comparison == ">"  ? number > bound
                                            : number >= bound;
    if (!holds) return false;
  }
  return true;
}

bool operator_holds(const std::string& name, const Json& operand, const Json& value) {
  if (name == "exists") return operand.get<bool>();
  if (name == "numeric") return numeric_holds(operand, value);
  if (name == "anything-but") {
    if (operand.is_object()) return !operator_holds(operand.begin().key(), operand.begin().value(), value);
    if (operand.is_array()) return std::ranges::find(operand, value) == operand.end();
    return operand != value;
  }
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  const auto& wanted = operand.get_ref<const std::string&>();
  if (name == "prefix") return text.starts_with(wanted);
  if (name == "suffix") return text.ends_with(wanted);
  return lower(text) == lower(wanted);
}

bool matcher_holds(const Json& matcher, const Json& value) {
  return matcher.is_object() ? operator_holds(matcher.begin().key(), matcher.begin().value(), value) : matcher == value;
}

bool any_holds(const Json& matchers, const Json& value) {
  return std::ranges::any_of(matchers, [&value](const Json& matcher) { return matcher_holds(matcher, value); });
}

bool field_matches(const Json& pattern, const Json* value) {
  static const Json nothing = Json::object();
  if (pattern.is_object()) {
    if (value == nullptr || is_scalar(*value)) return matches_event(pattern, nothing);
    if (value->is_object()) return matches_event(pattern, *value);
    return std::ranges::any_of(*value, [&pattern](const Json& part) { return field_matches(pattern, &part); });
  }
  if (value == nullptr || (value->is_array() && value->empty()))
    return std::ranges::any_of(
        pattern, [](const Json& matcher) { return matcher.is_object() && matcher == Json{{"exists", false}}; });
  if (value->is_array())
    return std::ranges::any_of(*value, [&pattern](const Json& part) { return any_holds(pattern, part); });
  return any_holds(pattern, *value);
}

}  // namespace

ApiResult<void> check_event_pattern(const Json& pattern) {
  if (!pattern.is_object() || pattern.empty()) return bad_pattern("Filter is not an object, or is empty");
  for (const auto& [key, value] : pattern.items()) {
    const std::string shown = printable(key, 40);
    if (key == "$or") {
      if (!value.is_array() || value.size() < 2) return bad_pattern("$or takes a list of at least two patterns");
      for (const Json& alternative : value) IW_CHECK(check_event_pattern(alternative));
    } else if (value.is_object()) {
      IW_CHECK(check_event_pattern(value));
    } else if (!value.is_array()) {
      return bad_pattern(fmt::format("\"{}\" must be an object or an array", shown));
    } else if (value.empty()) {
      return bad_pattern(fmt::format("Empty arrays are not allowed, at \"{}\"", shown));
    } else {
      for (const Json& matcher : value) {
        if (matcher.is_object()) {
          IW_CHECK(check_operator(matcher));
        } else if (!is_scalar(matcher)) {
          return bad_pattern(
              fmt::format("a value of \"{}\" must be a string, number, boolean, null or an operator", shown));
        }
      }
    }
  }
  return {};
}

bool matches_event(const Json& pattern, const Json& event) {
  for (const auto& [key, value] : pattern.items()) {
    if (key == "$or") {
      if (!std::ranges::any_of(value, [&event](const Json& one) { return matches_event(one, event); })) return false;
      continue;
    }
    const auto found = event.find(key);
    if (!field_matches(value, found == event.end() ? nullptr : &*found)) return false;
  }
  return true;
}

}  // namespace intelwall::lab
