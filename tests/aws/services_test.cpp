#include <gmock/gmock.h>

#include <set>

#include "aws/network_firewall.hpp"
#include "aws/security_hub.hpp"
#include "support.hpp"

namespace intelwall::aws {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const std::string group_arn = "arn:aws:network-firewall:us-east-1:111122223333:stateful-rulegroup/iw-blocks-1";

Json rule_group_answer() {
  return Json::parse(R"({
    "UpdateToken": "token-1",
    "RuleGroup": {
      "RuleVariables": {"IPSets": {"HOME_NET": {"Definition": ["10.0.0.0/8"]}}},
      "ReferenceSets": {"IPSetReferences": {"x": {"ReferenceArn": "arn"}}},
      "RulesSource": {"RulesString": "drop tls any any -> any any (msg:\"é\"; sid:1;)\n"},
      "StatefulRuleOptions": {"RuleOrder": "STRICT_ORDER"},
      "MemberOfNextYear": [1, 2.5, null]
    },
    "RuleGroupResponse": {
      "RuleGroupArn": "arn:aws:network-firewall:us-east-1:111122223333:stateful-rulegroup/iw-blocks-1",
      "RuleGroupName": "iw-blocks-1", "RuleGroupId": "id", "Description": "ours", "Type": "STATEFUL",
      "Capacity": 5000, "RuleGroupStatus": "ACTIVE", "Tags": [{"Key": "owner", "Value": "intelwall"}],
      "ConsumedCapacity": 12, "NumberOfAssociations": 1, "LastModifiedTime": 1700000000.123,
      "EncryptionConfiguration": {"KeyId": "k", "Type": "CUSTOMER_KMS"},
      "SourceMetadata": {"SourceArn": "s", "SourceUpdateToken": "t"}
    }})");
}

Json policy_answer() {
  return Json::parse(R"({
    "UpdateToken": "token-1",
    "FirewallPolicyResponse": {"FirewallPolicyArn": "arn:p", "FirewallPolicyName": "p", "FirewallPolicyId": "i",
      "Description": "theirs", "ConsumedStatefulRuleCapacity": 300, "NumberOfAssociations": 2,
      "EncryptionConfiguration": {"Type": "AWS_OWNED_KMS_KEY"}},
    "FirewallPolicy": {"StatefulEngineOptions": {"RuleOrder": "STRICT_ORDER"}, "StatelessDefaultActions": ["aws:x"],
      "StatefulRuleGroupReferences": [{"ResourceArn": "a", "Priority": 100}, {"ResourceArn": "b"}]}})");
}

Json firewall_answer() {
  return Json::parse(R"({
    "UpdateToken": "t",
    "Firewall": {"FirewallArn": "arn:f", "FirewallName": "f", "FirewallPolicyArn": "arn:p"},
    "FirewallStatus": {"Status": "READY", "ConfigurationSyncStateSummary": "PENDING", "SyncStates": {
      "us-east-1a": {"Attachment": {}, "Config": {"arn:p": {"SyncStatus": "IN_SYNC", "UpdateToken": "1"},
                                                  "arn:g": {"SyncStatus": "PENDING", "UpdateToken": "2"}}},
      "us-east-1b": {"Config": {"arn:g": {"SyncStatus": "IN_SYNC", "UpdateToken": "3"}}}}}})");
}

class ServicesTest : public testing::Test {
 protected:
  NetworkFirewallClient firewall() const { return NetworkFirewallClient(fake.session()); }
  SecurityHubClient hub() const { return SecurityHubClient(fake.session()); }
  SsmClient ssm() const { return SsmClient(fake.session()); }
  void answer(const Json& body, int status = 200) { fake.http->answer(status, body.dump()); }
  Json sent(std::size_t number = 0) const { return Json::parse(fake.http->requests.at(number).body); }
  std::string operation(std::size_t number = 0) const {
    return header_of(fake.http->requests.at(number), "X-Amz-Target");
  }
  std::string route(std::size_t number = 0) const {
    return fake.http->requests.at(number).method + ' ' + fake.http->requests.at(number).path;
  }
  std::size_t calls() const { return fake.http->requests.size(); }

