#include "lab/stack_schedule.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "aws/text.hpp"

namespace intelwall::lab {
namespace {

using std::chrono::days;
using std::chrono::seconds;

constexpr int first_year = 1970;
constexpr int last_year = 2199;
constexpr std::chrono::milliseconds longest_sleep{1'000};  // the clock may be moved

std::unexpected<Error> invalid(std::string_view expression, std::string_view why) {
  return fail(ErrorCode::invalid_input, fmt::format("\"{}\" {}", printable(expression, 120), why), "ScheduleExpression",
              "such as rate(1 hour) or cron(0 6 * * ? *)");
}

std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

/// A field of cron: its range, and names for numbers from `first_name` on.
struct Field {
  int least, most;
  std::span<const std::string_view> names;
  int first_name;
};
constexpr std::array<std::string_view, 12> month_names{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                       "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> weekday_names{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
constexpr std::array<Field, 6> fields{Field{0, 59, {}, 0},           Field{0, 23, {}, 0},
                                      Field{1, 31, {}, 0},           Field{1, 12, month_names, 1},
                                      Field{1, 7, weekday_names, 1}, Field{first_year, last_year, {}, 0}};

std::optional<int> value_in(std::string_view text, const Field& field) {
  for (std::size_t i = 0; i < field.names.size(); ++i)
    if (text == field.names[i]) return field.first_name + static_cast<int>(i);
  const auto number = number_in(text);
  return number && *number >= field.least && *number <= field.most ? number : std::nullopt;
}

/// The numbers that one field names; nothing when it is no such field.
std::optional<std::vector<int>> numbers_in(std::string_view text, const Field& field) {
  std::vector<int> all;
  for (auto part : aws::split(text, ',')) {
    int step = 1;
    const auto slash = part.find('/');
    if (slash != std::string_view::npos) {
      const auto given = number_in(part.substr(slash + 1));
      if (!given || *given < 1) return {};
      step = *given;
      part = part.substr(0, slash);
    }
    const auto dash = part.find('-');
    std::optional<int> from = field.least;
    std::optional<int> to = field.most;
    if (part != "*" && part != "?") {
      from = value_in(part.substr(0, dash), field);
      if (dash != std::string_view::npos) {
        to = value_in(part.substr(dash + 1), field);
      } else if (slash == std::string_view::npos) {
        to = from;
      }
    }
    if (!from || !to || *from > *to) return {};
    for (int each = *from; each <= *to; each += step) all.push_back(each);
  }
  return all;
}

}  // namespace

Result<ScheduleTimes> ScheduleTimes::parse(std::string_view expression) {
  ScheduleTimes times;
  if (expression.starts_with("cron(") && expression.ends_with(")")) {
    auto cron = parse_cron(expression.substr(5, expression.size() - 6));
    if (!cron) return invalid(expression, cron.error().message);
    times.when_ = *cron;
    return times;
  }
  if (!expression.starts_with("rate(") || !expression.ends_with(")")) return invalid(expression, "is no schedule");
  const auto inside = expression.substr(5, expression.size() - 6);
  const auto space = std::min(inside.find(' '), inside.size());
  const auto count = number_in(inside.substr(0, space));
  const auto unit = inside.substr(std::min(space + 1, inside.size()));
  const seconds period = unit == "minute" || unit == "minutes" ? seconds{60}
                         : unit == "hour" || unit == "hours"   ? seconds{3'600}
                         : unit == "day" || unit == "days"     ? seconds{86'400}
                                                               : seconds{0};
  if (!count || *count < 1 || period == seconds{0}) return invalid(expression, "is no rate");
  times.when_ = period * *count;
  return times;
}

ScheduleTimes ScheduleTimes::every(seconds period) {
  ScheduleTimes times;
  times.when_ = period;
  return times;
}

Result<ScheduleTimes::Cron> ScheduleTimes::parse_cron(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto word : aws::split(text, ' '))
    if (!word.empty()) words.push_back(word);
  if (words.size() != fields.size()) return fail(ErrorCode::invalid_input, "does not have six fields");
  if ((words[2] == "?") == (words[4] == "?"))
    return fail(ErrorCode::invalid_input, "needs ? for either day of month or day of week");
  std::array<std::vector<int>, fields.size()> numbers;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto found = numbers_in(words[i], fields[i]);
    if (!found)
      return fail(ErrorCode::invalid_input,
                  fmt::format("has a field that the lab does not know: {}", printable(words[i], 40)));
    numbers[i] = *found;
  }
  Cron cron;
  for (const int each : numbers[0]) cron.minutes.set(static_cast<std::size_t>(each));
  for (const int each : numbers[1]) cron.hours.set(static_cast<std::size_t>(each));
  for (const int each : numbers[2]) cron.days.set(static_cast<std::size_t>(each));
  for (const int each : numbers[3]) cron.months.set(static_cast<std::size_t>(each));
  for (const int each : numbers[4]) cron.weekdays.set(static_cast<std::size_t>(each));
  for (const int each : numbers[5]) cron.years.set(static_cast<std::size_t>(each - first_year));
  return cron;
}

std::optional<Time> ScheduleTimes::next_of(const Cron& cron, Time now) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  const auto start = floor<minutes>(now) + minutes{1};
  const auto today = floor<days>(start);
  for (auto day = today; day < today + days{366 * 5}; day += days{1}) {
    const year_month_day date{day};
    const int year = static_cast<int>(date.year());
    if (year < first_year || year > last_year) return {};
    if (!cron.years.test(static_cast<std::size_t>(year - first_year)) ||
        !cron.months.test(static_cast<unsigned>(date.month())) || !cron.days.test(static_cast<unsigned>(date.day())) ||
        !cron.weekdays.test(weekday{day}.c_encoding() + 1))
      continue;
    for (std::size_t hour = 0; hour < cron.hours.size(); ++hour) {
      if (!cron.hours.test(hour)) continue;
      for (std::size_t minute = 0; minute < cron.minutes.size(); ++minute) {
        const auto at = day + hours{hour} + minutes{minute};
        if (cron.minutes.test(minute) && at >= start) return Time{at};
      }
    }
  }
  return {};
}

std::optional<Time> ScheduleTimes::next(Time last, Time now) const {
  if (const auto* period = std::get_if<seconds>(&when_)) {
    const auto due = last + *period;
    return due > now ? due : now + seconds{1};
  }
  return next_of(std::get<Cron>(when_), now);
}

Schedules::~Schedules() {
  stop();
}

void Schedules::add(const ScheduleTimes& times, std::function<void()> call) {
  threads_.emplace_back([this, times, call = std::move(call)](const std::stop_token& stop) { run(stop, times, call); });
}

void Schedules::run(const std::stop_token& stop, const ScheduleTimes& times, const std::function<void()>& call) {
  auto last = clock_();
  for (auto due = times.next(last, last); due; due = times.next(last, clock_())) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested() && clock_() < *due)
      waiting_.wait_for(lock, stop, std::min<std::chrono::nanoseconds>(longest_sleep, *due - clock_()),
                        [] { return false; });
    if (stop.stop_requested()) return;
    lock.unlock();
    last = *due;
    call();
  }
}

void Schedules::stop() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

}  // namespace intelwall::lab
