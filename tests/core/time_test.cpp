#include "core/time.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace intelwall {
namespace {

using namespace std::chrono_literals;

Time at(std::int64_t seconds) {
  return Time{std::chrono::seconds{seconds}};
}

TEST(Time, FormatsBothWays) {
  EXPECT_EQ(format_time(at(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(at(1'795'529'384)), "2026-11-24T14:09:44Z");
  EXPECT_EQ(format_compact(at(1'795'529'384)), "20261124T140944Z");
}

TEST(Time, ReadsWhatRfc3339Allows) {
  for (const char* same :
       {"2026-11-24T14:09:44Z", "2026-11-24t14:09:44z", "2026-11-24T14:09:44.999999999Z", "2026-11-24T15:39:44+01:30",
        "2026-11-23T23:09:44-15:00", "2026-11-24T14:09:44-00:00", "20261124T140944Z"}) {
    EXPECT_EQ(parse_time(same), at(1'795'529'384)) << same;
  }
  EXPECT_EQ(format_time(parse_time("2016-12-31T23:59:60Z").value()), "2017-01-01T00:00:00Z");
  EXPECT_TRUE(parse_time("2028-02-29T00:00:00Z"));
}

TEST(Time, RefusesTheRest) {
  for (const char* bad : {"",
                          "now",
                          "2026",
                          "2026-11-24",
                          "2026-11-24T14:09Z",
                          "2026-11-24T14:09:44",
                          "2026-11-24 14:09:44Z",
                          "2026-13-01T00:00:00Z",
                          "2026-00-01T00:00:00Z",
                          "2026-11-31T00:00:00Z",
                          "2027-02-29T00:00:00Z",
                          "2026-11-24T24:00:00Z",
                          "2026-11-24T14:60:00Z",
                          "2026-11-24T14:00:60Z",
                          "2026-11-24T14:59:61Z",
                          "2026-11-24T14:09:44.Z",
                          "2026-11-24T14:09:44+24:00",
                          "2026-11-24T14:09:44+01:60",
                          "2026-11-24T14:09:44+010",
                          "2026-11-24T14:09:44Z ",
                          " 2026-11-24T14:09:44Z",
                          "2026-11-24T14:09:44ZZ",
                          "20261124T140944",
                          "20261124T14:09:44Z",
                          "2026-1124T14:09:44Z",
                          "20261124T140944+01:00",
                          "1969-12-31T23:59:59Z",
                          "0000-01-01T00:00:00Z",
                          "-026-11-24T14:09:44Z",
                          "+2026-11-24T14:09:44Z",
                          "２０26-11-24T14:09:44Z"}) {
    const auto time = parse_time(bad);
    ASSERT_FALSE(time) << bad;
    EXPECT_EQ(time.error().code, ErrorCode::invalid_input);
    EXPECT_FALSE(time.error().hint.empty());
  }
}

TEST(Time, RoundTrips) {
  std::mt19937_64 random(5);                                               // NOLINT: the same times every run
  std::uniform_int_distribution<std::int64_t> second(0, 253'402'300'799);  // to 9999-12-31T23:59:59Z
  for (int i = 0; i < 20'000; ++i) {
    const Time time = at(second(random));
    ASSERT_EQ(parse_time(format_time(time)), time);
    ASSERT_EQ(parse_time(format_compact(time)), time);
  }
}

TEST(Lifetime, ReadsEveryUnit) {
  EXPECT_EQ(parse_lifetime("90s").value(), 90s);
  EXPECT_EQ(parse_lifetime("15m").value(), 15min);
  EXPECT_EQ(parse_lifetime("12h").value(), 12h);
  EXPECT_EQ(parse_lifetime("30d").value(), std::chrono::days{30});
  EXPECT_EQ(parse_lifetime("4w").value(), std::chrono::weeks{4});
  EXPECT_EQ(parse_lifetime("3652d").value(), std::chrono::days{3652});
  EXPECT_EQ(parse_lifetime("never").value(), std::nullopt);
}

TEST(Lifetime, RefusesTheRest) {
  for (const char* bad : {"",      "d",    "30",          "30 d",        "30dd",
                          "-1d",   "+1d",  "0s",          "0d",          "1.5h",
                          "3653d", "522w", "4294967295w", "4294967296s", "99999999999999999999d",
                          "30D",   "30y",  "Never",       " 30d",        "1d12h"}) {
    EXPECT_FALSE(parse_lifetime(bad)) << bad;
  }
}

}  // namespace
}  // namespace intelwall
