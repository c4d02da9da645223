#include "app/hunt_schedule.hpp"

#include <gmock/gmock.h>

#include "app/hunt_desired.hpp"
#include "app/hunt_intake.hpp"

namespace intelwall::app {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Time noon{seconds{1'795'000'000}};

store::Hunt hourly(const char* source = falcon_source) {
  return {.name = "a", .source = source, .every = hours{1}, .full_every = days{1}};
}

TEST(HuntSchedule, RunsAnIntervalAfterTheLastGoodRun) {
  store::Progress progress;
  EXPECT_EQ(next_run(hourly(), progress, noon), noon);
  progress.last_run = noon - minutes{20};
  EXPECT_EQ(next_run(hourly(), progress, noon), noon + minutes{40});
  progress.last_run = noon - hours{30};
  EXPECT_LE(next_run(hourly(), progress, noon), noon);
}

TEST(HuntSchedule, ComesBackSoonerAfterFailuresAndNeverLater) {
  store::Progress progress{.last_run = noon - hours{1}, .last_try = noon};
  Time last = noon;
  for (progress.failures = 1; progress.failures < 80; ++progress.failures) {
    const auto next = next_run(hourly(), progress, noon);
    EXPECT_GE(next, last);
    EXPECT_LE(next, noon + hours{1});
    last = next;
  }
  progress.failures = 1;
  EXPECT_EQ(next_run(hourly(), progress, noon), noon + minutes{1});
  progress.failures = 3;
  EXPECT_EQ(next_run(hourly(), progress, noon), noon + minutes{4});
}

TEST(HuntSchedule, AClockSetBackDoesNotStopAHunt) {
  EXPECT_EQ(next_run(hourly(), {.last_run = noon + days{300}}, noon), noon);
  EXPECT_LE(next_run(hourly(), {.last_try = noon + days{300}, .failures = 2}, noon), noon + hours{1});
  EXPECT_EQ(kind_of_run(hourly(), {.cursor = "m", .last_full = noon + days{300}}, noon), RunKind::full);
}

TEST(HuntSchedule, FullRunsComeBetweenDeltas) {
  EXPECT_EQ(kind_of_run(hourly(), {}, noon), RunKind::full);
  EXPECT_EQ(kind_of_run(hourly(), {.cursor = "m", .last_full = noon - hours{23}}, noon), RunKind::delta);
  EXPECT_EQ(kind_of_run(hourly(), {.cursor = "m", .last_full = noon - hours{24}}, noon), RunKind::full);
  EXPECT_EQ(kind_of_run(hourly("list.txt"), {.cursor = "m", .last_full = noon}, noon), RunKind::full);
}

TEST(HuntSchedule, ExpiryGoesByConfidenceToTheEndOfTheDay) {
  const Time updated{days{20'000} + hours{5}};
  EXPECT_EQ(*expiry_of("auto", store::Confidence::high, updated), 86'400U * 20'061);
  EXPECT_EQ(*expiry_of("auto", store::Confidence::medium, updated), 86'400U * 20'121);
  EXPECT_EQ(*expiry_of("auto", store::Confidence::low, updated), 86'400U * 20'181);
  EXPECT_EQ(*expiry_of("7d", store::Confidence::high, Time{days{20'000}}), 86'400U * 20'007);
  EXPECT_EQ(*expiry_of("never", store::Confidence::high, updated), 0U);
  EXPECT_EQ(*expiry_of("auto", store::Confidence::high, Time{}), 0U);
  EXPECT_FALSE(expiry_of("soon", store::Confidence::high, updated).has_value());
}

TEST(HuntRank, SightedThenSureThenNew) {
  const store::Facts old_high{.confidence = store::Confidence::high, .updated = 1'700'000'000};
  const store::Facts new_high{.confidence = store::Confidence::high, .updated = 1'790'000'000};
  const store::Facts new_low{.confidence = store::Confidence::low, .updated = 1'790'000'000};
  EXPECT_LT(rank_of(new_high, false), rank_of(old_high, false));
  EXPECT_LT(rank_of(old_high, false), rank_of(new_low, false));
  EXPECT_LT(rank_of(new_low, true), rank_of(new_high, false));
  EXPECT_LE(rank_of({.updated = 0xffffffff}, true), rank_of(new_high, true) + (3U << 29));
}

TEST(HuntContext, IsReadBack) {
  intel::Indicator indicator;
  std::string text = "of the one before";
  write_context(indicator, text);
  EXPECT_EQ(text, "");
  indicator.actors = {"SALTYSPIDER", "A,B|C"};
  indicator.threat_types = {"Commodity"};
  write_context(indicator, text);
  const auto context = read_context(text);
  EXPECT_EQ(context.actors, "SALTYSPIDER,A_B_C");
  EXPECT_EQ(context.families, "");
  EXPECT_EQ(context.threat_types, "Commodity");
  EXPECT_EQ(read_context("").actors, "");
  EXPECT_EQ(read_context("|||||||").kill_chains, "");
}

}  // namespace
}  // namespace intelwall::app
