// The respond and expire functions against the lab's cloud, over real HTTP.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "aws/security_hub.hpp"
#include "firewalls/network_firewall.hpp"
#include "lambda/finding_filter.hpp"
#include "lambda/handler.hpp"
#include "support/cloud.hpp"

namespace intelwall::lambda {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* falcon = "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon";

class FunctionTest : public test::CloudFixture {
 protected:
  void SetUp() override {
    start();
    variables_["_HANDLER"] = "respond";
  }
  Handler handler(const char* name = "respond") {
    variables_["_HANDLER"] = name;
    auto made = make_handler(environment());
    EXPECT_TRUE(made.has_value()) << made.error().to_text();
    return made.value_or(Handler{});
  }
  static Result<Json> call(const Handler& handler, const Json& event) {
    IW_TRY(const auto text, handler({.event = event.is_string() ? event.get<std::string>() : event.dump(),
                                     .request_id = "r",
                                     .function_arn = {},
                                     .deadline = {}}));
    return Json::parse(text);
  }
  static Json finding(const std::string& id, const std::string& domain, const std::string& product = falcon) {
    return {
        {"SchemaVersion", "2018-10-08"},
        {"Id", id},
        {"ProductArn", product},
        {"GeneratorId", "Falcon Host"},
        {"AwsAccountId", lab::account_id},
        {"CreatedAt", "2026-11-20T10:00:00Z"},
        {"UpdatedAt", "2026-11-20T10:00:00Z"},
        {"Severity", {{"Label", "HIGH"}}},
        {"Types", {"TTPs/Command and Control"}},
        {"Title", "Falcon Alert"},
        {"Description", "a detection"},
        {"Resources", Json::array({{{"Type", "AwsEc2Instance"}, {"Id", "i-1"}}})},
        {"ProductFields",
         {{"crowdstrike/crowdstrike-falcon/IOCType", "domain"}, {"crowdstrike/crowdstrike-falcon/IOCValue", domain}}}};
  }
  static Json event(const char* kind, const Json& findings) {
    return {{"version", "0"},
            {"detail-type", kind},
            {"source", "aws.securityhub"},
            {"account", lab::account_id},
            {"region", lab::region},
            {"resources",
             {std::string("arn:aws:securityhub:us-east-1:") + lab::account_id + ":action/custom/intelwallblock"}},
            {"detail", {{"actionName", "intelwall block"}, {"findings", findings}}}};
  }
  static Json pressed(const Json& findings) { return event("Security Hub Findings - Custom Action", findings); }
  static Json imported(const Json& findings) { return event("Security Hub Findings - Imported", findings); }

  /// How often each operation was called.
  Json requests() const {
    aws::HttpRequest request{.method = "GET", .scheme = "http", .path = "/lab/health"};
    request.host = "127.0.0.1:" + std::to_string(cloud_->port());
    aws::sign(request, {lab::region, "lab"}, {lab::access_key_id, secret_, {}}, now());
    const auto answer = aws::make_curl_client()->send(request);
    return answer ? Json::parse(answer->body)["requests"] : Json();
  }

