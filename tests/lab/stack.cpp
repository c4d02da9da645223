#include "lab/stack.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "aws/json_text.hpp"
#include "lab/cloud_event_bus.hpp"
#include "lab/cloud_logs.hpp"
#include "lab/cloud_queues.hpp"
#include "lab/shell_function.hpp"
#include "os/file.hpp"

namespace intelwall::lab {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<QueueMessage> two_messages() {
  return {{.id = "one", .receipt = "r1", .body = "first"}, {.id = "two", .receipt = "r2", .body = "second"}};
}

TEST(QueueSource, WritesTheEventOfSqs) {
  const Json event = queue_event("arn:aws:sqs:us-east-1:111122223333:q", two_messages());
  ASSERT_EQ(event.at("Records").size(), 2);
  const Json& first = event["Records"][0];
  EXPECT_EQ(first["messageId"], "one");
  EXPECT_EQ(first["body"], "first");
  EXPECT_EQ(first["eventSource"], "aws:sqs");
  EXPECT_EQ(first["eventSourceARN"], "arn:aws:sqs:us-east-1:111122223333:q");
}

TEST(QueueSource, KnowsWhichMessagesFailed) {
  using Reports = QueueSource::Reports;
  const auto failed = [](Result<std::string> answer, Reports reports = Reports::items) {
    return failed_messages(two_messages(), answer, reports);
  };
  EXPECT_THAT(failed(R"({"batchItemFailures":[]})"), ElementsAre(false, false));
  EXPECT_THAT(failed("{}"), ElementsAre(false, false));
  EXPECT_THAT(failed(R"({"batchItemFailures":[{"itemIdentifier":"two"}]})"), ElementsAre(false, true));
  EXPECT_THAT(failed(R"({"batchItemFailures":[{"itemIdentifier":"three"}]})"), ElementsAre(true, true));
  EXPECT_THAT(failed(R"({"batchItemFailures":7})"), ElementsAre(true, true));
  EXPECT_THAT(failed("no JSON"), ElementsAre(true, true));
  EXPECT_THAT(failed("no JSON", Reports::whole_batch), ElementsAre(false, false));
  EXPECT_THAT(failed(fail(ErrorCode::refused, "x"), Reports::whole_batch), ElementsAre(true, true));
}

TEST(CustomResource, AsksWithTexts) {
  const Json request = custom_resource_request({"Id", "Custom::Thing", {{"Size", 7}, {"On", {true, "x"}}}}, "arn:stack",
                                               "http://127.0.0.1:1/lab/answers/t");
  EXPECT_EQ(request["ResourceProperties"], Json::parse(R"({"Size":"7","On":["true","x"]})"));
  EXPECT_EQ(request["RequestType"], "Create");
  EXPECT_EQ(request["LogicalResourceId"], "Id");
}

TEST(CustomResource, TakesOneAnswer) {
  CustomResourceAnswers answers;
  const auto token = answers.expect();
  using Taken = CloudStack::Taken;
  EXPECT_EQ(answers.take("guessed", "{}"), Taken::no);
  EXPECT_EQ(answers.take(token, R"({"Status":"SUCCESS","PhysicalResourceId":"p","Data":{"A":"b"}})"), Taken::yes);
  EXPECT_EQ(answers.take(token, R"({"Status":"FAILED"})"), Taken::no);
  const auto made = answers.resource(token);
  ASSERT_TRUE(made) << made.error().to_text();
  EXPECT_EQ(made->ref, "p");
  EXPECT_EQ(made->attributes.at("A"), "b");
  EXPECT_EQ(answers.resource(token).error().code, ErrorCode::protocol);
  const auto other = answers.expect();
  answers.take(other, R"({"Status":"FAILED","Reason":"no firewall"})");
  EXPECT_EQ(answers.resource(other).error().message, "no firewall");
}

constexpr const char* small_template = R"(
Parameters:
  CodeBucket: {Type: String}
  AlertLogGroup: {Type: String}
  Refuse: {Type: String, Default: fine}
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {}}
  Dead: {Type: AWS::SQS::Queue}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 720
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
  Worker:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: worker
      Handler: work
      Runtime: provided.al2023
      Timeout: 30
      Role: !GetAtt Role.Arn
      DeadLetterConfig: {TargetArn: !GetAtt Dead.Arn}
      Environment: {Variables: {GIVEN: !GetAtt Thing.Value}}
  Maker: {Type: AWS::Lambda::Function, Properties: {FunctionName: maker, Handler: make, Runtime: provided.al2023, Timeout: 30}}
  Thing: {Type: Custom::Thing, Properties: {ServiceToken: !GetAtt Maker.Arn, Which: !Ref Refuse}}
  Feed: {Type: AWS::Lambda::EventSourceMapping, Properties: {EventSourceArn: !GetAtt Work.Arn, FunctionName: !Ref Worker}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [test]}
      Targets: [{Id: work, Arn: !GetAtt Work.Arn}]
  Clock:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(1 hour)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !GetAtt Worker.Arn, RoleArn: !GetAtt Role.Arn, Input: "{}"}
  Subscription:
    Type: AWS::Logs::SubscriptionFilter
    Properties: {LogGroupName: !Ref AlertLogGroup, FilterPattern: alert, DestinationArn: !GetAtt Worker.Arn}
