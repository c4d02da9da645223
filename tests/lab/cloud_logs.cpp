// The lab's CloudWatch Logs below HTTP: subscriptions, pages, retention, limits.
#include "lab/cloud_logs.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "hunt/log_subscription.hpp"
#include "lab/cloud_support.hpp"

namespace intelwall::lab {
namespace {

using namespace test;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr const char* function_arn = "arn:aws:lambda:us-east-1:111122223333:function:sightings";

std::int64_t in_milliseconds(Time time) {
  return time.time_since_epoch().count() * 1000;
}

class LogsOfTheLab : public ::testing::Test {
 protected:
  Json call(const std::string& operation, Json input = Json::object()) {
    if (!input.contains("logGroupName") && !operation.starts_with("DescribeLogGroups")) input["logGroupName"] = "group";
    const auto answer = logs_.call(operation, std::move(input));
    return answer ? *answer : Json{{"error", answer.error().name}};
  }
  void make() {
    EXPECT_EQ(call("CreateLogGroup"), Json::object());
    EXPECT_EQ(call("CreateLogStream", {{"logStreamName", "s"}}), Json::object());
  }
  Json put(std::vector<std::pair<std::int64_t, std::string>> events) {
    Json list = Json::array();
    for (const auto& [timestamp, message] : events) list.push_back({{"timestamp", timestamp}, {"message", message}});
    return call("PutLogEvents", {{"logStreamName", "s"}, {"logEvents", std::move(list)}});
  }
  std::vector<std::pair<std::string, std::string>> wait_for_deliveries(std::size_t count) {
    std::unique_lock lock(mutex_);
    delivered_.wait_for(lock, 20s, [&] { return deliveries_.size() >= count; });
    return deliveries_;
  }

  Time now_ = noon;
  std::mutex mutex_;
  std::condition_variable delivered_;
  std::vector<std::pair<std::string, std::string>> deliveries_;
  LogStore logs_{[this](const std::string& function, const std::string& event) -> Result<std::string> {
                   // A function may write to the log from which it is called.
                   logs_.append("of the function", "s", now_, "called");
                   const std::scoped_lock lock(mutex_);
                   deliveries_.emplace_back(function, event);
                   delivered_.notify_all();
                   return "";
                 },
                 [this] { return now_; }};
};

TEST_F(LogsOfTheLab, a_subscription_hands_on_what_its_pattern_names) {
  make();
  EXPECT_EQ(call("PutSubscriptionFilter", {{"filterName", "alerts"},
                                           {"filterPattern", R"({ $.event.event_type = "alert" })"},
                                           {"destinationArn", function_arn}}),
            Json::object());
  const std::int64_t at = in_milliseconds(noon);
  put({{at, R"({"event":{"event_type":"flow"}})"}});
  put({{at, R"({"event":{"event_type":"alert","n":1}})"},
       {at, "no JSON"},
       {at, R"({"event":{"event_type":"alert","n":2}})"}});
  const auto deliveries = wait_for_deliveries(1);
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].first, "sightings");
  // Read as our function reads it.
  const auto batch = hunt::read_subscription(deliveries[0].second);
  ASSERT_TRUE(batch) << batch.error().to_text();
  EXPECT_EQ(batch->lines,
            "{\"event\":{\"event_type\":\"alert\",\"n\":1}}\n{\"event\":{\"event_type\":\"alert\",\"n\":2}}\n");
  EXPECT_EQ(call("DeleteSubscriptionFilter", {{"filterName", "alerts"}}), Json::object());
  put({{at, R"({"event":{"event_type":"alert","n":3}})"}});
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(wait_for_deliveries(1).size(), 1U);
  EXPECT_THAT(logs_.messages("of the function"), ElementsAre("called"));
}

