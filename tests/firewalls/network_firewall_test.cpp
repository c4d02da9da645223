#include "firewalls/network_firewall.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <future>
#include <set>

#include "firewalls/group_content.hpp"
#include "support.hpp"
#include "support/cloud.hpp"

namespace intelwall::firewalls {
namespace {

using aws::Json;
using ::testing::HasSubstr;

std::set<std::string> names(const Observation& seen) {
  std::set<std::string> all;
  for (const auto& [each, group] : seen.enforced) all.insert(each.domain.name.text());
  return all;
}

class NetworkFirewallTest : public test::CloudFixture {
 protected:
  void SetUp() override { start(); }

  std::shared_ptr<aws::NetworkFirewallClient> client() const {
    return std::make_shared<aws::NetworkFirewallClient>(session());
  }
  std::unique_ptr<Firewall> firewall(NetworkFirewallOptions options = {}) const {
    options.firewall = lab::firewall_name;
    return make_network_firewall(client(), options);
  }
  Applied apply(const Fold& fold, NetworkFirewallOptions options = {}) const {
    auto wall = firewall(options);
    auto applied = wall->apply(fold);
    EXPECT_TRUE(applied.has_value()) << applied.error().to_text();
    if (!applied) return {};
    EXPECT_FALSE(applied->failure) << applied->failure->to_text();
    const auto live = wall->verify(*applied, std::chrono::seconds{20});
    EXPECT_TRUE(live.has_value()) << live.error().to_text();
    return *applied;
  }
  Observation observe(NetworkFirewallOptions options = {}) const {
    auto seen = firewall(options)->observe();
    EXPECT_TRUE(seen.has_value()) << seen.error().to_text();
    return seen.value_or(Observation{});
  }
  aws::PolicyState policy() const {
    const auto state = client()->describe_firewall(lab::firewall_name);
    EXPECT_TRUE(state.has_value());
    auto found = client()->describe_policy(state->policy_arn);
    EXPECT_TRUE(found.has_value());
    return *found;
  }
  /// Somebody else's group, referenced by the policy.
  std::string add_foreign_group(const std::string& name, int priority) const {
    const Json body = {{"RulesSource", {{"RulesString", "pass tcp any any -> any 22 (msg:\"ssh\"; sid:7; rev:1;)"}}},
                       {"StatefulRuleOptions", {{"RuleOrder", "STRICT_ORDER"}}}};
    const auto group = client()->create_rule_group(name, body, 100, "theirs", {}, aws::DryRun::no);
    EXPECT_TRUE(group.has_value()) << group.error().to_text();
    auto current = policy();
    auto changed = current.body;
    if (!changed.contains("StatefulRuleGroupReferences")) changed["StatefulRuleGroupReferences"] = Json::array();
    changed["StatefulRuleGroupReferences"].push_back({{"ResourceArn", group->arn}, {"Priority", priority}});
    const auto done = client()->update_policy(current, changed);
    EXPECT_TRUE(done.has_value()) << done.error().to_text();
    return group->arn;
  }
};

TEST_F(NetworkFirewallTest, FirstBlockMakesGroupAndReferenceAndIsReadBackExactly) {
  const auto wanted = decision("evil.com");
  const auto applied = apply(put({wanted}));
  ASSERT_EQ(applied.plan.steps.size(), 2U);
  EXPECT_EQ(applied.plan.steps[0].kind, Step::Kind::create_group);
  EXPECT_EQ(applied.plan.steps[1].kind, Step::Kind::update_policy);
  const auto seen = observe();
  ASSERT_EQ(seen.enforced.size(), 1U);
  EXPECT_EQ(seen.enforced[0].decision, rules::normalised(wanted));
  EXPECT_EQ(seen.enforced[0].group, "intelwall-blocks-1");
  const auto references = policy().references();
  ASSERT_EQ(references.size(), 1U);
  EXPECT_EQ(references[0].priority, 100);
}

TEST_F(NetworkFirewallTest, SecondPlanIsEmptyAndWritesNothing) {
  apply(put({decision("evil.com")}));
  const auto token = client()->describe_rule_group("intelwall-blocks-1")->update_token;
  const auto plan = firewall()->plan(put({decision("evil.com")}));
  ASSERT_TRUE(plan.has_value());
  EXPECT_TRUE(plan->empty());
  EXPECT_TRUE(apply(put({decision("evil.com")})).writes.empty());
  EXPECT_EQ(client()->describe_rule_group("intelwall-blocks-1")->update_token, token);
}

TEST_F(NetworkFirewallTest, PlanWritesNothing) {
  const auto before = policy().update_token;
  const auto plan = firewall()->plan(put({decision("evil.com")}));
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->steps.size(), 2U);
  EXPECT_THAT(plan->steps[0].added[0], HasSubstr("evil.com"));
  EXPECT_EQ(policy().update_token, before);
  EXPECT_FALSE(client()->describe_rule_group("intelwall-blocks-1").has_value());
}

TEST_F(NetworkFirewallTest, TakesTheFirstFreePriorityAndKeepsForeignReferences) {
  const auto a = add_foreign_group("theirs-a", 100);
  const auto b = add_foreign_group("theirs-b", 101);
  apply(put({decision("evil.com")}));
  const auto references = policy().references();
  ASSERT_EQ(references.size(), 3U);
  EXPECT_EQ(references[0], (aws::PolicyReference{a, 100}));
  EXPECT_EQ(references[1], (aws::PolicyReference{b, 101}));
  EXPECT_EQ(references[2].priority, 102);
}

TEST_F(NetworkFirewallTest, ForeignRulesVariablesAndCommentsInOurGroupStayByteForByte) {
  apply(put({decision("evil.com")}));
  auto group = *client()->describe_rule_group("intelwall-blocks-1");
  auto body = group.body;
  const std::string theirs =
      "# a note of ours\r\n\nalert tcp $WEB any -> any 8080   (msg:\"odd  spacing\"; sid:99; rev:3;)\n";
  body["RulesSource"]["RulesString"] = theirs + body["RulesSource"]["RulesString"].get<std::string>();
  body["RuleVariables"] = {{"IPSets", {{"WEB", {{"Definition", {"10.94.0.0/28"}}}}}}};
  ASSERT_TRUE(client()->update_rule_group(group, body, aws::DryRun::no).has_value());

  apply(put({decision("worse.net")}));
  apply(remove({decision("evil.com").id}));
  group = *client()->describe_rule_group("intelwall-blocks-1");
  EXPECT_TRUE(group.body["RulesSource"]["RulesString"].get<std::string>().starts_with(theirs));
  EXPECT_EQ(group.body["RuleVariables"], body["RuleVariables"]);
  EXPECT_EQ(names(observe()), std::set<std::string>{"worse.net"});
  EXPECT_EQ(observe().groups[0].foreign_rules, 1U);
}

TEST_F(NetworkFirewallTest, StaleTokenIsReadAgainAndFoldedAgain) {
  apply(put({decision("evil.com")}));
  inject("UpdateRuleGroup", "InvalidTokenException", 3);
  int folds = 0;
  auto wall = firewall();
  const auto applied = wall->apply([&](const Observation&) -> Result<Change> {
    ++folds;
    return Change{.put = {decision("worse.net")}, .remove = {}};
  });
  ASSERT_TRUE(applied.has_value()) << applied.error().to_text();
  EXPECT_EQ(folds, 4);
  EXPECT_EQ(applied->rounds, 4);
  EXPECT_EQ(names(observe()), (std::set<std::string>{"evil.com", "worse.net"}));
}

TEST_F(NetworkFirewallTest, TwelveWritersAndAForeignOneLoseNothing) {
  constexpr int writers = 12;
  constexpr int each = 4;
  std::vector<std::future<int>> done;
  for (int writer = 0; writer < writers; ++writer)
    done.push_back(std::async(std::launch::async, [this, writer] {
      int rounds = 0;
      for (int i = 0; i < each; ++i) {
        const auto applied = firewall()->apply(put({decision(fmt::format("w{}-{}.example", writer, i))}));
        if (!applied || applied->failure) return -1;
        rounds += applied->rounds;
      }
      return rounds;
    }));
  // The foreign writer adds rules of its own to the same group, with the same optimistic lock.
  int foreign = 0;
  for (int attempt = 0; attempt < 2'000 && foreign < 10; ++attempt) {
    auto group = client()->describe_rule_group("intelwall-blocks-1");
    if (!group) continue;
    auto body = group->body;
    body["RulesSource"]["RulesString"] =
        body["RulesSource"]["RulesString"].get<std::string>() +
        fmt::format("alert tcp any any -> any {} (msg:\"theirs\"; sid:{}; rev:1;)\n", 9000 + foreign, 50 + foreign);
    if (client()->update_rule_group(*group, body, aws::DryRun::no)) ++foreign;
  }
  for (auto& each_done : done) EXPECT_GE(each_done.get(), each);
  const auto seen = observe();
  EXPECT_EQ(seen.enforced.size(), static_cast<std::size_t>(writers * each));
  EXPECT_EQ(names(seen).size(), static_cast<std::size_t>(writers * each));
  std::size_t foreign_rules = 0;
  std::set<std::uint32_t> sids;
  std::size_t sid_count = 0;
  for (const auto& group : seen.groups) {
    foreign_rules += group.foreign_rules;
    const auto content = GroupContent::read(client()->describe_rule_group(group.name)->body);
    sid_count += content.sids().size();
    sids.merge(content.sids());
  }
  EXPECT_EQ(foreign_rules, static_cast<std::size_t>(foreign));
  EXPECT_EQ(foreign, 10);
  EXPECT_EQ(sids.size(), sid_count) << "sids are unique over all our groups";
  EXPECT_EQ(policy().references().size(), seen.groups.size());
}

TEST_F(NetworkFirewallTest, ShardsIntoAsManyGroupsAsCapacityNeeds) {
  std::vector<Decision> many;
  for (int i = 0; i < 25; ++i) many.push_back(decision(fmt::format("bad{}.example", i)));
  NetworkFirewallOptions options;
  options.group_capacity = 20;  // ten domains over tls and http
  const auto applied = apply(put(many), options);
  const auto seen = observe();
  EXPECT_EQ(seen.enforced.size(), 25U);
  ASSERT_EQ(seen.groups.size(), 3U);
  for (const auto& group : seen.groups) EXPECT_LE(group.rules, group.capacity);
  std::size_t policy_writes = 0;
  for (const auto& step : applied.plan.steps) policy_writes += step.kind == Step::Kind::update_policy ? 1 : 0;
  EXPECT_EQ(policy_writes, 1U) << "all references come in one update";
  // Room that was freed is used before another group is made.
  apply(remove({many[0].id}), options);
  apply(put({decision("later.example")}), options);
  EXPECT_EQ(observe().groups.size(), 3U);
}

TEST_F(NetworkFirewallTest, FullPolicyIsAQuotaErrorAndChangesNothing) {
  NetworkFirewallOptions options;
  options.group_capacity = 10;
  options.policy_capacity = 12;  // one group, and two units that help nobody
  std::vector<Decision> many;
  for (int i = 0; i < 6; ++i) many.push_back(decision(fmt::format("bad{}.example", i)));
  options.firewall = lab::firewall_name;
  const auto applied = make_network_firewall(client(), options)->apply(put(many));
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().code, ErrorCode::quota);
  EXPECT_FALSE(applied.error().hint.empty());
  EXPECT_TRUE(observe().enforced.empty());
}

