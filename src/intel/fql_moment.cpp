#include "intel/fql_moment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace intelwall::fql {

namespace {

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr Unit units[] = {{'w', 604'800}, {'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}};
constexpr std::int64_t furthest = std::int64_t{50} * 366 * 86'400;
constexpr std::int64_t last_nanosecond = 999'999'999;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Whether `text` starts like 2026-11-24, so that most texts are refused at once.
bool starts_with_day(std::string_view text) {
  if (text.size() < 10) return false;
  for (std::size_t i = 0; i < 10; ++i)
    if ((i == 4 || i == 7) ? text[i] != '-' : !is_digit(text[i])) return false;
  return true;
}

}  // namespace

std::optional<Moment> parse_moment(std::string_view text) {
  if (!starts_with_day(text) || text.size() > 64) return std::nullopt;
  if (text.size() == 10) {
    const auto day = parse_time(std::string(text) + "T00:00:00Z");
    if (!day) return std::nullopt;
    const std::int64_t first = day->time_since_epoch().count();
    return Moment{{first, 0}, {first + 86'399, last_nanosecond}};
  }
  const auto time = parse_time(text);
  if (!time) return std::nullopt;
  Instant instant{time->time_since_epoch().count(), 0};
  if (const auto dot = text.find('.'); dot != std::string_view::npos) {
    std::int64_t scale = 100'000'000;
    for (std::size_t i = dot + 1; i < text.size() && is_digit(text[i]); ++i, scale /= 10)
      instant.nanoseconds += (text[i] - '0') * scale;
  }
  return Moment{instant, instant};
}

std::optional<std::int64_t> parse_relative(std::string_view text) {
  if (!text.starts_with("now")) return std::nullopt;
  text.remove_prefix(3);
  if (text.empty()) return 0;
  if (text.size() < 3 || (text.front() != '-' && text.front() != '+')) return std::nullopt;
  const auto unit = std::ranges::find(units, text.back(), &Unit::letter);
  const auto digits = text.substr(1, text.size() - 2);
  std::int64_t count = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (unit == std::end(units) || fault != std::errc{} || end != digits.data() + digits.size() || !is_digit(digits[0]))
    return std::nullopt;
  if (count > furthest / unit->seconds) return std::nullopt;
  return text.front() == '-' ? -count * unit->seconds : count * unit->seconds;
}

std::string relative_text(std::int64_t seconds) {
  if (seconds == 0) return "now";
  // Weeks are read, not written: days are what CrowdStrike's own samples use.
  const auto* unit =
      std::ranges::find_if(units, [&](const Unit& u) { return u.letter != 'w' && seconds % u.seconds == 0; });
  return fmt::format("now{}{}{}", seconds < 0 ? '-' : '+', std::abs(seconds) / unit->seconds, unit->letter);
}

std::optional<Moment> parse_moment(std::string_view text, Time now) {
  if (const auto offset = parse_relative(text)) {
    const Instant instant{now.time_since_epoch().count() + *offset, 0};
    return Moment{instant, instant};
  }
  return parse_moment(text);
}

std::string format_instant(const Instant& instant) {
  // Years before 1970 are not read back.
  auto text = format_time(Time{std::chrono::seconds{std::max<std::int64_t>(instant.seconds, 0)}});
  if (instant.nanoseconds != 0) {
    auto fraction = fmt::format(".{:09}", instant.nanoseconds);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text.insert(text.size() - 1, fraction);
  }
  return text;
}

}  // namespace intelwall::fql