Outputs:
  Dead: {Value: !GetAtt Dead.Arn}
)";

class StackTest : public testing::Test {
 protected:
  /// The stack of a template, made; its error's text where it could not be.
  std::string create(const std::string& text, std::map<std::string, std::string> parameters = {},
                     std::optional<std::chrono::seconds> every = {}) {
    const auto& directory = shell_.directory();
    std::ofstream(directory / "template.yaml") << text;
    StackOptions options;
    options.template_file = directory / "template.yaml";
    options.package = shell_.package();
    options.directory = directory / "functions";
    options.parameters = std::move(parameters);
    options.schedule_every = every;
    stack_ = std::make_shared<Stack>(std::move(options));
    CloudOptions cloud;
    cloud.port = 0;
    cloud.secret_access_key = "secret";
    cloud.stack = stack_;
    cloud.invoke = [this](const std::string& function, const std::string& event) {
      return stack_->deliver(function, event);
    };
    auto started = start_cloud(std::move(cloud));
    if (!started) return started.error().to_text();
    cloud_ = *std::move(started);
    const auto made = stack_->create(cloud_->services(),
                                     {{"AWS_ENDPOINT_URL", "http://127.0.0.1:" + std::to_string(cloud_->port())}});
    return made ? "" : made.error().to_text();
  }
  ~StackTest() override {
    if (stack_) stack_->stop();
    if (cloud_) cloud_->stop();
  }
  void put_event(const std::string& detail) {
    const auto put = cloud_->services().events.call(
        "PutEvents", {{"Entries", Json::array({{{"Source", "test"}, {"DetailType", "t"}, {"Detail", detail}}})}});
    ASSERT_TRUE(put);
  }
  Json worker() const { return stack_->status()["functions"]["worker"]; }
  void wait_for_invocations(std::uint64_t count) const {
    while (aws::count_in(worker(), "invocations") < count) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  ShellFunction shell_{"intelwall-stack"};
  std::shared_ptr<Stack> stack_;
  std::unique_ptr<Cloud> cloud_;
};

TEST_F(StackTest, TakesEventsThroughTheQueueToTheFunction) {
  ASSERT_EQ(create(small_template), "");
  put_event("{}");
  wait_for_invocations(1);
  const Json settled = stack_->settle(std::chrono::seconds(30));
  ASSERT_EQ(settled.size(), 1);
  EXPECT_EQ(settled[0]["function"], "worker");
  EXPECT_THAT(settled[0].value("answer", ""), HasSubstr("work 7 nothing"));  // 7: what the custom resource said
  EXPECT_FALSE(settled[0].contains("waiting"));
  EXPECT_EQ(stack_->status()["skipped"], Json::parse(R"(["AWS::IAM::Role"])"));
}

TEST_F(StackTest, PutsWhatFailsInTheDeadLetterQueueOnce) {
  ASSERT_EQ(create(small_template), "");
  const auto dead = stack_->status()["outputs"]["Dead"].get<std::string>();
  put_event(R"({"please":"fail"})");
  wait_for_invocations(2);
  stack_->settle(std::chrono::seconds(30));
  EXPECT_EQ(cloud_->services().queues.counts(dead)->visible, 1);
  EXPECT_EQ(worker()["invocations"], 2);
  EXPECT_THAT(worker()["error"].get<std::string>(), HasSubstr("as asked"));
}

TEST_F(StackTest, CallsOnScheduleAndGivesUpAfterThreeTries) {
  ASSERT_EQ(create(small_template, {}, std::chrono::seconds(1)), "");
  wait_for_invocations(2);
  const auto dead = stack_->status()["outputs"]["Dead"].get<std::string>();
  EXPECT_FALSE(stack_->deliver("worker", "fail"));
  EXPECT_EQ(cloud_->services().queues.counts(dead)->visible, 1);
}

TEST_F(StackTest, HandsTheAlertLogToTheSubscriber) {
  ASSERT_EQ(create(small_template), "");
  stack_->log_record(Stack::FirewallLog::alerts, "no match");
  stack_->log_record(Stack::FirewallLog::alerts, "an alert of the firewall");
  wait_for_invocations(1);
  EXPECT_THAT(cloud_->services().logs.messages("/aws/lambda/worker"), Contains(StartsWith("START RequestId")));
}

TEST_F(StackTest, SaysWhyItCannotBeMade) {
  EXPECT_THAT(create(small_template, {{"Refuse", "refuse"}}), HasSubstr("Resources.Thing: a reason"));
}

TEST_F(StackTest, KnowsNoOtherResources) {
  EXPECT_THAT(create("Resources: {Vpc: {Type: AWS::EC2::VPC}}"),
              HasSubstr("Resources.Vpc: the lab has no resources of type AWS::EC2::VPC"));
}

}  // namespace
}  // namespace intelwall::lab