TEST_F(NetworkFirewallTest, LastRemovalLeavesAGroupThatMatchesNothing) {
  apply(put({decision("evil.com")}));
  apply(remove({decision("evil.com").id}));
  const auto seen = observe();
  EXPECT_TRUE(seen.enforced.empty());
  ASSERT_EQ(seen.groups.size(), 1U);
  EXPECT_EQ(seen.groups[0].rules, 0U);
  const auto body = client()->describe_rule_group("intelwall-blocks-1")->body;
  EXPECT_THAT(body["RulesSource"]["RulesString"].get<std::string>(), HasSubstr("intelwall-placeholder.invalid"));
  apply(put({decision("worse.net")}));
  EXPECT_THAT(
      client()->describe_rule_group("intelwall-blocks-1")->body["RulesSource"]["RulesString"].get<std::string>(),
      ::testing::Not(HasSubstr("placeholder")));
}

TEST_F(NetworkFirewallTest, GroupLeftByADeadWriterIsAdopted) {
  // Created, never referenced: what a crash between the two writes leaves.
  auto orphan = *GroupContent::make_for(decision("evil.com"), Format::suricata);
  std::set<std::uint32_t> taken;
  orphan.put(decision("evil.com"), taken);
  const Json empty = {{"StatefulRuleOptions", {{"RuleOrder", "STRICT_ORDER"}}}};
  ASSERT_TRUE(client()
                  ->create_rule_group("intelwall-blocks-1", orphan.to_body(empty), 5'000, "", {}, aws::DryRun::no)
                  .has_value());
  EXPECT_TRUE(observe().enforced.empty());
  apply(put({decision("worse.net")}));
  EXPECT_EQ(names(observe()), (std::set<std::string>{"evil.com", "worse.net"}));
  EXPECT_EQ(policy().references().size(), 1U);
}

TEST_F(NetworkFirewallTest, FailureAfterTheFirstWriteIsToldAsPartOfTheWork) {
  inject("UpdateFirewallPolicy", "AccessDeniedException", 1);
  const auto applied = firewall()->apply(put({decision("evil.com")}));
  ASSERT_TRUE(applied.has_value()) << applied.error().to_text();
  ASSERT_TRUE(applied->failure.has_value());
  EXPECT_EQ(applied->plan.steps.size(), 1U);
  // The next run finishes the work.
  apply(put({decision("evil.com")}));
  EXPECT_EQ(names(observe()), std::set<std::string>{"evil.com"});
}

TEST_F(NetworkFirewallTest, ThrottlingAndServerFaultsAreRiddenOut) {
  for (const auto* error : {"ThrottlingException", "InternalServerError"})
    for (const auto* operation :
         {"DescribeFirewall", "DescribeFirewallPolicy", "DescribeRuleGroup", "UpdateRuleGroup"}) {
      apply(put({decision("evil.com")}));
      inject(operation, error, 2);
      const auto fresh =
          decision(fmt::format("{}-{}.example", operation[0] == 'D' ? "d" : "u", names(observe()).size()));
      auto applied = firewall()->apply(put({fresh}));
      ASSERT_TRUE(applied.has_value()) << operation << " " << error << ": " << applied.error().to_text();
      EXPECT_FALSE(applied->failure.has_value()) << operation << " " << error;
      EXPECT_TRUE(names(observe()).contains(fresh.domain.name.text()));
    }
}

TEST_F(NetworkFirewallTest, UnattendedChangeMayNotEmptyTheFirewall) {
  std::vector<Decision> many;
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) many.push_back(decision(fmt::format("bad{}.example", i)));
  for (int i = 0; i < 20; ++i) ids.push_back(many[static_cast<std::size_t>(i)].id);
  apply(put(many));
  const auto refused = firewall()->apply(remove(ids, Change::Intent::unattended));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
  EXPECT_EQ(observe().enforced.size(), 40U);
  apply(remove(ids));  // named one by one by a person
  EXPECT_EQ(observe().enforced.size(), 20U);
}