TEST_F(LogsOfTheLab, events_stand_by_time_in_pages) {
  make();
  const std::int64_t at = in_milliseconds(noon);
  put({{at + 2, "c"}, {at + 3, "d"}});
  put({{at, "a"}, {at + 1, "b"}});
  EXPECT_THAT(logs_.messages("group"), ElementsAre("a", "b", "c", "d"));
  const auto page = [&](Json more) {
    more["logStreamName"] = "s";
    return call("GetLogEvents", std::move(more));
  };
  const auto texts = [](const Json& answer) {
    std::string all;
    for (const Json& event : answer["events"]) all += event["message"].get<std::string>();
    return all;
  };
  const Json first = page({{"limit", 3}, {"startFromHead", true}});
  EXPECT_EQ(texts(first), "abc");
  const Json second = page({{"limit", 3}, {"nextToken", first["nextForwardToken"]}});
  EXPECT_EQ(texts(second), "d");
  const Json end = page({{"nextToken", second["nextForwardToken"]}});
  EXPECT_EQ(texts(end), "");
  EXPECT_EQ(end["nextForwardToken"], second["nextForwardToken"]);
  const Json newest = page({{"limit", 1}});
  EXPECT_EQ(texts(newest), "d");
  EXPECT_EQ(texts(page({{"nextToken", newest["nextBackwardToken"]}})), "abc");
  EXPECT_EQ(texts(page({{"startTime", at + 1}, {"endTime", at + 3}})), "bc");
  EXPECT_EQ(page({{"nextToken", "x"}})["error"], "InvalidParameterException");
}

TEST_F(LogsOfTheLab, what_is_too_old_or_too_new_is_told) {
  make();
  const std::int64_t at = in_milliseconds(noon), hour = 3'600'000, day = 24 * hour;
  EXPECT_EQ(put({{at - 15 * day, "old"}})["rejectedLogEventsInfo"], (Json{{"tooOldLogEventEndIndex", 1}}));
  EXPECT_EQ(put({{at, "a"}, {at + 3 * hour, "new"}})["rejectedLogEventsInfo"], (Json{{"tooNewLogEventStartIndex", 1}}));
  EXPECT_EQ(put({{at, "a"}, {at - 1, "b"}})["error"], "InvalidParameterException");
  EXPECT_EQ(put({{at - 25 * hour, "a"}, {at, "b"}})["error"], "InvalidParameterException");
  EXPECT_EQ(put({{at, std::string(1'048'576, 'x')}})["error"], "InvalidParameterException");
  EXPECT_THAT(logs_.messages("group"), ElementsAre("a"));
  EXPECT_EQ(call("PutRetentionPolicy", {{"retentionInDays", 2}})["error"], "InvalidParameterException");
  EXPECT_EQ(call("PutRetentionPolicy", {{"retentionInDays", 1}}), Json::object());
  EXPECT_EQ(put({{at - 2 * day, "gone"}})["rejectedLogEventsInfo"], (Json{{"expiredLogEventEndIndex", 1}}));
  now_ += std::chrono::days(2);
  EXPECT_EQ(call("FilterLogEvents")["events"], Json::array());
}

TEST_F(LogsOfTheLab, refusals) {
  EXPECT_EQ(call("GetLogEvents", {{"logStreamName", "s"}})["error"], "ResourceNotFoundException");
  make();
  EXPECT_EQ(call("CreateLogGroup")["error"], "ResourceAlreadyExistsException");
  EXPECT_EQ(call("CreateLogStream", {{"logStreamName", "s"}})["error"], "ResourceAlreadyExistsException");
  EXPECT_EQ(call("CreateLogStream", {{"logStreamName", "a:b"}})["error"], "InvalidParameterException");
  EXPECT_EQ(call("CreateLogGroup", {{"logGroupName", "a b"}})["error"], "InvalidParameterException");
  EXPECT_EQ(call("FilterLogEvents", {{"filterPattern", "{"}})["error"], "InvalidParameterException");
  EXPECT_EQ(call("Nothing")["error"], "UnknownOperationException");
  Json filter{{"filterName", "f"}, {"filterPattern", ""}, {"destinationArn", "arn:aws:kinesis:us-east-1:1:stream/x"}};
  EXPECT_EQ(call("PutSubscriptionFilter", filter)["error"], "InvalidParameterException");
  filter["destinationArn"] = function_arn;
  for (const char* name : {"one", "two", "one", "three"}) {
    filter["filterName"] = name;
    EXPECT_EQ(call("PutSubscriptionFilter", filter),
              std::string(name) == "three" ? (Json{{"error", "LimitExceededException"}}) : Json::object());
  }
}

}  // namespace
}  // namespace intelwall::lab
