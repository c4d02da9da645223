// Blocks over QUIC: in groups of their own, tried first, and what is done where the firewall does not take them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "firewalls/block_groups.hpp"
#include "firewalls/network_firewall.hpp"
#include "support/cloud.hpp"

namespace intelwall::firewalls {
namespace {

using aws::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Protocols = std::set<Protocol>;

Decision decision(const std::string& name, Protocols protocols, Action action = Action::drop) {
  auto domain = parse_domain(name);
  IW_ASSERT(domain.has_value());
  return {.id = decision_id(*domain, action),
          .domain = *domain,
          .action = action,
          .protocols = std::move(protocols),
          .reason = RuleText("test"),
          .created_at = Time{std::chrono::seconds{1'790'000'000}},
          .expires_at = {}};
}
const Protocols with_quic = {Protocol::tls, Protocol::http, Protocol::quic};

class QuicTest : public test::CloudFixture {
 protected:
  void SetUp() override { start(); }

  std::unique_ptr<Firewall> firewall() const {
    auto options = options_;
    options.firewall = lab::firewall_name;
    return make_network_firewall(std::make_shared<aws::NetworkFirewallClient>(session()), options);
  }
  Plan put(const std::vector<Decision>& decisions, const std::vector<std::string>& remove = {}) const {
    const auto applied = firewall()->apply(
        [&](const Observation&) -> Result<Change> { return Change{.put = decisions, .remove = remove}; });
    EXPECT_TRUE(applied.has_value()) << applied.error().to_text();
    return applied ? applied->plan : Plan{};
  }
  std::vector<Enforced> enforced() const {
    const auto seen = firewall()->observe();
    EXPECT_TRUE(seen.has_value());
    return seen ? seen->enforced : std::vector<Enforced>{};
  }
  /// The rules of a group; empty when there is no such group.
  std::string rules(const std::string& group) const {
    const auto state = aws::NetworkFirewallClient(session()).describe_rule_group(group);
    return state ? state->body.value(Json::json_pointer("/RulesSource/RulesString"), std::string{}) : std::string{};
  }
  NetworkFirewallOptions options_;
};

TEST(GroupNameTest, ReadsBackAndKnowsItsOwn) {
  for (const auto kind : group_kinds)
    for (const int number : {1, 2, 9'999}) {
      const GroupName name{kind, number};
      EXPECT_EQ(GroupName::parse(name.text("intelwall"), "intelwall"), name);
    }
  for (const char* other : {"", "intelwall", "intelwall-blocks-", "intelwall-blocks-0", "intelwall-blocks-01",
                            "intelwall-blocks-quic", "intelwall-blocks-quic-", "intelwall-blocks-quic-x",
                            "intelwall-blocks-12345", "intelwall-hunts-1", "other-blocks-1", "xintelwall-blocks-1"})
    EXPECT_FALSE(GroupName::parse(other, "intelwall").has_value()) << other;
}

TEST_F(QuicTest, StandsInAGroupOfItsOwnAndReadsBackAsOneDecision) {
  const auto both = decision("evil.example", with_quic);
  const auto plan = put({both});
  EXPECT_FALSE(plan.shortfall);
  EXPECT_THAT(rules("intelwall-blocks-1"), Not(HasSubstr("quic")));
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), HasSubstr("drop quic $HOME_NET any -> any any"));
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), HasSubstr("quic.sni;"));
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), Not(HasSubstr("tls.sni")));
  const auto seen = enforced();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].decision, both);
  EXPECT_EQ(seen[0].group, "intelwall-blocks-1");
  EXPECT_TRUE(put({both}).empty()) << "nothing new, nothing written";
}

TEST_F(QuicTest, ComesAndGoesWithTheDecision) {
  put({decision("evil.example", {Protocol::tls})});
  put({decision("evil.example", with_quic), decision("other.example", {Protocol::quic})});
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), HasSubstr("other.example"));
  const auto plan = put({decision("evil.example", {Protocol::tls, Protocol::http})});
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), Not(HasSubstr("evil.example")));
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(plan.steps[0].target, "intelwall-blocks-quic-1");
  put({}, {decision("other.example", {Protocol::quic}).id, decision("evil.example", with_quic).id});
  EXPECT_TRUE(enforced().empty());
}

