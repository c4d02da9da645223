// Decisions in the domain lists of DNS Firewall, against the lab's.
#include "firewalls/route53.hpp"

#include <gmock/gmock.h>

#include "firewalls/network_firewall.hpp"
#include "firewalls/route53_record.hpp"
#include "firewalls/support.hpp"
#include "lab/cloud_dns_firewall.hpp"
#include "rules/rule_group.hpp"
#include "support/cloud.hpp"

namespace intelwall::firewalls {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(DnsRecordTest, AnyDecisionComesBackAndFitsAName) {
  auto full = decision("*.evil.com", Action::reject, {Protocol::tls, Protocol::quic});
  full.reason = RuleText(std::string(200, 'r'), 200);
  full.source = RuleText(std::string(200, 's'), 200);
  full.actor = RuleText("");
  full.confidence = RuleText("high");
  auto bare = decision("a.example", Action::alert);
  bare.reason = RuleText("");
  bare.expires_at = {};
  for (const auto& given : {full, bare, decision("x.example")}) {
    const auto each = rules::normalised(given);
    const auto text = to_record(each);
    EXPECT_LE(text.size(), 253U);
    EXPECT_TRUE(DomainName::parse(text).has_value()) << text;
    const auto read = read_record(text);
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_EQ(read->id, each.id);
    EXPECT_EQ(read->decision(each.domain, each.action), each);
  }
}

TEST(DnsRecordTest, OtherNamesAreNoRecords) {
  const auto good = to_record(rules::normalised(decision("x.example")));
  for (const auto& text : {std::string("x.example"), std::string("iw1.invalid"), std::string("a.iw1.invalid"),
                           "1" + good, good.substr(20), "a.abcdefghijkl.iw1.invalid" + std::string()})
    EXPECT_FALSE(read_record(text).has_value()) << text;
}

class Route53Test : public test::CloudFixture {
 protected:
  void SetUp() override { start(); }
  std::shared_ptr<const aws::Route53ResolverClient> client() const {
    auto quick = session();
    quick.sleep = [](std::chrono::milliseconds) {};
    return std::make_shared<aws::Route53ResolverClient>(std::move(quick));
  }
  std::unique_ptr<Firewall> dns(Route53Options options = {}) const {
    options.rule_group = lab::dns_rule_group_id;
    return make_route53(client(), std::move(options), [](std::chrono::milliseconds) {});
  }
  std::unique_ptr<Firewall> both() const {
    return make_with_dns(make_network_firewall(std::make_shared<aws::NetworkFirewallClient>(session()),
                                               {.firewall = lab::firewall_name}),
                         dns());
  }
  static std::vector<std::string> ids(Firewall& firewall) {
    std::vector<std::string> out;
    const auto seen = firewall.observe();
    EXPECT_TRUE(seen.has_value());
    if (!seen) return out;
    for (const auto& each : seen->enforced) out.push_back(each.decision.id);
    return out;
  }
};

TEST_F(Route53Test, WhatIsPutIsReadBackAndASecondPlanIsEmpty) {
  const auto firewall = dns();
  const std::vector all{decision("*.evil.com"), decision("evil.com", Action::alert), decision("only.example")};
  const auto applied = firewall->apply(put(all));
  ASSERT_TRUE(applied.has_value()) << applied.error().to_text();
  EXPECT_FALSE(applied->failure.has_value());
  EXPECT_TRUE(firewall->verify(*applied, std::chrono::seconds(1)).has_value());
  EXPECT_THAT(ids(*firewall), SizeIs(3));
  const auto again = firewall->plan(put(all));
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->empty());
  EXPECT_TRUE(firewall->plan(remove({"abcdefghijkl"}))->empty());
}

TEST_F(Route53Test, ANameThatAnotherDecisionNeedsStays) {
  const auto firewall = dns();
  const DomainSpec exact{*DomainName::parse("evil.com"), Scope::exact};
  auto only = decision("evil.com");
  only.domain = exact;
  only.id = decision_id(exact, only.action);
  ASSERT_TRUE(firewall->apply(put({decision("*.evil.com"), only})).has_value());
  ASSERT_TRUE(firewall->apply(remove({decision("*.evil.com").id})).has_value());
  EXPECT_THAT(ids(*firewall), ElementsAre(only.id));
  const auto lists = client()->list_firewall_domain_lists();
  ASSERT_TRUE(lists.has_value());
  for (const auto& list : *lists)
    if (list.name == "intelwall-block") {
      EXPECT_THAT(*client()->list_firewall_domains(list.id), ElementsAre("evil.com."));
    }
}

