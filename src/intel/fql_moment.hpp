#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"

namespace intelwall::fql {

/// A point in time with the nanoseconds that Falcon's alerts carry.
struct Instant {
  std::int64_t seconds = 0;  ///< since 1970
  std::int64_t nanoseconds = 0;

  auto operator<=>(const Instant&) const = default;
};

/// What a date covers, both ends included: a day without a time is the whole day in UTC.
struct Moment {
  Instant first;
  Instant last;

  bool operator==(const Moment&) const = default;
};

/// Dates as filters and objects write them: 2026-11-24, 2026-11-24T14:03:04Z, with a fraction (9 digits count), with an
/// offset. Nothing for any other text.
std::optional<Moment> parse_moment(std::string_view text);

/// `now`, `now-30d`, `now+12h` as seconds from now; units s, m, h, d, w; up to 50 years. Nothing for any other text.
std::optional<std::int64_t> parse_relative(std::string_view text);
/// The shortest text for parse_relative().
std::string relative_text(std::int64_t seconds);

/// Either.
std::optional<Moment> parse_moment(std::string_view text, Time now);

/// As a time, for people and for Falcon; 1970 for all before.
std::string format_instant(const Instant& instant);

}  // namespace intelwall::fql
