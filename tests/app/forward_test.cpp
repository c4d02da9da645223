#include "app/forward.hpp"

#include <gmock/gmock.h>

#include <random>

#include "app/support.hpp"

namespace intelwall::app {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::SizeIs;

TEST(RateLimit, NeverAllowsMoreThanBurstAndRate) {
  std::mt19937 random(3);
  for (const auto& [rate, burst] : {std::pair{10.0, 30.0}, std::pair{0.5, 1.0}, std::pair{1000.0, 5.0}}) {
    auto now = RateLimit::Steady::time_point{};
    RateLimit limit(rate, burst, [&] { return now; });
    std::vector<RateLimit::Steady::time_point> calls;
    for (int i = 0; i < 500; ++i) {
      now += milliseconds(random() % 50);
      now += limit.take();
      calls.push_back(now);
    }
    for (std::size_t from = 0; from < calls.size(); from += 7) {
      for (std::size_t to = from; to < calls.size(); to += 11) {
        const double seconds = std::chrono::duration<double>(calls[to] - calls[from]).count();
        ASSERT_LE(static_cast<double>(to - from + 1), burst + seconds * rate + 1) << from << " to " << to;
      }
    }
  }
}

TEST(RateLimit, LetsABurstPassAtOnce) {
  auto now = RateLimit::Steady::time_point{};
  RateLimit limit(10, 30, [&] { return now; });
  for (int i = 0; i < 30; ++i) EXPECT_EQ(limit.take(), milliseconds(0));
  EXPECT_EQ(limit.take(), milliseconds(100));
  EXPECT_EQ(limit.take(), milliseconds(200));
}

class SinkTest : public AroundTest {
 protected:
  FindingSink sink() {
    return {hub(), RateLimit(1'000, 1'000), [](milliseconds) {},
            [this](const Error& error) { told_.push_back(error); }};
  }
  std::vector<Error> told_;
};

TEST_F(SinkTest, TellsApartWhatStandsThereAndWhatIsRefused) {
  std::vector<aws::Json> findings;
  for (int i = 0; i < 230; ++i) findings.push_back(finding(fmt::format("f-{}", i), "evil.example.com"));
  auto first = sink();
  ASSERT_TRUE(first.deliver(findings).has_value());
  EXPECT_EQ(first.totals().accepted, 230U);
  EXPECT_EQ(first.totals().calls, 3U);
  findings[7]["UpdatedAt"] = "2026-11-20T10:00:01Z";
  findings.push_back(finding("broken", "evil.example.com"));
  findings.back()["Title"] = std::string(300, 't');
  findings.push_back(finding("huge", "evil.example.com"));
  findings.back()["Title"] = std::string(250'000, 't');
  auto again = sink();
  ASSERT_TRUE(again.deliver(findings).has_value());
  EXPECT_EQ(again.totals().accepted, 1U);
  EXPECT_EQ(again.totals().already, 229U);
  EXPECT_EQ(again.totals().rejected, 2U);
  ASSERT_THAT(told_, SizeIs(2));
  EXPECT_EQ(told_[0].place, "huge");
  EXPECT_THAT(told_[1].message, HasSubstr("Title"));
  EXPECT_EQ(told_[1].place, "broken");
}

TEST_F(SinkTest, AProductThatMayNotImportEndsItAndIsNoLoss) {
  auto other = finding("f", "evil.example.com");
  other["ProductArn"] = "arn:aws:securityhub:us-east-1:111122223333:product/other/other";
  const auto refused = sink().deliver({other});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::denied);
  EXPECT_THAT(refused.error().hint, HasSubstr("enable the product"));
}

TEST_F(SinkTest, AnOutageIsUnavailableAndNothingIsRejected) {
  inject("BatchImportFindings", "ThrottlingException", 1000);
  auto quiet = session();
  quiet.sleep = [](milliseconds) {};
  FindingSink sink(
      aws::SecurityHubClient(quiet), RateLimit(1'000, 1'000), [](milliseconds) {},
      [this](const Error& error) { told_.push_back(error); });
  const auto failed = sink.deliver({finding("f", "evil.example.com")});
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(told_.empty());
}

TEST_F(SinkTest, TheSubscriptionNamesTheTarget) {
  const auto target = find_falcon_product(hub());
  ASSERT_TRUE(target.has_value()) << target.error().to_text();
  EXPECT_EQ(target->partition, "aws");
  EXPECT_EQ(target->region, "us-east-1");
  EXPECT_EQ(target->account, lab::account_id);
}

}  // namespace
}  // namespace intelwall::app
