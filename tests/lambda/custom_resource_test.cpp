// What CloudFormation asks for, with answers of AWS from a script.
#include "lambda/custom_resource.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "../aws/support.hpp"
#include "lambda/resource_kinds.hpp"

namespace intelwall::lambda {
namespace {

using Json = nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* url =
    "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn%3Aaws%3Acloudformation%3Ax%7CMine"
    "?AWSAccessKeyId=AKIA&Expires=1&Signature=a%2Bb%3D";

struct CustomResourceTest : ::testing::Test {
  aws::FakeSession fake;
  app::Context context;

  CustomResourceTest() {
    context.http = fake.http;
    context.session = fake.session();
    context.sleep = [](std::chrono::milliseconds) {};
    context.env = aws::environment({});
  }
  static Json event(const char* type, Json properties) {
    return {{"RequestType", type},    {"ResponseURL", url},          {"StackId", "stack"},
            {"RequestId", "request"}, {"LogicalResourceId", "Mine"}, {"ResourceProperties", std::move(properties)}};
  }
  Result<std::string> call(const Json& what) {
    return answer_resource(context, {.event = what.dump(),
                                     .request_id = "r",
                                     .function_arn = "arn:aws:lambda:us-east-1:111122223333:function:f",
                                     .deadline = {}});
  }
  void answer(const Json& body, int status = 200) { fake.http->answer(status, body.dump()); }
  void answer_url() { fake.http->answer(200, ""); }
  /// What the URL was told, which is always the last request.
  Json told() const { return Json::parse(fake.http->requests.back().body); }
  Json sent(std::size_t i) const { return Json::parse(fake.http->requests.at(i).body); }
  std::string target(std::size_t i) const {
    const auto text = header_of(fake.http->requests.at(i), "X-Amz-Target");
    return text.substr(text.find('.') + 1);
  }

