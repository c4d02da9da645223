#include <gmock/gmock.h>

#include <atomic>

#include "lab/stack_schedule.hpp"

namespace intelwall::lab {
namespace {

using testing::HasSubstr;

std::string next(std::string_view expression, std::string_view now) {
  const auto times = ScheduleTimes::parse(expression);
  if (!times) return times.error().to_text();
  const auto moment = parse_time(now);
  if (!moment) return moment.error().to_text();
  const auto at = times->next(*moment, *moment);
  return at ? format_time(*at) : "never";
}

TEST(Schedule, KnowsRates) {
  EXPECT_EQ(next("rate(1 hour)", "2026-11-28T10:00:30Z"), "2026-11-28T11:00:30Z");
  EXPECT_EQ(next("rate(15 minutes)", "2026-11-28T23:50:00Z"), "2026-11-29T00:05:00Z");
  EXPECT_EQ(next("rate(2 days)", "2026-11-28T00:00:00Z"), "2026-11-30T00:00:00Z");
}

TEST(Schedule, MakesUpForNothingThatWasMissed) {
  const auto now = *parse_time("2026-11-28T10:00:00Z");
  const auto times = ScheduleTimes::every(std::chrono::seconds{5});
  EXPECT_EQ(times.next(now - std::chrono::seconds{60}, now), now + std::chrono::seconds{1});
}

TEST(Schedule, KnowsCron) {
  EXPECT_EQ(next("cron(0 6 * * ? *)", "2026-11-28T06:00:00Z"), "2026-11-29T06:00:00Z");
  EXPECT_EQ(next("cron(0/15 8-17 ? * MON-FRI *)", "2026-11-28T10:00:00Z"), "2026-11-30T08:00:00Z");
  EXPECT_EQ(next("cron(5,35 * * * ? *)", "2026-11-28T10:05:59Z"), "2026-11-28T10:35:00Z");
  EXPECT_EQ(next("cron(0 0 29 FEB ? *)", "2026-11-28T10:00:00Z"), "2028-02-29T00:00:00Z");
  EXPECT_EQ(next("cron(0 0 1 1 ? 2025)", "2026-11-28T10:00:00Z"), "never");
  EXPECT_EQ(next("cron(0 12 ? * 1 *)", "2026-11-28T10:00:00Z"), "2026-11-29T12:00:00Z");
}

TEST(Schedule, RefusesWhatItDoesNotKnow) {
  for (const auto* text : {"", "rate(0 hours)", "rate(1 week)", "rate(1)", "every hour", "cron(0 6 * * ?)",
                           "cron(0 6 * * * *)", "cron(0 6 ? * ? *)", "cron(60 6 * * ? *)", "cron(0 6 L * ? *)",
                           "cron(0 9-8 * * ? *)", "cron(0/0 6 * * ? *)", "at(2026-11-28T10:00:00)"})
    EXPECT_THAT(next(text, "2026-11-28T10:00:00Z"), HasSubstr("such as rate(1 hour)")) << text;
}

TEST(Schedules, CallAgainAndAgainUntilStopped) {
  std::atomic<int> seconds{0};
  std::atomic<int> calls{0};
  // Each look at the clock moves it.
  Schedules schedules([&] { return Time{std::chrono::seconds{seconds += 30}}; });
  schedules.add(ScheduleTimes::every(std::chrono::seconds{60}), [&] { ++calls; });
  while (calls < 3) std::this_thread::yield();
  schedules.stop();
}

}  // namespace
}  // namespace intelwall::lab
