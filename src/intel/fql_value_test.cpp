#include "intel/fql_value_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "intel/fql_check.hpp"

namespace intelwall::fql {

namespace {

std::string to_text(const Number& number) {
  return number.is_whole ? fmt::format("{}", number.whole) : fmt::format("{}", number.real);
}

/// Seconds since 1970; nothing beyond 30 million years.
std::optional<Instant> instant_of(const Number& number) {
  if (number.is_whole) return Instant{number.whole, 0};
  const double floor = std::floor(number.real);
  if (std::abs(floor) > 1e15) return std::nullopt;
  return Instant{static_cast<std::int64_t>(floor), static_cast<std::int64_t>((number.real - floor) * 1e9)};
}

std::strong_ordering compare_ignoring_case(std::string_view a, std::string_view b) {
  const auto unsigned_lower = [](char c) { return static_cast<unsigned char>(to_lower(c)); };
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end(), [&](char left, char right) {
    return unsigned_lower(left) <=> unsigned_lower(right);
  });
}

}  // namespace

std::optional<Number> Number::parse(std::string_view text) {
  const char* const end = text.data() + text.size();
  const bool looks_like_one = !text.empty() && text.find_first_not_of("0123456789.-") == std::string_view::npos;
  if (!looks_like_one) return std::nullopt;
  std::int64_t whole = 0;
  if (const auto [stop, fault] = std::from_chars(text.data(), end, whole); stop == end && fault == std::errc{})
    return of(whole);
  double real = 0;
  const auto [stop, fault] = std::from_chars(text.data(), end, real, std::chars_format::fixed);
  if (stop != end || fault != std::errc{} || !std::isfinite(real)) return std::nullopt;
  return of(real);
}

std::partial_ordering compare(const Number& a, const Number& b) {
  if (a.is_whole && b.is_whole) return a.whole <=> b.whole;
  return a.real <=> b.real;
}

ValueTest::ValueTest(const Condition& condition, const Value& value, Comparison comparison, Time now)
    : relation_(condition.relation), comparison_(comparison), kind_(value.kind), text_(value.text) {
  if (kind_ == Value::Kind::boolean || comparison == Comparison::boolean || comparison == Comparison::by_value) {
    if (equal_ignoring_case(text_, "true")) boolean_ = true;
    if (equal_ignoring_case(text_, "false")) boolean_ = false;
  }
  number_ = Number::parse(text_);
  if (comparison == Comparison::date || comparison == Comparison::by_value) {
    if (kind_ == Value::Kind::text && (is_order(relation_) || comparison == Comparison::date)) {
      moment_ = parse_moment(text_, now);
    } else if (kind_ == Value::Kind::text) {
      moment_ = parse_moment(text_);  // "now" may be a name
    }
    if (!moment_ && comparison == Comparison::date && number_) {
      if (const auto instant = instant_of(*number_)) moment_ = Moment{*instant, *instant};
    }
  }
  if (ignores_case()) text_ = to_lower(text_);
  if (is_pattern(condition, value)) {
    mode_ = is_any(text_) ? Mode::any : Mode::pattern;
    make_pattern();
  } else if (relation_ == Relation::text_match) {
    mode_ = Mode::words;
    make_words();
  } else if (is_order(relation_)) {
    mode_ = Mode::order;
  }
}

/// A pattern without a star means contains.
void ValueTest::make_pattern() {
  if (text_.find('*') == std::string::npos) text_ = "*" + text_ + "*";
  std::string_view rest = text_;
  for (auto star = rest.find('*'); star != std::string_view::npos; star = rest.find('*')) {
    pieces_.emplace_back(rest.substr(0, star));
    rest.remove_prefix(star + 1);
  }
  pieces_.emplace_back(rest);
}

void ValueTest::make_words() {
  const std::string lower = to_lower(text_);
  std::string_view rest = lower;
  for (auto word = take_word(rest); !word.empty(); word = take_word(rest))
    words_.push_back({std::string(word), rest.starts_with('*')});
}

