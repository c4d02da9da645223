#include "core/time.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <thread>

namespace intelwall {
namespace {

struct Fields {
  int year;
  unsigned month, day, hour, minute, second;
};

Fields split(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return {.year = int{date.year()},
          .month = unsigned{date.month()},
          .day = unsigned{date.day()},
          .hour = static_cast<unsigned>(clock.hours().count()),
          .minute = static_cast<unsigned>(clock.minutes().count()),
          .second = static_cast<unsigned>(clock.seconds().count())};
}

/// Takes fixed-width numbers and single characters from the front of a text; one failure makes all that follows fail.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  unsigned digits(std::size_t count) {
    unsigned value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') good_ = false;
      if (!good_) return 0;
      value = value * 10 + static_cast<unsigned>(rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  bool take(std::string_view one_of) {
    if (rest_.empty() || one_of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void need(std::string_view one_of) { good_ = take(one_of) && good_; }
  void skip_digits() {
    digits(1);
    while (take("0123456789")) {
    }
  }
  bool done() const { return good_ && rest_.empty(); }
  bool good() const { return good_; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::unexpected<Error> bad_time(std::string_view text, std::string_view why) {
  return fail(ErrorCode::invalid_input, fmt::format("'{}' is not a time: {}", printable(text, 60), why), "",
              "write it as 2026-11-24T14:03:04Z");
}

}  // namespace

Time system_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

void really_sleep(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
}

std::string format_time(Time time) {
  const Fields f = split(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", f.year, f.month, f.day, f.hour, f.minute, f.second);
}

std::string format_compact(Time time) {
  // Once a rule: digits are put in place.
  const Fields f = split(time);
  if (f.year < 0 || f.year > 9999)
    return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", f.year, f.month, f.day, f.hour, f.minute, f.second);
  std::string text = "00000000T000000Z";
  const auto put = [&](std::size_t end, auto number) {
    for (; number > 0 && end-- > 0; number /= 10) text[end] = static_cast<char>('0' + number % 10);
  };
  put(4, f.year);
  put(6, f.month);
  put(8, f.day);
  put(11, f.hour);
  put(13, f.minute);
  put(15, f.second);
  return text;
}

Result<Time> parse_time(std::string_view text) {
  using namespace std::chrono;
  Scanner scan(text);
  const unsigned y = scan.digits(4);
  const bool compact = !scan.take("-");
  const unsigned m = scan.digits(2);
  if (!compact) scan.need("-");
  const unsigned d = scan.digits(2);
  scan.need("Tt");
  const unsigned hour = scan.digits(2);
  if (!compact) scan.need(":");
  const unsigned minute = scan.digits(2);
  if (!compact) scan.need(":");
  const unsigned second = scan.digits(2);
  if (!compact && scan.take(".")) scan.skip_digits();
  seconds offset{0};
  bool offset_fits = true;
  if (!scan.take("Zz")) {
    const bool east = scan.take("+");
    if (!east) scan.need("-");
    const unsigned offset_hours = scan.digits(2);
    scan.take(":");  // ISO 8601 allows it without, and Suricata writes "+0000"
    const unsigned offset_minutes = scan.digits(2);
    offset_fits = offset_hours < 24 && offset_minutes < 60 && !compact;
    offset = (hours{offset_hours} + minutes{offset_minutes}) * (east ? 1 : -1);
  }
  if (!scan.done()) return bad_time(text, "it does not have the form of RFC 3339");
  const year_month_day date{year{static_cast<int>(y)}, month{m}, day{d}};
  if (!date.ok()) return bad_time(text, "there is no such day");
  if (y < 1970) return bad_time(text, "years start at 1970 here");
  // RFC 3339 allows second 60 for a leap second, which POSIX time counts as the second after.
  const bool leap = second == 60 && minute == 59;
  if (hour > 23 || minute > 59 || (second > 59 && !leap)) return bad_time(text, "there is no such time of day");
  if (!offset_fits) return bad_time(text, "its offset is none");
  return sys_days{date} + hours{hour} + minutes{minute} + seconds{second} - offset;
}

Result<std::optional<std::chrono::seconds>> parse_lifetime(std::string_view text) {
  using namespace std::chrono;
  if (text == "never") return std::optional<seconds>{};
  struct Unit {
    char letter;
    seconds length;
  };
  constexpr std::array units{Unit{'s', seconds{1}}, Unit{'m', minutes{1}}, Unit{'h', hours{1}}, Unit{'d', days{1}},
                             Unit{'w', weeks{1}}};
  constexpr seconds longest = years{10};
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::invalid_input, fmt::format("'{}' is not a lifetime: {}", printable(text, 40), why), "",
                "write a number and s, m, h, d or w (30d), or never");
  };
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc::result_out_of_range) return bad("it is longer than ten years");
  if (error != std::errc{} || end + 1 != text.data() + text.size()) return bad("it has no form of one");
  for (const Unit& unit : units) {
    if (unit.letter != *end) continue;
    const seconds length = count * unit.length;
    if (length < seconds{1}) return bad("it is shorter than a second");
    if (length > longest) return bad("it is longer than ten years");
    return std::optional(length);
  }
  return bad("it has no unit");
}

}  // namespace intelwall
