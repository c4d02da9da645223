// The hunt and sightings functions against the lab's cloud and Falcon, and a bucket with conditional writes.
#include "app/hunt_support.hpp"
#include "app/sightings.hpp"
#include "lab/cloud_dns_firewall.hpp"
#include "lambda/handler.hpp"
#include "test_bucket.hpp"

namespace intelwall::lambda {
namespace {

using Json = nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* manifest = "/state-bucket/hunts/apt/manifest.jsonl.gz";
constexpr const char* cursor = "/state-bucket/hunts/apt/cursor.json";

class HuntFunctionTest : public app::HuntTest {
 protected:
  void SetUp() override {
    app::HuntTest::SetUp();
    variables_.erase("FALCON_CLIENT_ID");
    variables_.erase("FALCON_CLIENT_SECRET");
    variables_["AWS_ENDPOINT_URL_S3"] = variables_["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = bucket_.url();
    variables_["INTELWALL_STATE_BUCKET"] = "state-bucket";
    variables_["INTELWALL_FALCON_SECRET_ARN"] = "arn:aws:secretsmanager:us-east-1:111122223333:secret:falcon-AbCdEf";
    variables_["INTELWALL_HUNT_NAME"] = "apt";
    variables_["INTELWALL_HUNT_FQL"] = confident;
    bucket_.set_secret(Json{{"client_id", lab::falcon_client_id}, {"client_secret", secret}, {"cloud", "us-1"}}.dump());
    put_all(numbered("n", 30));
  }

  /// A function that starts anew, as after a cold start.
  Handler function(const char* name = "hunt") {
    variables_["_HANDLER"] = name;
    variables_["INTELWALL_STATE"] = (directory_ / fmt::format("disk{}", ++disks_)).string();
    auto made = make_handler(environment());
    EXPECT_TRUE(made.has_value()) << made.error().to_text();
    return made.value_or(Handler{});
  }
  static Result<Json> call(const Handler& handler, const Json& event = Json::object()) {
    IW_TRY(const auto text, handler({.event = event.is_string() ? event.get<std::string>() : event.dump(),
                                     .request_id = "r",
                                     .function_arn = {},
                                     .deadline = {}}));
    return Json::parse(text);
  }
  static Json call_well(const Handler& handler, const Json& event = Json::object()) {
    const auto done = call(handler, event);
    EXPECT_TRUE(done.has_value()) << done.error().to_text();
    return done.value_or(Json());
  }
  /// As CloudWatch Logs delivers it, unpacked.
  static Json logged(const std::string& source, const std::string& name, int times = 1) {
    Json events = Json::array();
    for (int i = 0; i < times; ++i) {
      const Json line{{"firewall_name", "fw"},
                      {"event",
                       {{"timestamp", "2026-11-24T10:00:00.000000+0000"},
                        {"event_type", "alert"},
                        {"src_ip", source},
                        {"src_port", 40000},
                        {"dest_ip", "198.51.100.9"},
                        {"dest_port", 443},
                        {"proto", "TCP"},
                        {"app_proto", "tls"},
                        {"alert", {{"action", "allowed"}, {"signature", "intelwall hunt"}}},
                        {"tls", {{"sni", name}}}}}};
      events.push_back({{"id", fmt::format("{}", i)}, {"timestamp", 1}, {"message", line.dump()}});
    }
    return {{"messageType", "DATA_MESSAGE"},
            {"owner", lab::account_id},
            {"logGroup", "/fw/alert"},
            {"logStream", "s"},
            {"logEvents", events}};
  }

  test::TestBucket bucket_;
  int disks_ = 0;
};

TEST_F(HuntFunctionTest, WhatTheQueryFindsIsWatchedAndKeptInTheBucket) {
  put("actor.evil-test.com", {{"actors", {"SALTYSPIDER"}}});
  call_well(function());
  EXPECT_THAT(watched(), Contains("n7.evil-test.com"));
  const auto objects = bucket_.objects();
  EXPECT_THAT(objects, SizeIs(2));
  EXPECT_TRUE(objects.contains(manifest) && objects.contains(cursor));
  for (const auto& [path, object] : objects) {
    EXPECT_THAT(object.body, Not(HasSubstr(secret))) << path;
  }
}

TEST_F(HuntFunctionTest, NothingNewWritesNothingWarmOrCold) {
  const auto warm = function();
  call_well(warm);
  const auto before = tokens();
  const auto puts = bucket_.puts();
  const auto again = call_well(warm);
  EXPECT_EQ(again.at("bucket_writes"), 0);
  const auto cold = call_well(function());
  EXPECT_EQ(cold.at("bucket_writes"), 0);
  EXPECT_TRUE(cold.at("sync").at("unchanged").get<bool>()) << cold.dump(2);
  EXPECT_EQ(cold.at("hunts").at(0).at("run"), "delta") << cold.dump(2);
  EXPECT_EQ(bucket_.puts(), puts);
  EXPECT_EQ(tokens(), before);
}

TEST_F(HuntFunctionTest, DnsFirewallHoldsItTooAndAColdStartKnowsThat) {
  variables_["INTELWALL_DNS_FIREWALL"] = lab::dns_rule_group_id;
  const auto first = call_well(function());
  EXPECT_GE(first.at("sync").at("dns_firewall").at("enforced").get<int>(), 30);
  const auto cold = call_well(function());
  EXPECT_TRUE(cold.at("sync").at("dns_firewall").at("unchanged").get<bool>()) << cold.dump(2);
  EXPECT_EQ(cold.at("bucket_writes"), 0);
}

TEST_F(HuntFunctionTest, AReportNamesAHundredOfWhatIsLeftOut) {
  variables_["INTELWALL_DNS_FIREWALL"] = lab::dns_rule_group_id;
  variables_["INTELWALL_DNS_FIREWALL_DOMAINS"] = "10";
  put_all(numbered("m", 120));
  const auto dns = call_well(function()).at("sync").at("dns_firewall");
  EXPECT_GE(dns.at("left_out_count").get<int>(), 145);
  EXPECT_THAT(dns.at("left_out"), SizeIs(100));
}

TEST_F(HuntFunctionTest, AColdStartGoesOnWhereTheLastRunLeftOff) {
  call_well(function());
  put("new.evil-test.com");
  put("n3.evil-test.com", {{"deleted", true}});
  call_well(function());
  EXPECT_THAT(watched(), Contains("new.evil-test.com"));
  EXPECT_THAT(watched(), Contains("n4.evil-test.com"));
  EXPECT_THAT(watched(), Not(Contains("n3.evil-test.com")));
}

TEST_F(HuntFunctionTest, ARunThatWasOvertakenBeginsAgain) {
  const auto slow = function();
  call_well(slow);
  put("first.evil-test.com");
  const auto fast = function();
  bucket_.before_put([&] {
    put("second.evil-test.com");
    call_well(fast);
  });
  call_well(slow);
  EXPECT_THAT(watched(), Contains("first.evil-test.com"));
  EXPECT_THAT(watched(), Contains("second.evil-test.com"));
  EXPECT_THAT(watched(), Contains("n7.evil-test.com"));
  const auto puts = bucket_.puts();
  call_well(function());
  EXPECT_EQ(bucket_.puts(), puts);
}

TEST_F(HuntFunctionTest, ALostBucketTakesNothingFromTheFirewall) {
  call_well(function());
  const auto before = watched();
  bucket_.keep({});
  variables_["INTELWALL_HUNT_FQL"] = "type:'domain'+malicious_confidence:'high'+actors:'NOBODY'";
  const auto done = call(function());
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::refused);
  EXPECT_EQ(watched(), before);
}

TEST_F(HuntFunctionTest, ACursorOfAnotherManifestIsNotBelieved) {
  call_well(function());
  const auto old = bucket_.objects();
  put("new.evil-test.com");
  call_well(function());
  auto mixed = bucket_.objects();
  mixed[cursor] = old.at(cursor);
  bucket_.keep(mixed);
  const auto done = call_well(function());
  EXPECT_EQ(done.at("hunts").at(0).at("run"), "full");
  EXPECT_THAT(watched(), Contains("new.evil-test.com"));
}

TEST_F(HuntFunctionTest, ADamagedManifestChangesNothing) {
  call_well(function());
  const auto before = watched();
  bucket_.put(manifest, "{\"domain\":\"no domain\"}\n");
  const auto done = call(function());
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::protocol);
  EXPECT_THAT(done.error().place, HasSubstr("line 1"));
  EXPECT_EQ(watched(), before);
}

TEST_F(HuntFunctionTest, ASecretThatIsNoneIsNotRepeated) {
  bucket_.set_secret("hunter2-not-json");
  const auto done = call(function());
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::denied);
  EXPECT_THAT(done.error().to_text(), Not(HasSubstr("hunter2")));
}