  void answer_firewall() {
    answer({{"Firewall", {{"FirewallArn", "arn:fw"}, {"FirewallName", "fw"}, {"FirewallPolicyArn", "arn:policy"}}},
            {"FirewallStatus", {{"SyncStates", {{"us-east-1a", {{"Attachment", {{"EndpointId", "vpce-1"}}}}}}}}}});
  }
  void answer_policy(const Json& references, const char* token = "t1", const char* order = "STRICT_ORDER") {
    answer({{"UpdateToken", token},
            {"FirewallPolicyResponse", {{"FirewallPolicyArn", "arn:policy"}, {"FirewallPolicyName", "p"}}},
            {"FirewallPolicy",
             {{"StatelessDefaultActions", {"aws:forward_to_sfe"}},
              {"StatefulEngineOptions", {{"RuleOrder", order}}},
              {"StatefulRuleGroupReferences", references}}}});
  }
  void answer_group(const std::string& name, const std::string& rules) {
    answer({{"UpdateToken", "g"},
            {"RuleGroupResponse",
             {{"RuleGroupArn", "arn:aws:network-firewall:us-east-1:1:stateful-rulegroup/" + name},
              {"RuleGroupName", name}}},
            {"RuleGroup", {{"RulesSource", {{"RulesString", rules}}}}}});
  }
  void answer_no_group() { answer({{"__type", "ResourceNotFoundException"}, {"Message", "none"}}, 400); }
};

Json firewall_properties(const char* order = "STRICT_ORDER", const char* capacity = "5000") {
  return {{"Kind", "ValidateFirewall"}, {"Firewall", "fw"}, {"RuleOrder", order}, {"Capacity", capacity}};
}

TEST_F(CustomResourceTest, AFirewallThatFitsIsToldWithItsPolicy) {
  answer_firewall();
  answer_policy(Json::array());
  answer_url();
  ASSERT_TRUE(call(event("Create", firewall_properties())));
  EXPECT_EQ(told(), (Json{{"Status", "SUCCESS"},
                          {"StackId", "stack"},
                          {"RequestId", "request"},
                          {"LogicalResourceId", "Mine"},
                          {"PhysicalResourceId", "intelwall/firewall/fw"},
                          {"Data", {{"FirewallArn", "arn:fw"}, {"PolicyArn", "arn:policy"}}}}));
  const auto& put = fake.http->requests.back();
  EXPECT_EQ(put.method, "PUT");
  EXPECT_THAT(put.headers, IsEmpty());
  EXPECT_EQ(put.scheme + "://" + put.host + request_target(put), url);
}

TEST_F(CustomResourceTest, WhatDoesNotFitIsRefusedWithItsReason) {
  answer_url();
  ASSERT_TRUE(call(event("Create", firewall_properties("STRICT_ORDER", "30001"))));
  EXPECT_EQ(told()["Status"], "FAILED");
  EXPECT_THAT(told()["Reason"].get<std::string>(), HasSubstr("from 1 to 30000"));
  EXPECT_EQ(told()["PhysicalResourceId"], nothing_made);

  answer_firewall();
  answer_policy(Json::array(), "t", "DEFAULT_ACTION_ORDER");
  answer_url();
  ASSERT_TRUE(call(event("Create", firewall_properties())));
  EXPECT_THAT(told()["Reason"].get<std::string>(), HasSubstr("action order, and the stack asks for strict"));

  answer({{"__type", "ResourceNotFoundException"}, {"Message", "no firewall"}}, 400);
  answer_url();
  ASSERT_TRUE(call(event("Create", firewall_properties())));
  EXPECT_THAT(told()["Reason"].get<std::string>(), HasSubstr("name a firewall of us-east-1"));
}

TEST_F(CustomResourceTest, MalformedPropertiesAreAnsweredToo) {
  for (const Json& properties : {Json(), Json("text"), Json::array({1}), Json{{"Kind", 7}}, Json{{"Kind", "Nothing"}},
                                 Json{{"Kind", "PolicyReferences"}, {"Groups", "x"}}, Json{{"Kind", "RouteEntry"}}}) {
    answer_url();
    ASSERT_TRUE(call(event("Create", properties))) << properties;
    EXPECT_EQ(told()["Status"], "FAILED") << properties;
    EXPECT_EQ(fake.http->requests.back().method, "PUT");
  }
  answer_url();
  ASSERT_TRUE(call(event("Dance", {})));
  EXPECT_EQ(told()["Status"], "FAILED");
}

TEST_F(CustomResourceTest, OnlyUrlsOfAwsAreAnswered) {
  for (const char* bad :
       {"", "http://x.s3.amazonaws.com/", "https://evil.example/", "https://amazonaws.com.evil.example/",
        "https://a@evil.example/.amazonaws.com", "https://evil.example#.amazonaws.com",
        "https://evil.example?.amazonaws.com", "https://x.amazonaws.com:99/", "file:///etc/passwd"}) {
    auto asked = event("Create", firewall_properties());
    asked["ResponseURL"] = bad;
    EXPECT_EQ(call(asked).error().code, ErrorCode::denied) << bad;
  }
  EXPECT_FALSE(answer_resource(context, {.event = "no json", .request_id = "", .function_arn = {}, .deadline = {}}));
  EXPECT_THAT(fake.http->requests, IsEmpty());
}

TEST_F(CustomResourceTest, TheUrlIsToldAgainUntilItTakesTheAnswer) {
  fake.http->answer(503, "");
  fake.http->break_off(ErrorCode::unavailable, "x");
  answer_url();
  ASSERT_TRUE(call(event("Create", {{"Kind", "EmptyBucket"}, {"Bucket", "state"}})));
  EXPECT_THAT(fake.http->requests, SizeIs(3));
  EXPECT_EQ(told()["PhysicalResourceId"], "intelwall/bucket/state");
}

TEST_F(CustomResourceTest, WhatCouldNotBeMadeIsDeletedWithoutACall) {
  auto asked =
      event("Delete", {{"Kind", "RouteEntry"}, {"RouteTableId", "rtb-1"}, {"DestinationCidrBlock", "0.0.0.0/0"}});
  asked["PhysicalResourceId"] = nothing_made;
  answer_url();
  ASSERT_TRUE(call(asked));
  EXPECT_EQ(told()["Status"], "SUCCESS");
  EXPECT_THAT(fake.http->requests, SizeIs(1));
}

Json groups() {
  return {{"Kind", "PolicyReferences"}, {"Firewall", "fw"},  {"Prefix", "iw"},         {"RuleOrder", "STRICT_ORDER"},
          {"Capacity", "100"},          {"Priority", "100"}, {"Groups", {"blocks-1"}}, {"Attach", "yes"}};
}
Json reference(const std::string& name, int priority) {
  return {{"ResourceArn", "arn:aws:network-firewall:us-east-1:1:stateful-rulegroup/" + name}, {"Priority", priority}};
}

TEST_F(CustomResourceTest, OurGroupStandsBesideTheOthersInThePolicy) {
  answer_no_group();
  answer_group("iw-blocks-1", "");
  answer_firewall();
  answer_policy(Json::array({reference("theirs", 100)}));
  answer({{"__type", "InvalidTokenException"}, {"Message", "somebody was faster"}}, 400);
  answer_policy({reference("theirs", 100), reference("more", 101)}, "t2");
  answer({{"UpdateToken", "t3"}, {"FirewallPolicyResponse", Json::object()}});
  answer_url();
  ASSERT_TRUE(call(event("Create", groups())));
  EXPECT_EQ(told()["Status"], "SUCCESS") << told();
  EXPECT_EQ(target(1), "CreateRuleGroup");
  EXPECT_EQ(sent(1)["Capacity"], 100);
  EXPECT_EQ(target(6), "UpdateFirewallPolicy");
  EXPECT_EQ(sent(6)["UpdateToken"], "t2");
  EXPECT_EQ(sent(6)["FirewallPolicy"]["StatefulRuleGroupReferences"],
            (Json{reference("theirs", 100), reference("more", 101), reference("iw-blocks-1", 102)}));
}

TEST_F(CustomResourceTest, WhatStandsThereIsNotWrittenAgain) {
  answer_group("iw-blocks-1", "");
  answer_firewall();
  answer_policy(Json::array({reference("iw-blocks-1", 100)}));
  answer_url();
  ASSERT_TRUE(call(event("Update", groups())));
  EXPECT_EQ(told()["Status"], "SUCCESS");
  EXPECT_THAT(fake.http->requests, SizeIs(4));
}

TEST_F(CustomResourceTest, AGroupThatThePolicyRefusesIsDeletedAgain) {
  answer_no_group();
  answer_group("iw-blocks-1", "");
  answer_firewall();
  answer_policy(Json::array());
  answer({{"__type", "LimitExceededException"}, {"Message", "full"}}, 400);
  answer(Json::object());
  answer_url();
  ASSERT_TRUE(call(event("Create", groups())));
  EXPECT_EQ(told()["Status"], "FAILED");
  EXPECT_EQ(target(5), "DeleteRuleGroup");
}

TEST_F(CustomResourceTest, DeletingTakesOursOutAndLeavesTheOthers) {
  answer_firewall();
  answer_policy({reference("theirs", 1), reference("iw-blocks-1", 2), reference("iw-hunts-1", 3),
                 reference("iw-blocks-2", 4), reference("iwx-blocks-1", 5)});
  answer_group("iw-blocks-1", "");
  answer_group("iw-hunts-1", "");
  answer_group("iw-blocks-2", "drop tls any any -> any any (msg:\"theirs\"; sid:1;)");
  answer({{"UpdateToken", "t2"}, {"FirewallPolicyResponse", Json::object()}});
  answer_group("iw-blocks-1", "");
  answer({{"__type", "InvalidOperationException"}, {"Message", "in use"}}, 400);
  answer(Json::object());
  answer_no_group();
  answer_url();
  auto asked = event("Delete", groups());
  asked["PhysicalResourceId"] = "intelwall/groups/fw/iw";
  ASSERT_TRUE(call(asked));
  EXPECT_EQ(told()["Status"], "SUCCESS") << told();
  EXPECT_EQ(told()["Data"]["Remaining"], Json::array({"iw-blocks-2"}));
  EXPECT_EQ(sent(5)["FirewallPolicy"]["StatefulRuleGroupReferences"],
            (Json{reference("theirs", 1), reference("iw-blocks-2", 4), reference("iwx-blocks-1", 5)}));
}

TEST_F(CustomResourceTest, ActionsAreMadeOrTakenOver) {
  const std::string arn = "arn:aws:securityhub:us-east-1:111122223333:action/custom/iwBlock";
  const Json properties = {{"Kind", "ActionTarget"}, {"Id", "iwBlock"}, {"Name", "Block"}, {"Description", "d"}};
  answer({{"__type", "ResourceConflictException"}, {"Message", "exists"}}, 409);
  answer(Json::object());
  answer_url();
  ASSERT_TRUE(call(event("Create", properties)));
  EXPECT_EQ(told()["PhysicalResourceId"], arn);
  EXPECT_EQ(fake.http->requests[1].method, "PATCH");
  EXPECT_EQ(fake.http->requests[1].path, "/actionTargets/" + arn);

  auto asked = event("Delete", properties);
  asked["PhysicalResourceId"] = arn;
  answer({{"__type", "ResourceNotFoundException"}, {"Message", "gone"}}, 404);
  answer_url();
  ASSERT_TRUE(call(asked));
  EXPECT_EQ(told()["Status"], "SUCCESS");
}

TEST_F(CustomResourceTest, OnlyASubscriptionThatTheStackMadeEndsWithIt) {
  const std::string product = "arn:aws:securityhub:us-east-1::product/crowdstrike/crowdstrike-falcon";
  const std::string subscription =
      "arn:aws:securityhub:us-east-1:1:product-subscription/crowdstrike/crowdstrike-falcon";
  const Json properties = {{"Kind", "ProductSubscription"}, {"ProductArn", product}};
  answer({{"ProductSubscriptions", {subscription}}});
  answer_url();
  ASSERT_TRUE(call(event("Create", properties)));
  const std::string found = told()["PhysicalResourceId"];
  answer({{"ProductSubscriptions", Json::array()}});
  answer({{"ProductSubscriptionArn", subscription}});
  answer_url();
  ASSERT_TRUE(call(event("Create", properties)));
  const std::string made = told()["PhysicalResourceId"];

  auto asked = event("Delete", properties);
  asked["PhysicalResourceId"] = found;
  answer_url();
  ASSERT_TRUE(call(asked));
  EXPECT_THAT(fake.http->requests, SizeIs(6));
  asked["PhysicalResourceId"] = made;
  answer({{"ProductSubscriptions", {subscription}}});
  answer(Json::object());
  answer_url();
  ASSERT_TRUE(call(asked));
  EXPECT_EQ(fake.http->requests[7].method, "DELETE");
  EXPECT_EQ(fake.http->requests[7].path, "/productSubscriptions/" + subscription);
}

TEST_F(CustomResourceTest, ARouteLeadsToTheFirewallsEndpointOfItsZone) {
  const Json properties = {{"Kind", "RouteEntry"},
                           {"RouteTableId", "rtb-1"},
                           {"DestinationCidrBlock", "0.0.0.0/0"},
                           {"Firewall", "fw"},
                           {"AvailabilityZone", "us-east-1a"}};
  answer_firewall();
  fake.http->answer(
      400, "<Response><Errors><Error><Code>RouteAlreadyExists</Code><Message>m</Message></Error></Errors></Response>");
  fake.http->answer(200, "<ReplaceRouteResponse/>");
  answer_url();
  ASSERT_TRUE(call(event("Create", properties)));
  EXPECT_EQ(told()["PhysicalResourceId"], "intelwall/route/rtb-1/0.0.0.0/0") << told();
  EXPECT_THAT(fake.http->requests[2].body, HasSubstr("Action=ReplaceRoute"));
  EXPECT_THAT(fake.http->requests[2].body, HasSubstr("VpcEndpointId=vpce-1"));
}

}  // namespace
}  // namespace intelwall::lambda