  FakeSession fake;
};

TEST_F(ServicesTest, DescribesARuleGroup) {
  answer(rule_group_answer());
  const auto group = firewall().describe_rule_group("iw-blocks-1");
  ASSERT_TRUE(group) << group.error().to_text();
  EXPECT_EQ(operation(), "NetworkFirewall_20201112.DescribeRuleGroup");
  EXPECT_EQ(sent(), (Json{{"RuleGroupName", "iw-blocks-1"}, {"Type", "STATEFUL"}}));
  EXPECT_EQ(group->arn, group_arn);
  EXPECT_EQ(group->name, "iw-blocks-1");
  EXPECT_EQ(group->update_token, "token-1");
  EXPECT_EQ(group->status, "ACTIVE");
  EXPECT_EQ(group->capacity, 5000U);
  EXPECT_EQ(group->consumed, 12U);
  EXPECT_EQ(group->associations, 1U);
  EXPECT_EQ(group->tags, (std::map<std::string, std::string>{{"owner", "intelwall"}}));
  EXPECT_EQ(group->body, rule_group_answer()["RuleGroup"]);
  answer(rule_group_answer());
  ASSERT_TRUE(firewall().describe_rule_group(group_arn));
  EXPECT_EQ(sent(1), (Json{{"RuleGroupArn", group_arn}}));
}

TEST_F(ServicesTest, AnUpdateSendsBackWhatItMustNotLose) {
  answer(rule_group_answer());
  const auto group = firewall().describe_rule_group("iw-blocks-1");
  answer({{"UpdateToken", "token-2"}, {"RuleGroupResponse", Json::object()}});
  Json body = group->body;
  body["RulesSource"]["RulesString"] = "new";
  const auto token = firewall().update_rule_group(*group, body, DryRun::no);
  ASSERT_TRUE(token) << token.error().to_text();
  EXPECT_EQ(*token, "token-2");
  EXPECT_EQ(operation(1), "NetworkFirewall_20201112.UpdateRuleGroup");
  const Json about = rule_group_answer()["RuleGroupResponse"];
  EXPECT_EQ(sent(1), (Json{{"RuleGroupArn", group_arn},
                           {"UpdateToken", "token-1"},
                           {"RuleGroup", body},
                           {"Description", "ours"},
                           {"EncryptionConfiguration", about["EncryptionConfiguration"]},
                           {"SourceMetadata", about["SourceMetadata"]}}));
  EXPECT_EQ(sent(1)["RuleGroup"]["MemberOfNextYear"], Json::parse("[1,2.5,null]"));
}

TEST_F(ServicesTest, AStaleTokenIsAConflictAndNotRepeated) {
  fake.http->answer(400, R"({"__type":"InvalidTokenException","Message":"stale"})");
  const auto token = firewall().update_rule_group(RuleGroupState{}, Json::object(), DryRun::no);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, ErrorCode::conflict);
  EXPECT_EQ(calls(), 1U);
}

TEST_F(ServicesTest, ADryRunSaysSo) {
  answer({{"UpdateToken", "t"}});
  ASSERT_TRUE(firewall().update_rule_group(RuleGroupState{}, Json::object(), DryRun::yes));
  EXPECT_EQ(sent()["DryRun"], true);
  EXPECT_FALSE(sent().contains("Description"));
  EXPECT_FALSE(sent().contains("EncryptionConfiguration"));
}

