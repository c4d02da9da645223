#pragma once

// What a filter means, written down a second time: slowly, from docs/fql.md alone, over another JSON library, without a
// line of what it judges but the tree.

#include <cmath>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "intel/fql.hpp"

namespace intelwall::fql::reference {

/// Since 1970, wide enough for any number that a filter can write.
__extension__ using Nanoseconds = __int128;

using Json = nlohmann::json;

inline std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

enum class Kind { other, text, words, date, boolean };

inline Kind kind_of(const std::string& property) {
  static const std::set<std::string> texts = {"_marker", "id", "indicator", "relations.id", "relations.indicator",
                                              "source"};
  static const std::set<std::string> words = {"actors",
                                              "domain_types",
                                              "ip_address_types",
                                              "kill_chains",
                                              "labels",
                                              "labels.name",
                                              "malicious_confidence",
                                              "malware_families",
                                              "reports",
                                              "reports.slug",
                                              "scope",
                                              "targets",
                                              "threat_types",
                                              "type",
                                              "vulnerabilities",
                                              "relations.type"};
  static const std::set<std::string> dates = {
      "created_date",   "labels.created_on",      "labels.last_valid_on",     "last_updated",
      "published_date", "relations.created_date", "relations.last_valid_date"};
  if (texts.contains(property)) return Kind::text;
  if (words.contains(property)) return Kind::words;
  if (dates.contains(property)) return Kind::date;
  return property == "deleted" ? Kind::boolean : Kind::other;
}

/// Nanoseconds since 1970 that a date covers.
struct Span {
  Nanoseconds first;
  Nanoseconds last;
};

inline std::optional<Span> date(const std::string& text) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, used = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &y, &mo, &d, &used) != 3 || used != 10) return std::nullopt;
  std::tm parts{};
  const bool day = text.size() == 10;
  std::string rest;
  if (!day) {
    if (std::sscanf(text.c_str() + 10, "T%2d:%2d:%2d%n", &h, &mi, &s, &used) != 3 || used != 9) return std::nullopt;
    rest = text.substr(19);
  }
  parts.tm_year = y - 1900;
  parts.tm_mon = mo - 1;
  parts.tm_mday = d;
  const Nanoseconds second = 1'000'000'000;
  Nanoseconds at = (static_cast<Nanoseconds>(timegm(&parts)) + h * 3600 + mi * 60 + s) * second;
  if (day) return Span{at, at + 86'400 * second - 1};
  if (rest.starts_with(".")) {
    rest.erase(0, 1);
    std::string digits;
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      digits += rest[0];
      rest.erase(0, 1);
    }
    digits.resize(9, '0');
    at += std::stoll(digits);
  }
  if (rest != "Z") {
    int oh = 0, om = 0;
    char sign = '+';
    if (std::sscanf(rest.c_str(), "%c%2d:%2d", &sign, &oh, &om) != 3) return std::nullopt;
    at -= (sign == '-' ? -1 : 1) * (oh * 3600 + om * 60) * second;
  }
  return Span{at, at};
}

inline std::optional<Span> relative(const std::string& text, Time now) {
  const Nanoseconds second = 1'000'000'000;
  const Nanoseconds base = static_cast<Nanoseconds>(now.time_since_epoch().count()) * second;
  if (text == "now") return Span{base, base};
  long count = 0;
  char sign = 0, unit = 0, more = 0;
  if (std::sscanf(text.c_str(), "now%c%ld%c%c", &sign, &count, &unit, &more) != 3) return std::nullopt;
  const std::string units = "smhdw";
  const long sizes[] = {1, 60, 3600, 86'400, 604'800};
  const auto which = units.find(unit);
  if (which == std::string::npos || (sign != '-' && sign != '+')) return std::nullopt;
  const Nanoseconds at = base + (sign == '-' ? -1 : 1) * static_cast<Nanoseconds>(count) * sizes[which] * second;
  return Span{at, at};
}

inline std::optional<long double> number(const std::string& text) {
  std::size_t digits = 0, dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      ++digits;
    } else if (c == '.') {
      ++dots;
    } else if (c != '-' || i != 0) {
      return std::nullopt;
    }
  }
  if (digits == 0 || dots > 1) return std::nullopt;
  return std::strtold(text.c_str(), nullptr);
}

template <class T>
bool ordered(Relation relation, const T& a, const T& first, const T& last) {
  switch (relation) {
    case Relation::less:
      return a < first;
    case Relation::less_equal:
      return a <= last;
    case Relation::greater:
      return a > last;
    case Relation::greater_equal:
      return a >= first;
    default:
      return a >= first && a <= last;
  }
}

inline bool glob(const std::string& pattern, std::size_t p, const std::string& text, std::size_t t) {
  if (p == pattern.size()) return t == text.size();
  if (pattern[p] == '*') return glob(pattern, p + 1, text, t) || (t < text.size() && glob(pattern, p, text, t + 1));
  return t < text.size() && pattern[p] == text[t] && glob(pattern, p + 1, text, t + 1);
}