TEST_F(Route53Test, ARuleThatSomebodyTookOutComesBack) {
  const auto firewall = dns();
  ASSERT_TRUE(firewall->apply(put({decision("evil.com")})).has_value());
  const auto rules = client()->list_firewall_rules(lab::dns_rule_group_id);
  ASSERT_THAT(*rules, SizeIs(1));
  // As the console would do it.
  const aws::ServiceClient raw(session(), "ROUTE53RESOLVER", "route53resolver", "route53resolver");
  ASSERT_TRUE(
      raw.call_json("1.1", "Route53Resolver.DeleteFirewallRule",
                    {{"FirewallRuleGroupId", lab::dns_rule_group_id}, {"FirewallDomainListId", (*rules)[0].list_id}},
                    aws::ServiceClient::Repeat::safe)
          .has_value());
  EXPECT_THAT(firewall->plan(put({}))->steps, SizeIs(1));
  ASSERT_TRUE(firewall->apply(put({})).has_value());
  EXPECT_THAT(*client()->list_firewall_rules(lab::dns_rule_group_id), SizeIs(1));
}

TEST_F(Route53Test, GuardsAndQuotaRefuseBeforeAnyWrite) {
  std::vector<Decision> many;
  std::vector<std::string> gone;
  for (int i = 0; i < 20; ++i) many.push_back(decision("n" + std::to_string(i) + ".example"));
  for (const auto& each : many) gone.push_back(each.id);
  const auto firewall = dns({.domains = 60});
  ASSERT_TRUE(firewall->apply(put(many)).has_value());
  const auto unattended = firewall->apply(remove(gone, Change::Intent::unattended));
  ASSERT_FALSE(unattended.has_value());
  EXPECT_EQ(unattended.error().code, ErrorCode::refused);
  const auto full = firewall->plan(put({decision("more.example")}));
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, ErrorCode::quota);
  EXPECT_THAT(full.error().message, HasSubstr("60 of 60"));
  EXPECT_THAT(ids(*firewall), SizeIs(20));
}

TEST_F(Route53Test, AListThatIsBusyIsTriedAgainAndOneThatFailsIsTold) {
  const auto firewall = dns();
  inject("UpdateFirewallDomains", "ConflictException", 2);
  const auto waited = firewall->apply(put({decision("evil.com")}));
  ASSERT_TRUE(waited.has_value()) << waited.error().to_text();
  EXPECT_FALSE(waited->failure.has_value());
  inject("UpdateFirewallDomains", "AccessDeniedException", 1);
  const auto denied = firewall->apply(put({decision("more.example")}));
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().code, ErrorCode::denied);
  EXPECT_THAT(ids(*firewall), SizeIs(1));
}

TEST_F(Route53Test, BesideANetworkFirewallBothHoldTheSame) {
  const auto firewall = both();
  const auto applied = firewall->apply(put({decision("evil.com"), decision("*.more.example", Action::alert)}));
  ASSERT_TRUE(applied.has_value()) << applied.error().to_text();
  EXPECT_FALSE(applied->failure.has_value());
  EXPECT_TRUE(firewall->verify(*applied, std::chrono::seconds(5)).has_value());
  EXPECT_THAT(ids(*dns()), ::testing::UnorderedElementsAreArray(ids(*firewall)));
  EXPECT_TRUE(firewall->plan(put({}))->empty());
  ASSERT_TRUE(firewall->apply(remove({decision("evil.com").id})).has_value());
  EXPECT_THAT(ids(*dns()), ElementsAre(decision("*.more.example", Action::alert).id));
}

TEST_F(Route53Test, WhatDnsDoesNotTakeIsToldAndMadeGoodLater) {
  const auto firewall = both();
  inject("ListFirewallRules", "AccessDeniedException", 1);
  const auto partly = firewall->apply(put({decision("evil.com")}));
  ASSERT_TRUE(partly.has_value()) << partly.error().to_text();
  ASSERT_TRUE(partly->failure.has_value());
  EXPECT_EQ(partly->failure->code, ErrorCode::denied);
  EXPECT_THAT(ids(*firewall), SizeIs(1));
  EXPECT_THAT(ids(*dns()), IsEmpty());
  ASSERT_TRUE(firewall->apply(put({})).has_value());
  EXPECT_THAT(ids(*dns()), SizeIs(1));
}

TEST_F(Route53Test, AFirewallThatLostItsGroupsDoesNotEmptyTheLists) {
  std::vector<Decision> many;
  for (int i = 0; i < 20; ++i) many.push_back(decision("n" + std::to_string(i) + ".example"));
  ASSERT_TRUE(dns()->apply(put(many)).has_value());
  const auto applied = both()->apply(put({decision("evil.com")}));
  ASSERT_TRUE(applied.has_value());
  ASSERT_TRUE(applied->failure.has_value());
  EXPECT_EQ(applied->failure->code, ErrorCode::refused);
  EXPECT_THAT(ids(*dns()), SizeIs(20));
}

}  // namespace
}  // namespace intelwall::firewalls