TEST_F(ServicesTest, CreatesARuleGroup) {
  answer({{"UpdateToken", "t"}, {"RuleGroupResponse", rule_group_answer()["RuleGroupResponse"]}});
  const Json body = rule_group_answer()["RuleGroup"];
  const auto group =
      firewall().create_rule_group("iw-blocks-1", body, 5000, "ours", {{"owner", "intelwall"}}, DryRun::no);
  ASSERT_TRUE(group) << group.error().to_text();
  EXPECT_EQ(group->body, body);
  EXPECT_EQ(group->update_token, "t");
  EXPECT_EQ(sent(), (Json{{"RuleGroupName", "iw-blocks-1"},
                          {"Type", "STATEFUL"},
                          {"Capacity", 5000},
                          {"RuleGroup", body},
                          {"Description", "ours"},
                          {"Tags", Json::array({{{"Key", "owner"}, {"Value", "intelwall"}}})}}));
}

TEST_F(ServicesTest, ACreationThatMayHaveHappenedIsNotRepeated) {
  fake.http->answer(500, "");
  EXPECT_FALSE(firewall().create_rule_group("n", Json::object(), 1, "", {}, DryRun::no));
  EXPECT_EQ(calls(), 1U);
  fake.http->answer(500, "");
  answer({{"UpdateToken", "t"}, {"RuleGroupResponse", rule_group_answer()["RuleGroupResponse"]}});
  EXPECT_TRUE(firewall().create_rule_group("n", Json::object(), 1, "", {}, DryRun::yes)) << "a dry run may";
}

TEST_F(ServicesTest, DeletesARuleGroup) {
  answer({{"RuleGroupResponse", Json::object()}});
  ASSERT_TRUE(firewall().delete_rule_group(group_arn));
  EXPECT_EQ(operation(), "NetworkFirewall_20201112.DeleteRuleGroup");
  EXPECT_EQ(sent(), (Json{{"RuleGroupArn", group_arn}}));
}

TEST_F(ServicesTest, DescribesAndUpdatesAPolicy) {
  answer(policy_answer());
  const auto policy = firewall().describe_policy("arn:p");
  ASSERT_TRUE(policy) << policy.error().to_text();
  EXPECT_TRUE(policy->strict_order());
  EXPECT_THAT(policy->references(), ElementsAre(PolicyReference{"a", 100}, PolicyReference{"b", std::nullopt}));
  EXPECT_EQ(policy->consumed_stateful_capacity, 300U);
  EXPECT_EQ(policy->associations, 2U);
  answer({{"UpdateToken", "token-2"}});
  EXPECT_EQ(firewall().update_policy(*policy, policy->body).value(), "token-2");
  EXPECT_EQ(sent(1), (Json{{"FirewallPolicyArn", "arn:p"},
                           {"UpdateToken", "token-1"},
                           {"FirewallPolicy", policy_answer()["FirewallPolicy"]},
                           {"Description", "theirs"},
                           {"EncryptionConfiguration", {{"Type", "AWS_OWNED_KMS_KEY"}}}}));
  EXPECT_FALSE(PolicyState{}.strict_order());
  EXPECT_THAT(PolicyState{}.references(), testing::IsEmpty());
}

TEST_F(ServicesTest, DescribesAFirewallWithItsSyncStates) {
  answer(firewall_answer());
  const auto state = firewall().describe_firewall("f");
  ASSERT_TRUE(state) << state.error().to_text();
  EXPECT_EQ(sent(), (Json{{"FirewallName", "f"}}));
  EXPECT_EQ(state->policy_arn, "arn:p");
  EXPECT_EQ(state->status, "READY");
  EXPECT_EQ(state->sync_summary, "PENDING");
  ASSERT_THAT(state->sync.at("arn:g"), SizeIs(2));
  EXPECT_EQ(state->sync.at("arn:g")[0].zone, "us-east-1a");
  EXPECT_EQ(state->sync.at("arn:g")[0].status, "PENDING");
  EXPECT_EQ(state->sync.at("arn:g")[1].update_token, "3");
  EXPECT_THAT(state->sync.at("arn:p"), SizeIs(1));
}

