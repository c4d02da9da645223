// The lab's queues with a clock of their own: visibility, delays, retention, dead letters, and the threads that wait.
#include "lab/cloud_queues.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "lab/cloud_support.hpp"

namespace intelwall::lab {
namespace {

using namespace test;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class QueuesOfTheLab : public ::testing::Test {
 protected:
  std::string make(const std::string& name, const Json& attributes = Json::object()) {
    const auto arn = queues_.create(name, attributes);
    EXPECT_TRUE(arn) << arn.error().message;
    return arn.value_or("");
  }
  void send(const std::string& arn, const std::string& body) {
    const auto id = queues_.send(arn, body);
    EXPECT_TRUE(id) << id.error().message;
  }
  std::vector<QueueMessage> take(const std::string& arn, std::size_t most = 10) {
    return queues_.receive(arn, most, 0ms).value_or(std::vector<QueueMessage>{});
  }
  std::vector<std::string> bodies(const std::string& arn) {
    std::vector<std::string> found;
    for (const QueueMessage& message : take(arn)) found.push_back(message.body);
    return found;
  }
  Json call(const std::string& operation, Json input, const std::string& queue = "q") {
    input["QueueUrl"] = QueueService::url_of(queue, "127.0.0.1:1");
    const auto answer = queues_.call(operation, std::move(input), "127.0.0.1:1");
    return answer ? *answer : Json{{"error", answer.error().name}};
  }

  Time now_ = noon;
  QueueService::Steady steady_{};
  QueueService queues_{[this] { return now_; }, [this] { return steady_; }};
};

TEST_F(QueuesOfTheLab, what_is_received_is_hidden_until_its_time_is_over) {
  const std::string arn = make("q", {{"VisibilityTimeout", "60"}});
  send(arn, "one");
  const auto first = take(arn);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].receive_count, 1);
  EXPECT_EQ(queues_.counts(arn)->in_flight, 1U);
  steady_ += 59s;
  EXPECT_THAT(take(arn), IsEmpty());
  steady_ += 1s;
  const auto again = take(arn);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].receive_count, 2);
  EXPECT_EQ(again[0].id, first[0].id);

  // The first reception is over: its receipt deletes nothing.
  EXPECT_TRUE(queues_.remove(arn, first[0].receipt));
  EXPECT_EQ(queues_.counts(arn)->in_flight, 1U);
  EXPECT_TRUE(queues_.remove(arn, again[0].receipt));
  steady_ += 1h;
  EXPECT_THAT(take(arn), IsEmpty());
  EXPECT_EQ(queues_.remove(arn, "no receipt").error().name, "ReceiptHandleIsInvalid");
}

TEST_F(QueuesOfTheLab, what_is_given_back_comes_again_at_once) {
  const std::string arn = make("q");
  send(arn, "one");
  const auto first = take(arn);
  ASSERT_EQ(first.size(), 1U);
  ASSERT_TRUE(queues_.give_back(arn, first[0].receipt));
  EXPECT_EQ(queues_.counts(arn)->visible, 1U);
  EXPECT_EQ(queues_.give_back(arn, first[0].receipt).error().name, "MessageNotInflight");
  EXPECT_THAT(bodies(arn), ElementsAre("one"));
}

TEST_F(QueuesOfTheLab, what_is_received_too_often_is_a_dead_letter) {
  const std::string dead = make("dead");
  const std::string arn =
      make("q", {{"RedrivePolicy", R"({"deadLetterTargetArn":")" + dead + R"(","maxReceiveCount":"2"})"}});
  send(arn, "poison");
  for (int i = 0; i < 2; ++i) {
    const auto taken = take(arn);
    ASSERT_EQ(taken.size(), 1U) << i;
    ASSERT_TRUE(queues_.give_back(arn, taken[0].receipt));
    EXPECT_THAT(take(dead), IsEmpty());
  }
  EXPECT_THAT(take(arn), IsEmpty());
  const auto moved = take(dead);
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].body, "poison");
  EXPECT_EQ(moved[0].source_arn, arn);
  EXPECT_EQ(queues_.counts(arn)->visible + queues_.counts(arn)->in_flight, 0U);
}

