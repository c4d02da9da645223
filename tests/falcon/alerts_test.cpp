#include "falcon/alerts.hpp"

#include <gmock/gmock.h>

#include "falcon/support.hpp"

namespace intelwall::falcon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

struct FakeAlerts : FakeFalcon {
  FakeAlerts() { answer_token(); }
  AlertsClient alerts() const { return AlertsClient(client()); }
  const aws::HttpRequest& last() const { return http->requests.back(); }
};

TEST(Alerts, Query) {
  FakeAlerts fake;
  fake.http->answer(200, R"({"meta":{"pagination":{"total":7}},"resources":["a:1","b:2",null],"errors":[]})");
  const auto ids = fake.alerts().query({"product:'epp'+ioc_type:'domain'", "updated_timestamp|asc", 10'000}, 20);
  ASSERT_TRUE(ids) << ids.error().to_text();
  EXPECT_THAT(ids->ids, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(ids->total, 7U);
  EXPECT_EQ(
      aws::request_target(fake.last()),
      "/alerts/queries/alerts/v2?filter=product%3A%27epp%27%2Bioc_type%3A%27domain%27&sort=updated_timestamp%7Casc"
      "&limit=10000&offset=20");
  EXPECT_EQ(fake.last().method, "GET");
  EXPECT_EQ(updated_since(*parse_time("2026-11-24T14:03:04Z")), "updated_timestamp:>='2026-11-24T14:03:04Z'");
}

TEST(Alerts, EntitiesGoInParts) {
  FakeAlerts fake;
  std::vector<std::string> ids(AlertsClient::entities_limit + 1, "x");
  ids.back() = "last";
  fake.http->answer(200, R"({"resources":[{"composite_id":"x"}],"errors":null})");
  fake.http->answer(200,
                    R"({"resources":[{"composite_id":"last"}],"errors":[{"code":404,"message":"gone","id":"y"}]})");
  const auto found = fake.alerts().entities(ids);
  ASSERT_TRUE(found) << found.error().to_text();
  EXPECT_THAT(found->alerts, SizeIs(2));
  ASSERT_THAT(found->missing, SizeIs(1));
  EXPECT_EQ(found->missing[0].id, "y");
  EXPECT_EQ(fake.last().body, R"({"composite_ids":["last"]})");
  EXPECT_EQ(header_of(fake.last(), "Content-Type"), "application/json");
  ASSERT_TRUE(fake.alerts().entities({}));
}

TEST(Alerts, CombinedFollowsAfterToItsEnd) {
  FakeAlerts fake;
  fake.http->answer(200, R"({"meta":{"pagination":{"after":"p2"}},"resources":[{"n":1},{"n":2}]})");
  fake.http->answer(200, R"({"meta":{"pagination":{"after":"p3"}},"resources":[{"n":3}]})");
  fake.http->answer(200, R"({"meta":{"pagination":{"after":""}},"resources":[{"n":4}]})");
  std::vector<int> seen;
  const auto done = fake.alerts().each_page({"f", "s", 2}, [&](std::vector<Json> alerts) -> Result<void> {
    for (const auto& alert : alerts) seen.push_back(alert.at("n"));
    return {};
  });
  ASSERT_TRUE(done) << done.error().to_text();
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4));
  ASSERT_THAT(fake.http->requests, SizeIs(4));
  EXPECT_EQ(fake.http->requests[1].body, R"({"filter":"f","limit":2,"sort":"s"})");
  EXPECT_EQ(fake.http->requests[3].body, R"({"after":"p3","filter":"f","limit":2,"sort":"s"})");
}

TEST(Alerts, PagesThatRepeatEndInAnError) {
  FakeAlerts fake;
  for (int i = 0; i < 3; ++i) fake.http->answer(200, R"({"meta":{"pagination":{"after":"same"}},"resources":[{}]})");
  const auto done = fake.alerts().each_page({}, [](std::vector<Json>) -> Result<void> { return {}; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::protocol);
}

TEST(Alerts, AVisitorsErrorEndsThePages) {
  FakeAlerts fake;
  fake.http->answer(200, R"({"meta":{"pagination":{"after":"p2"}},"resources":[{}]})");
  const auto done =
      fake.alerts().each_page({}, [](std::vector<Json>) -> Result<void> { return fail(ErrorCode::quota, "enough"); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::quota);
  EXPECT_THAT(fake.http->requests, SizeIs(2));
}

TEST(Alerts, LimitsAreCheckedBeforeACall) {
  FakeAlerts fake;
  for (const std::size_t limit : {std::size_t{0}, AlertsClient::combined_limit + 1})
    EXPECT_FALSE(fake.alerts().combined({"", "", limit}));
  EXPECT_FALSE(fake.alerts().query({"", "", AlertsClient::query_limit + 1}));
  EXPECT_THAT(fake.http->requests, SizeIs(0));
}

}  // namespace
}  // namespace intelwall::falcon