  std::vector<std::string> blocked() {
    const auto wall = firewalls::make_network_firewall(std::make_shared<aws::NetworkFirewallClient>(session()),
                                                       {.firewall = lab::firewall_name}, {});
    const auto seen = wall->observe();
    EXPECT_TRUE(seen.has_value());
    std::vector<std::string> names;
    if (seen)
      for (const auto& each : seen->enforced) names.push_back(each.decision.domain.name.text());
    std::ranges::sort(names);
    return names;
  }
};

TEST_F(FunctionTest, APressedActionBlocksOnce) {
  const auto respond = handler();
  const auto one = pressed(Json::array({finding("f-1", "evil-corp.com")}));
  const auto done = call(respond, one);
  ASSERT_TRUE(done.has_value()) << done.error().to_text();
  EXPECT_EQ((*done)["decisions"][0]["domain"], "evil-corp.com");
  EXPECT_THAT(blocked(), ElementsAre("evil-corp.com"));
  // EventBridge delivers at least once.
  const auto again = call(respond, one);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ((*again)["writes"], 0);
}

TEST_F(FunctionTest, ABatchThatAsksForTheSameIsOneWrite) {
  const auto respond = handler();
  ASSERT_TRUE(call(respond, pressed(Json::array({finding("f-0", "known-corp.com")}))).has_value());
  Json records = Json::array();
  for (int i = 0; i < 10; ++i) {
    const auto name = "batch-" + std::to_string(i) + "-corp.com";
    records.push_back({{"messageId", name}, {"body", pressed(Json::array({finding(name, name)})).dump()}});
  }
  const auto before = requests();
  const auto done = call(respond, {{"Records", records}});
  ASSERT_TRUE(done.has_value());
  EXPECT_THAT((*done)["batchItemFailures"], IsEmpty());
  const auto after = requests();
  EXPECT_THAT(blocked(), ::testing::SizeIs(11));
  EXPECT_EQ(after.value("UpdateRuleGroup", 0) - before.value("UpdateRuleGroup", 0), 1);
  EXPECT_EQ(after.value("DescribeRuleGroup", 0) - before.value("DescribeRuleGroup", 0), 1) << "no read twice";
}

TEST_F(FunctionTest, OfAQueueOnlyWhatFailedComesAgain) {
  const auto respond = handler();
  const auto message = [](const char* id, const std::string& body) -> Json {
    return {{"messageId", id}, {"eventSource", "aws:sqs"}, {"body", body}};
  };
  const auto done =
      call(respond, {{"Records",
                      {message("m-1", pressed(Json::array({finding("f-1", "evil-corp.com")})).dump()),
                       message("m-2", "no JSON"), message("m-3", R"({"detail-type":"Other"})"),
                       message("m-4", pressed(Json::array({finding("f-2", "worse-corp.com")})).dump())}}});
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ((*done)["batchItemFailures"], (Json{{{"itemIdentifier", "m-2"}}, {{"itemIdentifier", "m-3"}}}));
  EXPECT_THAT(blocked(), ElementsAre("evil-corp.com", "worse-corp.com"));
}

TEST_F(FunctionTest, WhatIsNoEventChangesNothingAndHasAType) {
  const auto respond = handler();
  for (const Json& wrong :
       {Json(""), Json("nonsense"), Json("[]"), Json(R"({"Records":1})"), Json(R"({"Records":[{}]})"),
        Json(R"({"detail-type":"Security Hub Findings - Custom Action"})"), Json(R"({"detail":{}})"),
        Json(R"({"detail-type":"Security Hub Findings - Custom Action","detail":{"findings":[7]}})")}) {
    const auto done = call(respond, wrong);
    ASSERT_FALSE(done.has_value()) << wrong;
    EXPECT_EQ(error_type(done.error()), "Intelwall.InvalidInput") << done.error().to_text();
  }
  EXPECT_THAT(blocked(), IsEmpty());
}

TEST_F(FunctionTest, NobodyPressedNothingBlocks) {
  const auto one = imported(Json::array({finding("f-1", "evil-corp.com")}));
  const auto passed = call(handler(), one);
  ASSERT_TRUE(passed.has_value());
  EXPECT_TRUE(passed->contains("passed_over"));
  EXPECT_THAT(blocked(), IsEmpty());

  // With the filter: what it names, and never what we ourselves have found.
  variables_["INTELWALL_FINDINGS_FILTER"] = R"({"products":["crowdstrike/*","111122223333/default"],"types":["TTPs"]})";
  auto ours =
      finding("f-2", "seen-corp.com", "arn:aws:securityhub:us-east-1:111122223333:product/111122223333/default");
  ours["GeneratorId"] = "intelwall/hunt/apt";
  auto mild = finding("f-3", "mild-corp.com");
  mild["Severity"]["Label"] = "MEDIUM";
  const auto done = call(handler(), imported(Json::array({finding("f-1", "evil-corp.com"), ours, mild})));
  ASSERT_TRUE(done.has_value()) << done.error().to_text();
  EXPECT_THAT(blocked(), ElementsAre("evil-corp.com"));
}

TEST_F(FunctionTest, TheFirewallsFaultIsTriedAgain) {
  const auto respond = handler();
  inject("DescribeFirewall", "InternalServerError", 50);
  const auto done = call(respond, pressed(Json::array({finding("f-1", "evil-corp.com")})));
  ASSERT_FALSE(done.has_value());
  EXPECT_NE(error_type(done.error()), "Intelwall.InvalidInput");
}

TEST_F(FunctionTest, ExpireLiftsWhatIsOver) {
  variables_["INTELWALL_EXPIRES"] = "1s";
  ASSERT_TRUE(call(handler(), pressed(Json::array({finding("f-1", "evil-corp.com")}))).has_value());
  const auto expire = handler("expire");
  for (int i = 0; i < 100 && !blocked().empty(); ++i) {  // a second must pass
    const auto done = call(expire, "{}");
    ASSERT_TRUE(done.has_value()) << done.error().to_text();
    if ((*done)["lifted"].empty()) std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  EXPECT_THAT(blocked(), IsEmpty());
}

TEST(FindingFilter, KnowsGuardDutysOwnEvents) {
  const auto filter =
      FindingFilter::parse(R"({"products":["guardduty"],"types":["Trojan:EC2/DNS"],"min_severity":"HIGH"})");
  ASSERT_TRUE(filter.has_value());
  Json native{{"schemaVersion", "2.0"},
              {"service", Json::object()},
              {"severity", 8},
              {"type", "Trojan:EC2/DNSDataExfiltration"}};
  EXPECT_TRUE(filter->takes(native));
  native["severity"] = 5;
  EXPECT_FALSE(filter->takes(native));
  EXPECT_FALSE(filter->takes(Json(7)));
  EXPECT_FALSE(filter->takes(Json::object()));
}

TEST(FindingFilter, SaysWhatIsWrongWithIt) {
  for (const char* wrong : {"", "[]", "{}", R"({"products":"guardduty"})", R"({"products":[""]})",
                            R"({"products":["guardduty"],"min_severity":"HUGE"})", R"({"product":["guardduty"]})"}) {
    const auto filter = FindingFilter::parse(wrong);
    ASSERT_FALSE(filter.has_value()) << wrong;
    EXPECT_EQ(filter.error().place, "INTELWALL_FINDINGS_FILTER");
    EXPECT_THAT(filter.error().hint + filter.error().message, ::testing::Not(IsEmpty()));
  }
}

}  // namespace
}  // namespace intelwall::lambda