TEST_F(HuntFunctionTest, AnEventThatIsNoneChangesNothing) {
  const auto done = call(function(), "not json");
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(error_type(done.error()), "Intelwall.InvalidInput");
  EXPECT_THAT(bucket_.objects(), IsEmpty());
}

TEST_F(HuntFunctionTest, SettingsThatCannotWorkEndTheStart) {
  for (const auto& [variable, value] : {std::pair{"INTELWALL_HUNT_FQL", "type:"},
                                        {"INTELWALL_HUNT_LIMIT", "many"},
                                        {"INTELWALL_HUNT_NAME", "../x"},
                                        {"INTELWALL_HUNT_ACTION", "shout"},
                                        {"INTELWALL_STATE_BUCKET", ""}}) {
    const auto kept = variables_;
    variables_[variable] = value;
    variables_["_HANDLER"] = "hunt";
    EXPECT_FALSE(make_handler(environment()).has_value()) << variable;
    variables_ = kept;
  }
}

TEST_F(HuntFunctionTest, ASightingIsRaisedOnceAndUpdated) {
  put("actor.evil-test.com", {{"actors", {"SALTYSPIDER"}}});
  call_well(function());
  const auto sightings = function("sightings");
  EXPECT_EQ(call_well(sightings, logged("10.0.1.5", "www.actor.evil-test.com", 3)).at("findings"), 1);
  const auto id = app::sighting_finding_id("10.0.1.5", "actor.evil-test.com");
  auto finding = stored(id);
  EXPECT_EQ(finding.at("ProductFields").at("intelwall/count"), "3");
  EXPECT_EQ(finding.at("ProductFields").at("intelwall/actors"), "SALTYSPIDER");
  // Another instance of the function, which knows only what the finding says.
  EXPECT_EQ(call_well(function("sightings"), logged("10.0.1.5", "actor.evil-test.com", 2)).at("findings"), 1);
  EXPECT_EQ(stored(id).at("ProductFields").at("intelwall/count"), "5");
}