inline std::vector<std::string> words_of(const std::string& text, bool with_star) {
  std::vector<std::string> words(1);
  for (const char c : lower(text)) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80) {
      words.back() += c;
    } else {
      if (with_star && c == '*' && !words.back().empty()) words.back() += '*';
      if (!words.back().empty()) words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

/// Numbers in their shortest form: 5.0 is "5".
inline std::string as_text(const Json& value) {
  if (value.is_number_float() && std::abs(value.get<double>()) < 1e15 &&
      value.get<double>() == std::floor(value.get<double>()))
    return std::to_string(static_cast<std::int64_t>(value.get<double>()));
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// One value of an object against one value of a condition.
inline bool matches(const Json& value, const Condition& condition, const Value& wanted, Time now) {
  const Kind kind = kind_of(condition.property);
  const Relation relation = condition.relation;
  const bool order = relation >= Relation::less;
  const auto fold = [&](const std::string& text) { return kind == Kind::words ? lower(text) : text; };
  const bool star = wanted.kind == Value::Kind::text && wanted.text.find('*') != std::string::npos;
  if (relation == Relation::wildcard || (relation == Relation::equal && star && condition.brackets == Brackets::none)) {
    const std::string pattern = star ? wanted.text : "*" + wanted.text + "*";
    if (pattern.find_first_not_of('*') == std::string::npos) return !value.is_string() || !as_text(value).empty();
    return glob(fold(pattern), 0, fold(as_text(value)), 0);
  }
  if (relation == Relation::text_match) {
    const auto there = words_of(as_text(value), false);
    for (const auto& word : words_of(wanted.text, true)) {
      bool found = false;
      for (const auto& each : there)
        found = found || each == word || (word.ends_with('*') && each.starts_with(word.substr(0, word.size() - 1)));
      if (!found) return false;
    }
    return true;
  }

  const bool may_be_bool = kind == Kind::boolean || kind == Kind::other || wanted.kind == Value::Kind::boolean;
  const std::string word = lower(wanted.text);
  if (value.is_boolean()) {
    if (order || kind == Kind::date) return false;
    if (may_be_bool && (word == "true" || word == "false")) return value.get<bool>() == (word == "true");
    return fold(wanted.text) == (value.get<bool>() ? "true" : "false");
  }

  std::optional<Span> span;
  if (kind == Kind::date || kind == Kind::other) {
    if (wanted.kind == Value::Kind::text) span = date(wanted.text);
    if (wanted.kind == Value::Kind::text && !span && (order || kind == Kind::date)) span = relative(wanted.text, now);
    if (!span && kind == Kind::date)
      if (const auto seconds = number(wanted.text)) {
        const auto at = static_cast<Nanoseconds>(std::floor(*seconds * 1'000'000'000.0L));
        span = Span{at, at};
      }
  }

  if (value.is_number()) {
    if (kind == Kind::text || kind == Kind::words) {
      const std::string text = as_text(value), other = fold(wanted.text);
      return ordered(relation, text, other, other);
    }
    const auto here = value.is_number_float()      ? static_cast<long double>(value.get<double>())
                      : value.is_number_unsigned() ? static_cast<long double>(value.get<std::uint64_t>())
                                                   : static_cast<long double>(value.get<std::int64_t>());
    if (span) {
      const auto at = static_cast<Nanoseconds>(std::floor(here * 1'000'000'000.0L));
      return ordered(relation, at, span->first, span->last);
    }
    const auto other = number(wanted.text);
    if (!other) return false;
    return ordered(relation, here, *other, *other);
  }

  const std::string text = value.get<std::string>();
  if (kind == Kind::text || kind == Kind::words) {
    const std::string here = fold(text), other = fold(wanted.text);
    if (wanted.kind == Value::Kind::boolean && !order) return lower(text) == word;
    return ordered(relation, here, other, other);
  }
  if (kind != Kind::date && !order && text == wanted.text) return true;
  if (!order && may_be_bool && (word == "true" || word == "false")) return lower(text) == word;
  if (span) {
    if (const auto here = date(text)) return ordered(relation, here->first, span->first, span->last);
    const auto seconds = kind == Kind::date ? number(text) : std::nullopt;
    return seconds && ordered(relation, static_cast<Nanoseconds>(*seconds) * 1'000'000'000, span->first, span->last);
  }
  if (!order || kind == Kind::date) return false;
  if (wanted.kind == Value::Kind::text) return ordered(relation, text, wanted.text, wanted.text);
  const auto other = number(wanted.text);
  if (const auto here = number(text)) return ordered(relation, *here, *other, *other);
  const auto here = date(text);
  return here && ordered(relation, static_cast<long double>(here->first / 1'000'000'000), *other, *other);
}

/// All that stands at a path, lists opened; objects at its end count, without a value of their own.
inline void collect(const Json& value, const std::vector<std::string>& path, std::size_t step, std::vector<Json>& out) {
  if (value.is_array()) {
    for (const auto& item : value) collect(item, path, step, out);
  } else if (step == path.size()) {
    if (!value.is_null()) out.push_back(value);
  } else if (value.is_object()) {
    for (const auto& [key, inner] : value.items())
      if (lower(key) == path[step]) {
        collect(inner, path, step + 1, out);
        break;
      }
  }
}

inline bool holds(const Condition& condition, const Json& object, Time now) {
  std::vector<std::string> path(1);
  for (const char c : condition.property) {
    if (c == '.') {
      path.emplace_back();
    } else {
      path.back() += c;
    }
  }
  if (condition.property == "labels") path.emplace_back("name");
  std::vector<Json> values;
  collect(object, path, 0, values);
  bool any = false;
  for (const Value& wanted : condition.values) {
    const bool for_none =
        wanted.kind == Value::Kind::null ||
        (wanted.kind == Value::Kind::text && wanted.text.empty() && condition.relation == Relation::equal);
    if (for_none && values.empty()) any = true;
    if (wanted.kind == Value::Kind::null) continue;
    for (const Json& value : values)
      if (!value.is_object()) any = any || matches(value, condition, wanted, now);
  }
  return any != condition.negated;
}

inline bool holds(const Expression& expression, const Json& object, Time now) {
  if (expression.kind == Expression::Kind::condition) return holds(expression.condition, object, now);
  bool all = true, any = false;
  for (const Expression& part : expression.parts) {
    const bool one = holds(part, object, now);
    all = all && one;
    any = any || one;
  }
  return expression.kind == Expression::Kind::all ? all : any;
}

}  // namespace intelwall::fql::reference