TEST_F(QueuesOfTheLab, a_policy_must_name_a_queue_and_a_number) {
  const auto refused = [this](const std::string& policy) {
    const auto made = queues_.create("other", {{"RedrivePolicy", policy}});
    return made ? "none" : made.error().name;
  };
  const std::string arn = QueueService::arn_of("dead");
  EXPECT_EQ(refused("x"), "InvalidAttributeValue");
  EXPECT_EQ(refused("[]"), "InvalidAttributeValue");
  EXPECT_EQ(refused(R"({"deadLetterTargetArn":"dead","maxReceiveCount":2})"), "InvalidAttributeValue");
  EXPECT_EQ(refused(R"({"deadLetterTargetArn":")" + arn + R"("})"), "InvalidAttributeValue");
  EXPECT_EQ(refused(R"({"deadLetterTargetArn":")" + arn + R"(","maxReceiveCount":1001})"), "InvalidAttributeValue");
  const std::string good = R"({"deadLetterTargetArn":")" + arn + R"(","maxReceiveCount":2})";
  EXPECT_EQ(refused(good), "InvalidAttributeValue") << "there is no such queue";
  make("dead");
  EXPECT_EQ(refused(good), "none");
}

TEST_F(QueuesOfTheLab, delays_and_retention) {
  const std::string arn = make("q", {{"DelaySeconds", "10"}, {"MessageRetentionPeriod", "60"}});
  send(arn, "late");
  EXPECT_EQ(call("SendMessage", {{"MessageBody", "at once"}, {"DelaySeconds", 0}}).contains("MessageId"), true);
  EXPECT_EQ(queues_.counts(arn)->delayed, 1U);
  EXPECT_THAT(bodies(arn), ElementsAre("at once"));
  steady_ += 10s;
  EXPECT_THAT(bodies(arn), ElementsAre("late"));
  now_ += 61s;
  steady_ += 1h;
  EXPECT_THAT(bodies(arn), IsEmpty());
}