TEST_F(QuicTest, ARejectIsADropThere) {
  const auto wanted = decision("evil.example", with_quic, Action::reject);
  put({wanted});
  EXPECT_THAT(rules("intelwall-blocks-1"), HasSubstr("reject tls"));
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), HasSubstr("drop quic"));
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), Not(HasSubstr("reject quic")));
  ASSERT_EQ(enforced().size(), 1U);
  EXPECT_EQ(enforced()[0].decision, wanted) << "what was wanted is kept";
}

TEST_F(QuicTest, ADomainListStandsBesideIt) {
  options_.format = Format::domain_list;
  put({decision("evil.example", with_quic)});
  const auto list = aws::NetworkFirewallClient(session()).describe_rule_group("intelwall-blocks-1");
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(list->body["RulesSource"]["RulesSourceList"]["Targets"], Json::array({".evil.example"}));
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), HasSubstr("quic.sni"));
  ASSERT_EQ(enforced().size(), 1U);
  EXPECT_EQ(enforced()[0].decision.protocols, with_quic);
}

TEST_F(QuicTest, AFirewallThatDoesNotTakeItGetsTheRestAndSaysSo) {
  inject("CreateRuleGroup", "InvalidRequestException", 1);  // of the dry run
  const auto plan = put({decision("evil.example", with_quic), decision("other.example", with_quic)});
  ASSERT_TRUE(plan.shortfall.has_value());
  EXPECT_THAT(plan.shortfall->to_text(), HasSubstr("over QUIC these names are not blocked"));
  EXPECT_THAT(plan.shortfall->to_text(), HasSubstr("quic_fallback"));
  EXPECT_THAT(rules("intelwall-blocks-1"), HasSubstr("other.example"));
  EXPECT_EQ(rules("intelwall-blocks-quic-1"), "");
}

TEST_F(QuicTest, AllOfItIsDroppedWhenThatIsAskedFor) {
  options_.quic_fallback = QuicFallback::drop_all;
  inject("CreateRuleGroup", "InvalidRequestException", 1);
  auto plan = put({decision("evil.example", with_quic)});
  ASSERT_TRUE(plan.shortfall.has_value());
  EXPECT_THAT(plan.shortfall->message, HasSubstr("all of QUIC is dropped"));
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), HasSubstr("drop quic $HOME_NET any -> any any"));
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), Not(HasSubstr("quic.sni")));
  plan = put({decision("other.example", with_quic)});
  EXPECT_TRUE(plan.shortfall.has_value()) << "each time: what was asked for is not what is done";
  EXPECT_THAT(rules("intelwall-blocks-quic-1"), Not(HasSubstr("other.example")));
  EXPECT_TRUE(put({decision("third.example", {Protocol::tls})}).shortfall == std::nullopt);
}

TEST_F(QuicTest, WhatOnlyAlertsNeverDropsAllOfIt) {
  options_.quic_fallback = QuicFallback::drop_all;
  inject("CreateRuleGroup", "InvalidRequestException", 1);
  const auto plan = put({decision("evil.example", with_quic, Action::alert)});
  ASSERT_TRUE(plan.shortfall.has_value());
  EXPECT_EQ(rules("intelwall-blocks-quic-1"), "");
}

TEST_F(QuicTest, APlanTriesTooAndWritesNothing) {
  const auto wanted = decision("evil.example", with_quic);
  const auto fold = [&](const Observation&) -> Result<Change> { return Change{.put = {wanted}, .remove = {}}; };
  auto plan = firewall()->plan(fold);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->steps.size(), 3U) << "two groups and their references";
  inject("CreateRuleGroup", "InvalidRequestException", 1);
  plan = firewall()->plan(fold);
  ASSERT_TRUE(plan.has_value());
  EXPECT_TRUE(plan->shortfall.has_value());
  inject("CreateRuleGroup", "AccessDeniedException", 1);
  EXPECT_FALSE(firewall()->plan(fold).has_value()) << "what is denied is no answer to the question";
  EXPECT_TRUE(enforced().empty());
}

}  // namespace
}  // namespace intelwall::firewalls