TEST_F(ServicesTest, ListsAllPages) {
  answer(Json::parse(R"({"Firewalls":[{"FirewallArn":"1"},{"FirewallArn":"2"}],"NextToken":"n"})"));
  answer(Json::parse(R"({"Firewalls":[]," ":0,"NextToken":"m"})"));
  answer(Json::parse(R"({"Firewalls":[{"FirewallArn":"3"}]})"));
  EXPECT_THAT(firewall().list_firewalls().value(), ElementsAre("1", "2", "3"));
  EXPECT_EQ(sent(2)["NextToken"], "m");
}

/// Every member of `json`, at any depth, once replaced by each of the wrong kinds and once missing.
void with_each_damage(const Json& json, const std::function<void(const Json&)>& use) {
  const Json flat = json.flatten();
  std::set<std::string> places;
  for (const auto& [pointer, value] : flat.items())
    for (auto place = Json::json_pointer(pointer); !place.empty(); place = place.parent_pointer())
      places.insert(place.to_string());
  for (const std::string& place : places) {
    for (const Json& wrong : {Json(), Json(7), Json(-1), Json("text"), Json::array({Json::array()}), Json::object()}) {
      Json damaged = json;
      damaged[Json::json_pointer(place)] = wrong;
      use(damaged);
    }
    Json missing = json;
    const auto pointer = Json::json_pointer(place);
    if (missing[pointer.parent_pointer()].is_object()) missing[pointer.parent_pointer()].erase(pointer.back());
    use(missing);
  }
}

TEST_F(ServicesTest, DamagedAnswersAreErrorsNeverCrashesAndNeverLoseABody) {
  int refused = 0;
  const auto count = [&](const auto& result) {
    if (result) return true;
    EXPECT_EQ(result.error().code, ErrorCode::protocol);
    ++refused;
    return false;
  };
  with_each_damage(rule_group_answer(), [&](const Json& damaged) {
    answer(damaged);
    const auto group = firewall().describe_rule_group("g");
    const bool whole = !count(group) || (group->body.is_object() && !group->update_token.empty());
    EXPECT_TRUE(whole) << damaged;
  });
  with_each_damage(policy_answer(), [&](const Json& damaged) {
    answer(damaged);
    const auto policy = firewall().describe_policy("p");
    if (!count(policy)) return;
    EXPECT_TRUE(policy->body.is_object());
    static_cast<void>(policy->references());
    static_cast<void>(policy->strict_order());
  });
  with_each_damage(firewall_answer(), [&](const Json& damaged) {
    answer(damaged);
    count(firewall().describe_firewall("f"));
  });
  EXPECT_GT(refused, 50);
}

TEST_F(ServicesTest, FindingsAreAskedForInPartsAndPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 21; ++i) ids.push_back("id-" + std::to_string(i));
  answer(Json::parse(R"({"Findings":[{"Id":"id-0"},{"Id":"another"}],"NextToken":"n"})"));
  answer(Json::parse(R"({"Findings":[{"Id":"id-1"}]})"));
  answer(Json::parse(R"({"Findings":[{"Id":"id-20"}]})"));
  const auto findings = hub().get_findings(ids);
  ASSERT_TRUE(findings) << findings.error().to_text();
  EXPECT_THAT(*findings, ElementsAre(Json{{"Id", "id-0"}}, Json{{"Id", "id-1"}}, Json{{"Id", "id-20"}}));
  EXPECT_EQ(route(), "POST /findings");
  EXPECT_THAT(sent(0)["Filters"]["Id"], SizeIs(20));
  EXPECT_EQ(sent(0)["Filters"]["Id"][3], (Json{{"Value", "id-3"}, {"Comparison", "EQUALS"}}));
  EXPECT_EQ(sent(0)["MaxResults"], 100);
  EXPECT_EQ(sent(1)["NextToken"], "n");
  EXPECT_THAT(sent(2)["Filters"]["Id"], SizeIs(1));
  EXPECT_FALSE(sent(2).contains("NextToken"));
  EXPECT_THAT(hub().get_findings({}).value(), testing::IsEmpty());
  EXPECT_EQ(calls(), 3U) << "no ids, no call";
}

