#include "firewalls/list_groups.hpp"

#include "list_support.hpp"

namespace intelwall::firewalls {
namespace {

using aws::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* foreign = "pass tcp any any -> any 22 (msg:\"ssh, \\\"ours\\\"\"; sid:7; rev:1;)\n";

TEST_F(ListGroupsTest, AFirstListMakesGroupsAndOneUpdateOfThePolicy) {
  const auto done = apply({list_part(0, 10), list_part(10, 20)});
  ASSERT_EQ(done.applied.plan.steps.size(), 3U);
  EXPECT_EQ(done.applied.plan.steps[2].kind, Step::Kind::update_policy);
  EXPECT_THAT(done.applied.plan.steps[2].added, ElementsAre("intelwall-hunts-1", "intelwall-hunts-2"));
  const auto references = policy().references();
  ASSERT_EQ(references.size(), 2U);
  EXPECT_EQ(references[0].priority, 1000);
  EXPECT_EQ(references[1].priority, 1001);
  EXPECT_EQ(text("intelwall-hunts-1"), list_part(0, 10).text);
  EXPECT_EQ(client()->describe_rule_group("intelwall-hunts-1")->capacity, 100U);
  // What was written is what the zones run.
  auto wall = make_network_firewall(client(), {.firewall = lab::firewall_name});
  EXPECT_TRUE(wall->verify(done.applied, std::chrono::seconds{10}).has_value());
  const auto live = groups().live_versions();
  ASSERT_TRUE(live.has_value());
  for (const auto& [arn, version] : done.versions) EXPECT_EQ(live->at(arn), version) << arn;
}

TEST_F(ListGroupsTest, AnUnchangedListIsNotWritten) {
  apply({list_part(0, 10), list_part(10, 20)});
  const auto before = writes();
  // Also when the parts come in another order.
  const auto done = apply({list_part(10, 20), list_part(0, 10)});
  EXPECT_TRUE(done.applied.plan.empty());
  EXPECT_THAT(done.applied.writes, IsEmpty());
  EXPECT_EQ(writes(), before);
  EXPECT_TRUE(groups().plan(want({list_part(0, 10), list_part(10, 20)}))->empty());
}

TEST_F(ListGroupsTest, ASmallChangeWritesOneGroup) {
  apply({list_part(0, 10), list_part(10, 20)});
  const auto before = writes();
  const auto done = apply({list_part(0, 10), list_part(10, 21)});
  ASSERT_EQ(done.applied.plan.steps.size(), 1U);
  EXPECT_EQ(done.applied.plan.steps[0].target, "intelwall-hunts-2");
  EXPECT_THAT(done.applied.plan.steps[0].added, ElementsAre("1 rule"));
  EXPECT_THAT(done.applied.plan.steps[0].removed, IsEmpty());
  EXPECT_EQ(writes(), before + 1);
}

TEST_F(ListGroupsTest, GrowthBeyondAGroupSwapsItInOneUpdate) {
  apply({list_part(0, 90)});
  const auto before = writes();
  const auto done = apply({list_part(0, 300)});
  EXPECT_THAT(names(), ElementsAre("intelwall-hunts-2"));
  // Made, swapped, deleted.
  EXPECT_EQ(writes(), before + 3);
  ASSERT_EQ(done.applied.plan.steps.size(), 3U);
  EXPECT_EQ(done.applied.plan.steps[0].kind, Step::Kind::create_group);
  EXPECT_THAT(done.applied.plan.steps[1].added, ElementsAre("intelwall-hunts-2"));
  EXPECT_THAT(done.applied.plan.steps[1].removed, ElementsAre("intelwall-hunts-1"));
  EXPECT_EQ(done.applied.plan.steps[2].kind, Step::Kind::delete_group);
  EXPECT_FALSE(client()->describe_rule_group("intelwall-hunts-1").has_value());
  EXPECT_EQ(client()->describe_rule_group("intelwall-hunts-2")->capacity, 400U);
}

TEST_F(ListGroupsTest, ShrinkingReturnsGroups) {
  apply({list_part(0, 90), list_part(90, 90), list_part(180, 90)});
  const auto done = apply({list_part(0, 95)});
  EXPECT_THAT(names(), ElementsAre("intelwall-hunts-1"));
  EXPECT_EQ(policy().references().size(), 1U);
  // The names are in the group that stays before their own one goes.
  EXPECT_EQ(done.applied.plan.steps[0].kind, Step::Kind::update_group);
  EXPECT_EQ(done.applied.plan.steps[1].kind, Step::Kind::update_policy);
  const auto none = apply({});
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_TRUE(none.versions.contains(policy().arn));
  EXPECT_FALSE(client()->describe_rule_group("intelwall-hunts-1").has_value());
}

TEST_F(ListGroupsTest, WhatIsNotOursStays) {
  const Json body = {{"RulesSource", {{"RulesString", foreign}}},
                     {"StatefulRuleOptions", {{"RuleOrder", "STRICT_ORDER"}}}};
  const auto theirs = client()->create_rule_group("theirs", body, 100, "theirs", {}, aws::DryRun::no);
  ASSERT_TRUE(theirs.has_value()) << theirs.error().to_text();
  auto current = policy();
  auto changed = current.body;
  changed["StatefulRuleGroupReferences"] = Json::array({{{"ResourceArn", theirs->arn}, {"Priority", 1000}}});
  ASSERT_TRUE(client()->update_policy(current, changed).has_value());
  apply({list_part(0, 10)});
  EXPECT_EQ(policy().references().front(), (aws::PolicyReference{theirs->arn, 1000}));
  EXPECT_EQ(policy().references().back().priority, 1001);

  // A rule of theirs in a group of ours, above and below.
  set_text("intelwall-hunts-1", std::string("# mine\n") + foreign + text("intelwall-hunts-1") + list_rule(99));
  apply({list_part(5, 10)});
  EXPECT_EQ(text("intelwall-hunts-1"), list_part(5, 10).text + "# mine\n" + foreign);
  apply({});
  EXPECT_EQ(text("intelwall-hunts-1"), std::string("# mine\n") + foreign);
  EXPECT_THAT(names(), ElementsAre("intelwall-hunts-1"));
  EXPECT_EQ(text("theirs"), foreign);
}

TEST_F(ListGroupsTest, DriftIsPutRight) {
  apply({list_part(0, 10)});
  auto edited = text("intelwall-hunts-1");
  edited.replace(edited.find(".n3."), 4, ".x3.");
  set_text("intelwall-hunts-1", edited);
  const auto done = apply({list_part(0, 10)});
  EXPECT_EQ(done.applied.plan.steps.size(), 1U);
  EXPECT_EQ(text("intelwall-hunts-1"), list_part(0, 10).text);
}

TEST_F(ListGroupsTest, VariablesOfAGroupStay) {
  apply({list_part(0, 10)});
  const auto state = client()->describe_rule_group("intelwall-hunts-1");
  auto body = state->body;
  body["RuleVariables"] = {{"IPSets", {{"HOME_NET", {{"Definition", {"10.9.0.0/16"}}}}}}};
  ASSERT_TRUE(client()->update_rule_group(*state, body, aws::DryRun::no).has_value());
  apply({list_part(0, 11)});
  EXPECT_EQ(client()->describe_rule_group("intelwall-hunts-1")->body["RuleVariables"], body["RuleVariables"]);
}

TEST_F(ListGroupsTest, StaleTokensAreReadAgain) {
  apply({list_part(0, 10)});
  inject("UpdateRuleGroup", "InvalidTokenException", 2);
  inject("UpdateFirewallPolicy", "InvalidTokenException", 1);
  const auto done = apply({list_part(0, 11), list_part(500, 300)});
  EXPECT_GE(done.applied.rounds, 3);
  EXPECT_THAT(names(), ElementsAre("intelwall-hunts-1", "intelwall-hunts-2"));
  EXPECT_EQ(text("intelwall-hunts-1"), list_part(0, 11).text);
}

TEST_F(ListGroupsTest, AGroupWithoutReferenceIsAdopted) {
  // A writer that died between making the group and referring to it.
  inject("UpdateFirewallPolicy", "InvalidRequestException", 1);
  const auto died = groups().apply(want({list_part(0, 10)}));
  ASSERT_TRUE(died.has_value());
  ASSERT_TRUE(died->applied.failure.has_value());
  EXPECT_THAT(names(), IsEmpty());
  apply({list_part(0, 12)});
  EXPECT_THAT(names(), ElementsAre("intelwall-hunts-1"));
  EXPECT_EQ(text("intelwall-hunts-1"), list_part(0, 12).text);
}

TEST_F(ListGroupsTest, ANameThatSomebodyElseHasIsPassedOver) {
  const Json body = {{"RulesSource", {{"RulesString", foreign}}},
                     {"StatefulRuleOptions", {{"RuleOrder", "STRICT_ORDER"}}}};
  ASSERT_TRUE(client()->create_rule_group("intelwall-hunts-1", body, 10, "", {}, aws::DryRun::no).has_value());
  apply({list_part(0, 10)});
  EXPECT_THAT(names(), ElementsAre("intelwall-hunts-2"));
  EXPECT_EQ(text("intelwall-hunts-1"), foreign);
}

TEST_F(ListGroupsTest, WhatCannotBeDeletedYetIsToldAndDeletedLater) {
  apply({list_part(0, 10), list_part(10, 10)});
  inject("DeleteRuleGroup", "InvalidOperationException", 5);
  const auto done = groups().apply(want({list_part(0, 10)}));
  ASSERT_TRUE(done.has_value());
  EXPECT_THAT(done->leftovers, ElementsAre("intelwall-hunts-2"));
  EXPECT_TRUE(client()->describe_rule_group("intelwall-hunts-2").has_value());
  const auto later = groups().apply(want({list_part(0, 10)}), done->leftovers);
  ASSERT_TRUE(later.has_value());
  EXPECT_THAT(later->leftovers, IsEmpty());
  EXPECT_FALSE(client()->describe_rule_group("intelwall-hunts-2").has_value());
}

TEST_F(ListGroupsTest, RoomLeavesPlaceForTheFirstBlock) {
  const NetworkFirewallOptions options{.group_capacity = 5'000, .policy_capacity = 30'000};
  EXPECT_EQ(observe(options).room.capacity, 25'000U);
  EXPECT_EQ(observe(options).room.groups, 19U);
  apply({list_part(0, 10)}, options);
  EXPECT_EQ(observe(options).room.capacity, 25'000U);
  // A block takes its place, and the room stays.
  const auto domain = parse_domain("evil.com");
  auto wall = make_network_firewall(client(), {.firewall = lab::firewall_name});
  const auto done = wall->apply([&](const Observation&) -> Result<Change> {
    return Change{.put = {Decision{.id = decision_id(*domain, Action::drop), .domain = *domain}}, .remove = {}};
  });
  ASSERT_TRUE(done.has_value()) << done.error().to_text();
  EXPECT_EQ(observe(options).room.capacity, 25'000U);
  EXPECT_EQ(observe(options).room.groups, 19U);
  EXPECT_EQ(observe(options).versions.size(), 3U);
}

TEST_F(ListGroupsTest, AListThatDoesNotFitChangesNothing) {
  const auto before = writes();
  const auto done = groups({.policy_capacity = 5'050}).apply(want({list_part(0, 60)}));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::quota);
  EXPECT_THAT(done.error().message, HasSubstr("19 groups and 50 capacity units are free"));
  EXPECT_EQ(writes(), before);
}

TEST_F(ListGroupsTest, TheServicesRefusalEndsItInOneSentence) {
  inject("CreateRuleGroup", "LimitExceededException", 1);
  const auto done = groups().apply(want({list_part(0, 10)}));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::quota);
  EXPECT_THAT(policy().references(), IsEmpty());
}

}  // namespace
}  // namespace intelwall::firewalls
