#include "lab/cloud_endpoint.hpp"

#include <gmock/gmock.h>

#include <random>

#include "lab/cloud_event_pattern.hpp"
#include "lab/cloud_signature.hpp"
#include "lab/cloud_support.hpp"

namespace intelwall::lab {
namespace {

using namespace test;
using ::testing::HasSubstr;

CloudRequest list_firewalls(Time when = noon) {
  return signed_request("POST", "/", "NetworkFirewall_20201112.ListFirewalls", "network-firewall", "{}", when);
}

ApiResult<std::string> checked(const CloudRequest& request) {
  return check_signature(request, {access_key_id, secret}, noon);
}

TEST(CloudSignature, says_the_service) {
  EXPECT_EQ(checked(list_firewalls()).value(), "network-firewall");
}

TEST(CloudSignature, allows_five_minutes) {
  EXPECT_TRUE(checked(list_firewalls(noon - std::chrono::minutes(5))).has_value());
  EXPECT_TRUE(checked(list_firewalls(noon + std::chrono::minutes(5))).has_value());
  const auto late = checked(list_firewalls(noon - std::chrono::seconds(301)));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().name, "InvalidSignatureException");
  EXPECT_THAT(late.error().message, HasSubstr("Signature expired: 20261124T115459Z is now earlier than"));
  const auto early = checked(list_firewalls(noon + std::chrono::seconds(301)));
  ASSERT_FALSE(early.has_value());
  EXPECT_THAT(early.error().message, HasSubstr("Signature not yet current"));
}

/// Any change of what was signed is seen.
TEST(CloudSignature, covers_all_that_was_sent) {
  const std::vector<std::pair<const char*, void (*)(CloudRequest&)>> changes{
      {"method", [](CloudRequest& r) { r.method = "PUT"; }},
      {"path", [](CloudRequest& r) { r.path = "/x"; }},
      {"query", [](CloudRequest& r) { r.query = "a=b"; }},
      {"body", [](CloudRequest& r) { r.body += " "; }},
      {"target", [](CloudRequest& r) { r.headers.find("x-amz-target")->second += "x"; }},
      {"host", [](CloudRequest& r) { r.headers.find("host")->second = "other"; }},
      {"another x-amz header", [](CloudRequest& r) { r.headers.emplace("x-amz-new", "1"); }},
      {"signature", [](CloudRequest& r) { r.headers.find("authorization")->second.back() ^= 1; }},
  };
  for (const auto& [what, change] : changes) {
    CloudRequest request = list_firewalls();
    change(request);
    const auto result = checked(request);
    ASSERT_FALSE(result.has_value()) << what;
    EXPECT_EQ(result.error().name, "InvalidSignatureException") << what;
    EXPECT_EQ(result.error().status, 403) << what;
  }
}

TEST(CloudSignature, refuses_what_is_incomplete) {
  for (const char* header : {"AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b", "Bearer x",
                             "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=0",
                             "AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=, Signature="}) {
    CloudRequest request = list_firewalls();
    request.headers.find("authorization")->second = header;
    const auto result = checked(request);
    ASSERT_FALSE(result.has_value()) << header;
    EXPECT_EQ(result.error().name, "IncompleteSignatureException") << header;
  }
  CloudRequest undated = list_firewalls();
  undated.headers.erase("x-amz-date");
  EXPECT_EQ(checked(undated).error().name, "IncompleteSignatureException");
  CloudRequest bare = list_firewalls();
  bare.headers.erase("authorization");
  EXPECT_EQ(checked(bare).error().name, "MissingAuthenticationTokenException");
}

TEST(CloudEndpoint, refuses_a_body_over_the_limit) {
  Endpoint endpoint(options());
  const CloudResponse response =
      endpoint.handle(signed_request("POST", "/", "NetworkFirewall_20201112.ListFirewalls", "network-firewall",
                                     std::string(body_byte_limit + 1, ' ')));
  EXPECT_EQ(response.status, 413);
}

TEST(CloudEndpoint, a_refused_write_changes_nothing) {
  Endpoint endpoint(options());
  const std::string arn = add_group(endpoint, "g", rule(1), 1);
  const auto before = firewall_call(endpoint, "DescribeRuleGroup", {{"RuleGroupArn", arn}});
  for (const std::string& bad : {rule(1) + rule(1), std::string("nonsense"), [] {
                                   std::string many;
                                   for (int i = 1; i <= 101; ++i) many += rule(i);
                                   return many;
                                 }()}) {
    EXPECT_EQ(error_of(update_group(endpoint, arn, bad)), "InvalidRequestException");
    EXPECT_EQ(firewall_call(endpoint, "DescribeRuleGroup", {{"RuleGroupArn", arn}}), before);
  }
}

TEST(CloudEndpoint, rules_of_two_million_bytes_are_the_limit) {
  Endpoint endpoint(options());
  const auto create = [&endpoint](std::size_t size) {
    std::string rules = rule(1);
    rules += "#" + std::string(size - rules.size() - 1, 'x');
    return firewall_call(endpoint, "CreateRuleGroup",
                         {{"RuleGroupName", "big"},
                          {"Type", "STATEFUL"},
                          {"Capacity", 1},
                          {"DryRun", true},
                          {"RuleGroup", strict_group(rules)}});
  };
  EXPECT_EQ(create(2'000'000).first, 200);
  EXPECT_EQ(error_of(create(2'000'001)), "ValidationException");
}

TEST(CloudEndpoint, an_undefined_variable_and_a_definition_that_breaks_out_are_refused) {
  Endpoint endpoint(options());
  Json body = strict_group("drop tls $WEB any -> any any (sid:1;)");
  const auto create = [&endpoint, &body] {
    return firewall_call(
        endpoint, "CreateRuleGroup",
        {{"RuleGroupName", "v"}, {"Type", "STATEFUL"}, {"Capacity", 1}, {"DryRun", true}, {"RuleGroup", body}});
  };
  EXPECT_THAT(message_of(create()), HasSubstr("$WEB"));
  body["RuleVariables"] = {{"IPSets", {{"WEB", {{"Definition", {"10.0.0.0/8", "!10.1.0.0/16"}}}}}}};
  EXPECT_EQ(create().first, 200);
  for (const char* bad : {"10.0.0.0/8\"", "any\nvars:", "10.0.0.0/8; sid:2", ""}) {
    body["RuleVariables"]["IPSets"]["WEB"]["Definition"] = {bad};
    EXPECT_EQ(create().first, 400) << bad;
  }
}

TEST(CloudEndpoint, press_lets_the_function_call_back) {
  CloudOptions made = options();
  Endpoint* self = nullptr;
  made.invoke = [&self](const std::string& function, const std::string& event) -> Result<std::string> {
    const Json finding = Json::parse(event)["detail"]["findings"][0];
    const CloudResponse noted = self->handle(signed_request(
        "PATCH", "/findings/batchupdate", "", "securityhub",
        dump_json(
            {{"FindingIdentifiers", Json::array({Json{{"Id", finding["Id"]}, {"ProductArn", finding["ProductArn"]}}})},
             {"Workflow", {{"Status", "RESOLVED"}}}})));
    return "\"" + function + " " + std::to_string(noted.status) + "\"";
  };
  Endpoint endpoint(std::move(made));
  self = &endpoint;
  const Json finding{{"SchemaVersion", "2018-10-08"},
                     {"Id", "f"},
                     {"ProductArn", "arn:aws:securityhub:us-east-1:111122223333:product/111122223333/default"},
                     {"GeneratorId", "g"},
                     {"AwsAccountId", account_id},
                     {"CreatedAt", "2026-11-24T10:00:00Z"},
                     {"UpdatedAt", "2026-11-24T10:00:00Z"},
                     {"Title", "t"},
                     {"Description", "d"},
                     {"Resources", Json::array({Json{{"Type", "Other"}, {"Id", "r"}}})}};
  const CloudResponse imported = endpoint.handle(
      signed_request("POST", "/findings/import", "", "securityhub", dump_json({{"Findings", Json::array({finding})}})));
  ASSERT_EQ(Json::parse(imported.body)["SuccessCount"], 1) << imported.body;
  const CloudResponse pressed = endpoint.handle(
      signed_request("POST", "/lab/press", "", "lab", dump_json({{"action", action_id}, {"findings", {"f"}}})));
  ASSERT_EQ(pressed.status, 200) << pressed.body;
  EXPECT_EQ(Json::parse(pressed.body)["invocations"][0]["answer"], "intelwall-respond 200");
  const CloudResponse found = endpoint.handle(signed_request("POST", "/findings", "", "securityhub", "{}"));
  EXPECT_EQ(Json::parse(found.body)["Findings"][0]["Workflow"]["Status"], "RESOLVED");
}

TEST(CloudEndpoint, imported_findings_reach_their_rules) {
  CloudOptions made = options();
  std::mutex mutex;
  std::condition_variable came;
  std::vector<Json> events;
  made.invoke = [&](const std::string&, const std::string& event) -> Result<std::string> {
    const std::scoped_lock lock(mutex);
    events.push_back(Json::parse(event));
    came.notify_all();
    return "";
  };
  Endpoint endpoint(std::move(made));
  const auto call = [&endpoint](const char* operation, const Json& input) {
    return endpoint
        .handle(signed_request("POST", "/", std::string("AWSEvents.") + operation, "events", dump_json(input)))
        .status;
  };
  const Json pattern{{"detail-type", {"Security Hub Findings - Imported"}}};
  ASSERT_EQ(call("PutRule", {{"Name", "r"}, {"EventPattern", pattern.dump()}}), 200);
  ASSERT_EQ(call("PutTargets",
                 {{"Rule", "r"}, {"Targets", {{{"Id", "t"}, {"Arn", "arn:aws:lambda:us-east-1:1:function:f"}}}}}),
            200);
  Json findings = Json::array();
  for (const char* id : {"one", "two"}) {
    findings.push_back({{"SchemaVersion", "2018-10-08"},
                        {"Id", id},
                        {"GeneratorId", "g"},
                        {"AwsAccountId", account_id},
                        {"ProductArn", "arn:aws:securityhub:us-east-1:111122223333:product/111122223333/default"},
                        {"CreatedAt", "2026-11-24T10:00:00Z"},
                        {"UpdatedAt", "2026-11-24T10:00:00Z"},
                        {"Title", "t"},
                        {"Description", "d"},
                        {"Resources", {{{"Type", "Other"}, {"Id", "r"}}}}});
  }
  endpoint.handle(signed_request("POST", "/findings/import", "", "securityhub", dump_json({{"Findings", findings}})));
  std::unique_lock lock(mutex);
  ASSERT_TRUE(came.wait_for(lock, std::chrono::seconds(20), [&events] { return events.size() == 2; }));
  EXPECT_EQ(events[0]["detail"]["findings"].size(), 1u);
  EXPECT_EQ(events[1]["detail"]["findings"][0]["Id"], "two");
}

TEST(EventPattern, matches_as_event_bridge_documents) {
  const Json event = Json::parse(R"({"source":"aws.securityhub","resources":["arn:a","arn:b"],"n":5,"empty":[],
      "detail":{"findings":[{"Severity":{"Label":"HIGH"},"Id":"x"},{"Severity":{"Label":"LOW"}}],"flag":true,"none":null}})");
  const auto matches = [&event](const char* text) {
    const Json pattern = Json::parse(text);
    EXPECT_TRUE(check_event_pattern(pattern).has_value()) << text;
    return matches_event(pattern, event);
  };
  for (const char* yes :
       {R"({"source":["aws.securityhub"]})", R"({"source":["x","aws.securityhub"]})",
        R"({"source":[{"prefix":"aws."}]})", R"({"source":[{"suffix":"hub"}]})",
        R"({"source":[{"equals-ignore-case":"AWS.SecurityHub"}]})", R"({"resources":["arn:b"]})", R"({"n":[5]})",
        R"({"n":[{"numeric":[">",4,"<=",5]}]})", R"({"n":[{"anything-but":[1,2]}]})",
        R"({"source":[{"anything-but":{"prefix":"my."}}]})", R"({"missing":[{"exists":false}]})",
        R"({"detail":{"missing":{"deep":[{"exists":false}]}}})", R"({"source":[{"exists":true}]})",
        R"({"empty":[{"exists":false}]})", R"({"detail":{"findings":{"Severity":{"Label":["HIGH"]}}}})",
        R"({"detail":{"flag":[true],"none":[null]}})", R"({"$or":[{"n":[6]},{"source":["aws.securityhub"]}]})"})
    EXPECT_TRUE(matches(yes)) << yes;
  for (const char* no :
       {R"({"source":["securityhub"]})", R"({"source":["AWS.securityhub"]})", R"({"source":[{"prefix":"hub"}]})",
        R"({"n":["5"]})", R"({"n":[{"numeric":["<",5]}]})", R"({"source":[{"numeric":["=",5]}]})",
        R"({"n":[{"anything-but":5}]})", R"({"source":[{"exists":false}]})", R"({"missing":[{"exists":true}]})",
        R"({"missing":["x"]})", R"({"source":["aws.securityhub"],"n":[6]})", R"({"detail":["x"]})",
        R"({"detail":{"findings":{"Severity":{"Label":["MEDIUM"]}}}})", R"({"$or":[{"n":[6]},{"n":[7]}]})"})
    EXPECT_FALSE(matches(no)) << no;
}