TEST_F(NetworkFirewallTest, DomainListFormatKeepsForeignTargetsAndRefusesDns) {
  NetworkFirewallOptions options;
  options.format = Format::domain_list;
  apply(put({decision("evil.com"), decision("host.example.net")}), options);
  auto group = *client()->describe_rule_group("intelwall-blocks-1");
  EXPECT_EQ(group.body["RulesSource"]["RulesSourceList"]["GeneratedRulesType"], "DENYLIST");
  const auto seen = observe(options);
  EXPECT_EQ(seen.enforced.size(), 2U);
  EXPECT_FALSE(seen.enforced[0].decision.expires_at.has_value()) << "a list carries no expiry";
  const auto dns = firewall(options)->apply(put({decision("worse.net", Action::drop, {Protocol::dns})}));
  ASSERT_FALSE(dns.has_value());
  EXPECT_EQ(dns.error().code, ErrorCode::invalid_input);
  apply(put({decision("alert.example", Action::alert)}), options);
  EXPECT_EQ(observe(options).groups.size(), 2U) << "another action needs a list of its own";
  apply(remove({decision("evil.com").id}), options);
  EXPECT_EQ(observe(options).enforced.size(), 2U);
}

TEST_F(NetworkFirewallTest, VerifyWaitsForEveryZoneAndTellsWhenTimeIsUp) {
  cloud_->stop();
  start({.sync_delay = std::chrono::milliseconds{700}});
  auto wall = firewall();
  const auto applied = wall->apply(put({decision("evil.com")}));
  ASSERT_TRUE(applied.has_value());
  const auto early = wall->verify(*applied, std::chrono::milliseconds{50});
  ASSERT_FALSE(early.has_value());
  EXPECT_EQ(early.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(wall->verify(*applied, std::chrono::seconds{20}).has_value());
  // A newer write of somebody else holds ours too.
  ASSERT_TRUE(firewall()->apply(put({decision("worse.net")})).has_value());
  EXPECT_TRUE(wall->verify(*applied, std::chrono::seconds{20}).has_value());
}

class ActionOrderTest : public NetworkFirewallTest {
 protected:
  void SetUp() override { start({.strict_order = false}); }
};

TEST_F(ActionOrderTest, GroupFollowsThePolicysOrderAndHasNoPriority) {
  apply(put({decision("evil.com")}));
  const auto references = policy().references();
  ASSERT_EQ(references.size(), 1U);
  EXPECT_FALSE(references[0].priority.has_value());
  EXPECT_EQ(names(observe()), std::set<std::string>{"evil.com"});
}

}  // namespace
}  // namespace intelwall::firewalls