TEST_F(QueuesOfTheLab, a_wait_ends_with_a_message_and_with_the_lab) {
  const std::string arn = make("q");
  std::jthread sender([&] {
    std::this_thread::sleep_for(30ms);
    send(arn, "came");
  });
  const auto came = queues_.receive(arn, 1, 20s);
  ASSERT_TRUE(came && came->size() == 1);
  std::jthread ender([&] {
    std::this_thread::sleep_for(30ms);
    queues_.stop();
  });
  const auto began = std::chrono::steady_clock::now();
  const auto none = queues_.receive(arn, 1, 20s);
  EXPECT_TRUE(none && none->empty());
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST_F(QueuesOfTheLab, a_queue_that_is_deleted_under_a_wait_is_told) {
  const std::string arn = make("q");
  std::jthread ender([&] {
    std::this_thread::sleep_for(30ms);
    queues_.delete_queue(arn);
  });
  EXPECT_EQ(queues_.receive(arn, 1, 20s).error().name, "QueueDoesNotExist");
}

TEST_F(QueuesOfTheLab, many_receivers_get_each_message_once) {
  const std::string arn = make("q");
  constexpr int messages = 2000;
  std::mutex mutex;
  std::map<std::string, int> seen;
  {
    std::vector<std::jthread> receivers;
    for (int i = 0; i < 4; ++i)
      receivers.emplace_back([&] {
        while (true) {
          const auto taken = queues_.receive(arn, 10, 500ms);
          if (!taken || taken->empty()) return;
          for (const QueueMessage& message : *taken) {
            EXPECT_TRUE(queues_.remove(arn, message.receipt));
            const std::scoped_lock lock(mutex);
            ++seen[message.body];
          }
        }
      });
    for (int i = 0; i < messages; ++i) send(arn, std::to_string(i));
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(messages));
  for (const auto& [body, times] : seen) EXPECT_EQ(times, 1) << body;
}

TEST_F(QueuesOfTheLab, refuse_what_sqs_refuses) {
  make("q");
  EXPECT_EQ(queues_.create("q.fifo", Json::object()).error().name, "UnsupportedOperation");
  EXPECT_EQ(queues_.create("no name", Json::object()).error().name, "InvalidParameterValueException");
  EXPECT_EQ(queues_.create("r", {{"Nothing", "1"}}).error().name, "InvalidAttributeName");
  EXPECT_EQ(queues_.create("r", {{"VisibilityTimeout", "43201"}}).error().name, "InvalidAttributeValue");
  EXPECT_EQ(queues_.create("q", {{"VisibilityTimeout", "31"}}).error().name, "QueueNameExists");
  EXPECT_TRUE(queues_.create("q", {{"VisibilityTimeout", "30"}})) << "that is the default";
  EXPECT_EQ(queues_.send(QueueService::arn_of("none"), "x").error().name, "QueueDoesNotExist");
  EXPECT_EQ(queues_.send("arn:aws:sqs:us-east-1:999999999999:q", "x").error().name, "QueueDoesNotExist");
  const auto body = [this](const std::string& text) { return call("SendMessage", {{"MessageBody", text}})["error"]; };
  EXPECT_EQ(body(""), "InvalidParameterValueException");
  EXPECT_EQ(body(std::string("a\x01z")), "InvalidMessageContents");
  EXPECT_EQ(body(std::string(1'048'577, 'x')), "InvalidParameterValueException");
  EXPECT_EQ(call("ReceiveMessage", {{"MaxNumberOfMessages", 11}})["error"], "InvalidParameterValueException");
  EXPECT_EQ(call("ReceiveMessage", Json::object(), "none")["error"], "QueueDoesNotExist");
  EXPECT_EQ(call("Nothing", Json::object())["error"], "UnknownOperationException");
  const auto batch = [this](const Json& entries) {
    return call("DeleteMessageBatch", {{"Entries", entries}})["error"];
  };
  const Json entry{{"Id", "1"}, {"ReceiptHandle", "x"}};
  EXPECT_EQ(batch(Json::array()), "EmptyBatchRequest");
  EXPECT_EQ(batch({entry, entry}), "BatchEntryIdsNotDistinct");
  EXPECT_EQ(batch(std::vector<Json>(11, entry)), "TooManyEntriesInBatchRequest");
  EXPECT_EQ(batch({{{"Id", "?"}, {"ReceiptHandle", "x"}}}), "InvalidBatchEntryId");
}

TEST_F(QueuesOfTheLab, a_rules_target_can_be_a_queue_and_has_dead_letters) {
  Endpoint endpoint(options());
  const auto events = [&](const std::string& operation, const Json& input) {
    return endpoint.handle(signed_request("POST", "/", "AWSEvents." + operation, "events", dump_json(input))).status;
  };
  const std::string arn = endpoint.queues().create("q", Json::object()).value();
  const std::string dead = endpoint.queues().create("dead", Json::object()).value();
  ASSERT_EQ(events("PutRule", {{"Name", "r"}, {"EventPattern", R"({"source":["mine"]})"}}), 200);
  const Json targets =
      Json::array({Json{{"Id", "1"}, {"Arn", arn}},
                   Json{{"Id", "2"}, {"Arn", QueueService::arn_of("none")}, {"DeadLetterConfig", {{"Arn", dead}}}}});
  ASSERT_EQ(events("PutTargets", {{"Rule", "r"}, {"Targets", targets}}), 200);
  ASSERT_EQ(events("PutEvents", {{"Entries", {{{"Source", "mine"}, {"DetailType", "t"}, {"Detail", R"({"a":1})"}}}}}),
            200);
  const auto sent = endpoint.queues().receive(arn, 10, 20s);
  ASSERT_TRUE(sent && sent->size() == 1);
  EXPECT_EQ(Json::parse(sent->front().body)["detail"]["a"], 1);
  const auto lost = endpoint.queues().receive(dead, 10, 20s);
  ASSERT_TRUE(lost && lost->size() == 1);
  EXPECT_EQ(Json::parse(lost->front().body), Json::parse(sent->front().body));
  EXPECT_EQ(lost->front().attributes["TARGET_ARN"]["StringValue"], QueueService::arn_of("none"));
}

}  // namespace
}  // namespace intelwall::lab