bool ValueTest::holds(std::string_view text) const {
  switch (mode_) {
    case Mode::any:
      return !text.empty();
    case Mode::pattern:
      return has_pattern(text);
    case Mode::words:
      return has_words(text);
    case Mode::equal:
      if (comparison_ != Comparison::date && equals(text, text_)) return true;
      if (boolean_) return equal_ignoring_case(text, *boolean_ ? "true" : "false");
      break;
    case Mode::order:
      if (comparison_ == Comparison::text) return ordered(text <=> std::string_view(text_));
      if (ignores_case()) return ordered(compare_ignoring_case(text, text_));
      break;
  }
  // A date, or a number in quotes: what the filter gives decides.
  if (moment_) {
    if (const auto moment = parse_moment(text)) return fits(*moment);
    const auto seconds = comparison_ == Comparison::date ? Number::parse(text) : std::nullopt;
    return seconds && fits_seconds(*seconds);
  }
  if (mode_ == Mode::equal || comparison_ == Comparison::date) return false;
  if (kind_ != Value::Kind::number) return ordered(text <=> std::string_view(text_));
  if (const auto number = Number::parse(text)) return ordered(compare(*number, *number_));
  const auto moment = parse_moment(text);
  return moment && ordered(compare(Number::of(moment->first.seconds), *number_));
}

bool ValueTest::holds(const Number& number) const {
  if (mode_ == Mode::any) return true;
  if (mode_ == Mode::pattern || mode_ == Mode::words) return holds(std::string_view(to_text(number)));
  if (moment_) return fits_seconds(number);
  if (comparison_ == Comparison::text || comparison_ == Comparison::vocabulary)
    return holds(std::string_view(to_text(number)));
  if (!number_) return false;
  const auto order = compare(number, *number_);
  return mode_ == Mode::equal ? order == 0 : ordered(order);
}

bool ValueTest::holds(bool boolean) const {
  if (mode_ == Mode::any) return true;
  if (mode_ == Mode::equal && boolean_) return *boolean_ == boolean;
  if (mode_ == Mode::order || comparison_ == Comparison::date) return false;
  return holds(boolean ? std::string_view("true") : std::string_view("false"));
}

bool ValueTest::ordered(std::partial_ordering order) const {
  switch (relation_) {
    case Relation::less:
      return order < 0;
    case Relation::less_equal:
      return order <= 0;
    case Relation::greater:
      return order > 0;
    case Relation::greater_equal:
      return order >= 0;
    default:
      return order == 0;
  }
}

/// A day in the object stands for its start, in the filter for all of it.
bool ValueTest::fits(const Moment& moment) const {
  switch (relation_) {
    case Relation::less:
      return moment.first < moment_->first;
    case Relation::less_equal:
      return moment.first <= moment_->last;
    case Relation::greater:
      return moment.first > moment_->last;
    case Relation::greater_equal:
      return moment.first >= moment_->first;
    default:
      return moment.first >= moment_->first && moment.first <= moment_->last;
  }
}

bool ValueTest::fits_seconds(const Number& number) const {
  const auto instant = instant_of(number);
  return instant && fits({*instant, *instant});
}

std::size_t ValueTest::find(std::string_view text, std::string_view piece) const {
  if (!ignores_case()) return text.find(piece);
  const auto* const found = std::search(text.begin(), text.end(), piece.begin(), piece.end(),
                                        [](char a, char b) { return to_lower(a) == b; });
  return found == text.end() && !piece.empty() ? std::string_view::npos
                                               : static_cast<std::size_t>(found - text.begin());
}

bool ValueTest::equals(std::string_view a, std::string_view b) const {
  return ignores_case() ? equal_ignoring_case(a, b) : a == b;
}

/// The first and the last piece are held at the ends; of the others each is taken at the first place where it fits.
bool ValueTest::has_pattern(std::string_view text) const {
  const std::string& front = pieces_.front();
  const std::string& back = pieces_.back();
  if (text.size() < front.size() + back.size()) return false;
  if (!equals(text.substr(0, front.size()), front) || !equals(text.substr(text.size() - back.size()), back))
    return false;
  text = text.substr(front.size(), text.size() - front.size() - back.size());
  for (std::size_t i = 1; i + 1 < pieces_.size(); ++i) {
    const auto at = find(text, pieces_[i]);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + pieces_[i].size());
  }
  return true;
}

bool ValueTest::has_words(std::string_view text) const {
  return std::ranges::all_of(words_, [&](const Word& wanted) {
    std::string_view rest = text;
    for (auto word = take_word(rest); !word.empty(); word = take_word(rest))
      if (equal_ignoring_case(wanted.is_prefix ? word.substr(0, wanted.text.size()) : word, wanted.text)) return true;
    return false;
  });
}

}  // namespace intelwall::fql