/// Damaged documents of every operation: always an answer, never a 5xx, and never half a change.
TEST(CloudEndpoint, answers_damaged_input_in_the_4xx) {
  Endpoint endpoint(options());
  const std::string arn = add_group(endpoint, "kept", rule(1), 1);
  const std::vector<std::pair<std::string, Json>> calls{
      {"NetworkFirewall_20201112.CreateRuleGroup",
       {{"RuleGroupName", "n"},
        {"Type", "STATEFUL"},
        {"Capacity", 5},
        {"RuleGroup", strict_group(rule(1))},
        {"DryRun", true}}},
      {"NetworkFirewall_20201112.UpdateFirewallPolicy",
       {{"FirewallPolicyName", policy_name},
        {"UpdateToken", random_uuid()},
        {"FirewallPolicy",
         {{"StatelessDefaultActions", {"aws:pass"}},
          {"StatelessFragmentDefaultActions", {"aws:pass"}},
          {"StatefulRuleGroupReferences", {{{"ResourceArn", arn}, {"Priority", 5}}}}}}}},
      {"NetworkFirewall_20201112.DescribeRuleGroup", {{"RuleGroupArn", arn}, {"Type", "STATEFUL"}}},
      {"NetworkFirewall_20201112.ListRuleGroups", {{"MaxResults", 5}, {"NextToken", "page:1"}}},
      {"AWSEvents.PutRule", {{"Name", "x"}, {"EventPattern", R"({"a":[{"numeric":[">",1]}]})"}}},
      {"AmazonSSM.PutParameter", {{"Name", "/a"}, {"Value", "v"}, {"Type", "String"}, {"Overwrite", true}}}};
  const std::vector<Json> replacements{nullptr,
                                       true,
                                       -1,
                                       1e300,
                                       "",
                                       "\x00",
                                       Json::array(),
                                       Json::object(),
                                       Json::array({nullptr}),
                                       std::string(3000, 'x'),
                                       "arn:aws:x",
                                       std::numeric_limits<std::uint64_t>::max()};
  std::mt19937 random(5);
  std::size_t refused = 0;
  for (int round = 0; round < 4000; ++round) {
    auto [target, input] = calls[random() % calls.size()];
    const Json flat = input.flatten();
    const auto hit = std::next(flat.begin(), static_cast<std::ptrdiff_t>(random() % flat.size()));
    Json::json_pointer place(hit.key());
    for (std::size_t up = random() % 3; up > 0 && !place.empty(); --up) place.pop_back();
    input[place] = replacements[random() % replacements.size()];
    const std::string service = target.starts_with("Net")   ? "network-firewall"
                                : target.starts_with("AWS") ? "events"
                                                            : "ssm";
    const CloudResponse response = endpoint.handle(signed_request("POST", "/", target, service, dump_json(input)));
    ASSERT_TRUE(response.status == 200 || response.status == 400) << response.status << input;
    if (response.status == 200) continue;
    ++refused;
    const Json answer = Json::parse(response.body);
    EXPECT_FALSE(message_of({0, answer}).empty()) << answer;
  }
  EXPECT_GT(refused, 2000u);
  EXPECT_EQ(firewall_call(endpoint, "DescribeRuleGroup", {{"RuleGroupArn", arn}}).second["RuleGroup"],
            strict_group(rule(1)));
}

}  // namespace
}  // namespace intelwall::lab