TEST_F(ServicesTest, ImportsAreSplitByCountAndBytes) {
  std::vector<Json> findings(207, Json{{"Id", "small"}});
  for (int i = 0; i < 3; ++i) answer({{"SuccessCount", 10}, {"FailedCount", 0}});
  EXPECT_EQ(hub().batch_import_findings(findings).value().accepted, 30U);
  EXPECT_EQ(route(), "POST /findings/import");
  EXPECT_THAT(sent(0)["Findings"], SizeIs(100));
  EXPECT_THAT(sent(2)["Findings"], SizeIs(7));
  fake = {};
  findings.assign(50, Json{{"Id", std::string(200'000, 'x')}});
  for (int i = 0; i < 2; ++i) answer({{"SuccessCount", 25}});
  EXPECT_EQ(hub().batch_import_findings(findings).value().accepted, 50U);
  EXPECT_EQ(sent(0)["Findings"].size() + sent(1)["Findings"].size(), 50U);
  EXPECT_LE(fake.http->requests[0].body.size(), 6'000'100U);
}

TEST_F(ServicesTest, FailuresInsideASuccessAreTold) {
  answer(Json::parse(R"({"SuccessCount":1,"FailedCount":1,"FailedFindings":[
    {"Id":"bad","ErrorCode":"InvalidInput","ErrorMessage":"no"}]})"));
  const auto imported = hub().batch_import_findings({Json::object(), Json::object()});
  ASSERT_TRUE(imported);
  EXPECT_EQ(imported->accepted, 1U);
  ASSERT_THAT(imported->failures, SizeIs(1));
  EXPECT_EQ(imported->failures[0].id, "bad");
  EXPECT_EQ(imported->failures[0].code, "InvalidInput");
  EXPECT_EQ(imported->failures[0].message, "no");
}

TEST_F(ServicesTest, UpdatesCarryNoteAndStatus) {
  const std::vector<FindingKey> keys(101, FindingKey{"id", "product"});
  answer(Json::parse(R"({"ProcessedFindings":[{"Id":"id"}],"UnprocessedFindings":[
    {"FindingIdentifier":{"Id":"gone","ProductArn":"p"},"ErrorCode":"FindingNotFound","ErrorMessage":"?"}]})"));
  answer(Json::parse(R"({"ProcessedFindings":[{"Id":"id"}],"UnprocessedFindings":[]})"));
  std::string note(511, 'n');
  note += "é and more";
  const auto updated = hub().batch_update_findings(keys, note, "alice", WorkflowStatus::resolved);
  ASSERT_TRUE(updated) << updated.error().to_text();
  EXPECT_EQ(updated->accepted, 2U);
  ASSERT_THAT(updated->failures, SizeIs(1));
  EXPECT_EQ(updated->failures[0].id, "gone");
  EXPECT_EQ(route(), "PATCH /findings/batchupdate");
  EXPECT_THAT(sent(0)["FindingIdentifiers"], SizeIs(100));
  EXPECT_THAT(sent(1)["FindingIdentifiers"], SizeIs(1));
  EXPECT_EQ(sent(0)["Note"], (Json{{"Text", std::string(511, 'n')}, {"UpdatedBy", "alice"}}));
  EXPECT_EQ(sent(0)["Workflow"], (Json{{"Status", "RESOLVED"}}));
  answer(Json::parse(R"({"ProcessedFindings":[]})"));
  ASSERT_TRUE(hub().batch_update_findings({{"a", "b"}}, "", "x", WorkflowStatus::unchanged));
  EXPECT_FALSE(sent(2).contains("Note"));
  EXPECT_FALSE(sent(2).contains("Workflow"));
}

TEST_F(ServicesTest, EnabledProductsAreReadOverAllPages) {
  answer(Json::parse(R"({"ProductSubscriptions":["arn:a"],"NextToken":"n+1/="})"));
  answer(Json::parse(R"({"ProductSubscriptions":["arn:b",7]})"));
  const auto found = hub().enabled_products();
  ASSERT_TRUE(found.has_value()) << found.error().to_text();
  EXPECT_EQ(*found, (std::vector<std::string>{"arn:a", "arn:b"}));
  EXPECT_EQ(route(), "GET /productSubscriptions");
  EXPECT_EQ(request_target(fake.http->requests.at(1)), "/productSubscriptions?NextToken=n%2B1%2F%3D");
  answer(Json::object());
  EXPECT_EQ(hub().enabled_products().error().code, ErrorCode::protocol);
}

TEST_F(ServicesTest, AnActionTargetThatExistsIsFound) {
  const std::string arn = "arn:aws:securityhub:us-east-1:111122223333:action/custom/iwBlock";
  answer({{"ActionTargetArn", arn}});
  EXPECT_EQ(hub().ensure_action_target("iwBlock", "Block", "d").value(), arn);
  EXPECT_EQ(route(), "POST /actionTargets");
  EXPECT_EQ(sent(), (Json{{"Id", "iwBlock"}, {"Name", "Block"}, {"Description", "d"}}));

  const Json conflict = {{"__type", "ResourceConflictException"}, {"message", "exists"}};
  answer(conflict, 409);
  answer(Json::parse(R"({"ActionTargets":[{"ActionTargetArn":"arn:x:action/custom/NotiwBlock"}],"NextToken":"n"})"));
  answer({{"ActionTargets", Json::array({{{"ActionTargetArn", arn}}})}});
  EXPECT_EQ(hub().ensure_action_target("iwBlock", "Block", "d").value(), arn);
  EXPECT_EQ(route(2), "POST /actionTargets/get");
  EXPECT_EQ(sent(3)["NextToken"], "n");

  answer(conflict, 409);
  answer({{"ActionTargets", Json::array()}});
  EXPECT_EQ(hub().ensure_action_target("iwBlock", "Block", "d").error().code, ErrorCode::conflict);
}

TEST_F(ServicesTest, HubAnswersOfAnotherShapeAreProtocolErrors) {
  for (int i = 0; i < 4; ++i) answer({{"Something", "else"}});
  EXPECT_EQ(hub().get_findings({"x"}).error().code, ErrorCode::protocol);
  EXPECT_EQ(hub().batch_import_findings({Json::object()}).error().code, ErrorCode::protocol);
  EXPECT_EQ(hub().batch_update_findings({{"a", "b"}}, "n", "u", WorkflowStatus::notified).error().code,
            ErrorCode::protocol);
  EXPECT_EQ(hub().ensure_action_target("a", "b", "c").error().code, ErrorCode::protocol);
}

TEST_F(ServicesTest, ParametersAreReadAndWritten) {
  answer(Json::parse(R"({"Parameter":{"Name":"n","Value":"v"}})"));
  EXPECT_EQ(ssm().get_parameter("n").value(), "v");
  EXPECT_EQ(operation(), "AmazonSSM.GetParameter");
  EXPECT_EQ(header_of(fake.http->requests[0], "Content-Type"), "application/x-amz-json-1.1");
  fake.http->answer(400, R"({"__type":"ParameterNotFound"})");
  EXPECT_EQ(ssm().get_parameter("n").error().code, ErrorCode::not_found);
  answer({{"Version", 2}});
  ASSERT_TRUE(ssm().put_parameter("n", "v"));
  EXPECT_EQ(sent(2)["Overwrite"], true);
  EXPECT_EQ(ssm().put_parameter("n", "").error().code, ErrorCode::invalid_input);
  EXPECT_EQ(ssm().put_parameter("n", std::string(8'193, 'x')).error().code, ErrorCode::quota);
  EXPECT_EQ(calls(), 3U);
  answer(Json::parse(R"({"Parameter":{"Value":7}})"));
  EXPECT_EQ(ssm().get_parameter("n").error().code, ErrorCode::protocol);
}

}  // namespace
}  // namespace intelwall::aws