TEST_F(HuntFunctionTest, WhatIsDeliveredAgainIsNotCountedAgain) {
  put("actor.evil-test.com");
  call_well(function());
  const auto sightings = function("sightings");
  const auto count = [&] {
    return stored(app::sighting_finding_id("10.0.1.5", "actor.evil-test.com"))
        .at("ProductFields")
        .at("intelwall/count");
  };
  for (int times = 1; times <= 9; ++times) call_well(sightings, logged("10.0.1.5", "actor.evil-test.com", times));
  EXPECT_EQ(count(), "45");
  for (int times = 2; times <= 9; ++times)
    EXPECT_EQ(call_well(sightings, logged("10.0.1.5", "actor.evil-test.com", times)).at("findings"), 0) << times;
  EXPECT_EQ(count(), "45");
  // Only so many are remembered: this one is taken for new.
  EXPECT_EQ(call_well(sightings, logged("10.0.1.5", "actor.evil-test.com", 1)).at("findings"), 1);
  EXPECT_EQ(count(), "46");
}

TEST_F(HuntFunctionTest, OtherNamesRaiseNothing) {
  call_well(function());
  const auto done = call_well(function("sightings"), logged("10.0.1.5", "www.example.org"));
  EXPECT_EQ(done.at("lines"), 1);
  EXPECT_EQ(done.at("findings"), 0);
}

TEST_F(HuntFunctionTest, ALogObjectIsReadFromItsBucket) {
  call_well(function());
  std::string lines;
  const auto delivered = logged("10.0.1.6", "n7.evil-test.com");
  for (const auto& each : delivered.at("logEvents")) lines += each.at("message").get<std::string>() + "\n";
  bucket_.put("/log-bucket/AWSLogs/a b.log.gz", lines);
  const Json event{{"source", "aws.s3"},
                   {"detail-type", "Object Created"},
                   {"detail", {{"bucket", {{"name", "log-bucket"}}}, {"object", {{"key", "AWSLogs/a b.log.gz"}}}}}};
  const auto sightings = function("sightings");
  EXPECT_EQ(call_well(sightings, event).at("findings"), 1);
  auto missing = event;
  missing["detail"]["object"]["key"] = "gone";
  const auto done = call(sightings, missing);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::not_found);
}

TEST_F(HuntFunctionTest, LogEventsThatAreNoneAreToldAsSuch) {
  const auto sightings = function("sightings");
  for (const auto* text : {"[]", "{}", R"({"awslogs":{"data":"%%%%"}})", R"({"source":"aws.s3"})",
                           R"({"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":7}})"}) {
    const auto done = call(sightings, text);
    ASSERT_FALSE(done.has_value()) << text;
    EXPECT_EQ(done.error().code, ErrorCode::invalid_input) << text;
  }
}

}  // namespace
}  // namespace intelwall::lambda
