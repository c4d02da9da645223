// The lists of hunts in DNS Firewall, against the lab's.
#include "firewalls/route53_hunts.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lab/cloud_dns_firewall.hpp"
#include "support/cloud.hpp"

namespace intelwall::firewalls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Route53HuntsTest : public test::CloudFixture {
 protected:
  void SetUp() override { start(); }
  Route53Hunts hunts() const {
    auto quick = session();
    quick.sleep = [](std::chrono::milliseconds) {};
    return {std::make_shared<aws::Route53ResolverClient>(std::move(quick)),
            {.rule_group = lab::dns_rule_group_id},
            [](std::chrono::milliseconds) {}};
  }
  Applied apply(const DnsNames& wanted) const {
    auto applied = hunts().apply(*hunts().observe(), wanted);
    EXPECT_TRUE(applied.has_value()) << applied.error().to_text();
    EXPECT_FALSE(applied->failure) << applied->failure->to_text();
    return applied.value_or(Applied{});
  }
  static std::set<std::string> numbered(int from, int to) {
    std::set<std::string> names;
    for (int i = from; i < to; ++i) names.insert(fmt::format("n{:06}.example", i));
    return names;
  }
};

TEST_F(Route53HuntsTest, TheListsHoldWhatIsWantedAndASecondTimeNothingIsDone) {
  const DnsNames wanted{.block = numbered(0, 2'500), .alert = {"a.example", "*.a.example"}};
  const auto planned = hunts().plan(*hunts().observe(), wanted);
  EXPECT_EQ(planned.steps.size(), 4U);
  const auto applied = apply(wanted);
  EXPECT_EQ(applied.plan.steps.size(), 4U);
  EXPECT_EQ(applied.writes.size(), 2U);
  const auto seen = *hunts().observe();
  EXPECT_EQ(seen.live.block, wanted.block);
  EXPECT_EQ(seen.live.alert, wanted.alert);
  EXPECT_EQ(seen.room, 98'000U);
  EXPECT_TRUE(hunts().plan(seen, wanted).empty());
  const auto versions = *hunts().versions();
  EXPECT_TRUE(apply(wanted).plan.empty());
  EXPECT_EQ(*hunts().versions(), versions);
}

TEST_F(Route53HuntsTest, NothingWantedMakesNoList) {
  EXPECT_TRUE(apply({}).plan.empty());
  EXPECT_THAT(*hunts().versions(), IsEmpty());
}

TEST_F(Route53HuntsTest, ARuleThatSomebodyTookOutComesBack) {
  apply({.block = {}, .alert = {"a.example"}});
  const auto client = aws::ServiceClient(session(), "ROUTE53RESOLVER", "route53resolver", "route53resolver");
  const auto list = hunts().observe()->lists.find("intelwall-hunts-alert");
  ASSERT_TRUE(client
                  .call_json("1.1", "Route53Resolver.DeleteFirewallRule",
                             {{"FirewallRuleGroupId", lab::dns_rule_group_id}, {"FirewallDomainListId", list->id}},
                             aws::ServiceClient::Repeat::safe)
                  .has_value());
  const auto applied = apply({.block = {}, .alert = {"a.example"}});
  ASSERT_EQ(applied.plan.steps.size(), 1U);
  EXPECT_THAT(applied.plan.steps[0].added, ElementsAre("ALERT intelwall-hunts-alert"));
}

TEST_F(Route53HuntsTest, AFullAccountTurnsOver) {
  apply({.block = {}, .alert = numbered(0, 98'000)});
  // All new names, and then all of them in the other list: neither fits beside what is there.
  apply({.block = {}, .alert = numbered(100'000, 198'000)});
  apply({.block = numbered(100'000, 198'000), .alert = {}});
  const auto seen = *hunts().observe();
  EXPECT_EQ(seen.live.block.size(), 98'000U);
  EXPECT_THAT(seen.live.alert, IsEmpty());
}

TEST_F(Route53HuntsTest, AFailureLeavesWhatIsDoneAndIsTold) {
  inject("UpdateFirewallDomains", "AccessDeniedException", 1);
  const auto applied = hunts().apply(*hunts().observe(), {.block = {"a.example"}, .alert = {}});
  ASSERT_TRUE(applied.has_value());
  EXPECT_TRUE(applied->failure.has_value());
  apply({.block = {"a.example"}, .alert = {}});
  EXPECT_THAT(hunts().observe()->live.block, ElementsAre("a.example"));
}

}  // namespace
}  // namespace intelwall::firewalls
