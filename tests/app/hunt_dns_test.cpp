// Hunts in the lists of DNS Firewall, alone and beside a Network Firewall, against the lab's.
#include "app/hunt_sync_dns.hpp"
#include "hunt_support.hpp"
#include "lab/cloud_dns_firewall.hpp"

namespace intelwall::app {
namespace {

using std::chrono::days;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class HuntDnsTest : public HuntTest {
 protected:
  static constexpr const char* ours = "indicator:*'*evil-test.com'";

  void SetUp() override {
    HuntTest::SetUp();
    name_dns();
  }
  void name_dns() {
    context_.settings.dns.rule_group = lab::dns_rule_group_id;
    ASSERT_TRUE(open_firewall(context_).has_value());
  }
  /// DNS Firewall becomes the only enforcement point.
  void without_network_firewall() {
    context_.settings.firewall.firewall.clear();
    ASSERT_TRUE(open_firewall(context_).has_value());
  }
  std::shared_ptr<const aws::Route53ResolverClient> client() {
    return std::make_shared<aws::Route53ResolverClient>(*context_.session);
  }
  firewalls::Route53Hunts::Seen seen() {
    auto seen = firewalls::Route53Hunts(client(), context_.settings.dns).observe();
    EXPECT_TRUE(seen.has_value()) << seen.error().to_text();
    return seen.value_or(firewalls::Route53Hunts::Seen{});
  }
  std::set<std::string> alerted() { return seen().live.alert; }
  std::set<std::string> blocked() { return seen().live.block; }
  firewalls::Route53Hunts::Versions versions() {
    return firewalls::Route53Hunts(client(), context_.settings.dns)
        .versions()
        .value_or(firewalls::Route53Hunts::Versions{});
  }
  void hunt(const std::string& name, Action action = Action::alert) {
    add(store::Hunt{.name = name, .filter = ours, .action = action});
  }
};

TEST_F(HuntDnsTest, AloneItsListsHoldWhatAHuntKeeps) {
  without_network_firewall();
  put("a.evil-test.com");
  put("amazonaws.com");
  hunt("apt");
  const auto planned = run_well({.mode = Mode::plan});
  ASSERT_TRUE(planned.sync.dns.has_value());
  EXPECT_EQ(planned.sync.dns->enforcement.plan.steps.size(), 2U);
  EXPECT_THAT(versions(), IsEmpty());
  const auto outcome = run_well();
  EXPECT_FALSE(outcome.sync.has_rules);
  EXPECT_EQ(outcome.sync.wanted, 1U);
  EXPECT_EQ(outcome.sync.dns->enforced, 1U);
  EXPECT_EQ(outcome.sync.dns->names, 2U);
  EXPECT_THAT(alerted(), ElementsAre("*.a.evil-test.com", "a.evil-test.com"));
  EXPECT_THAT(blocked(), IsEmpty());
  const auto rules = client()->list_firewall_rules(lab::dns_rule_group_id);
  ASSERT_EQ(rules->size(), 1U);
  EXPECT_EQ((*rules)[0].action, "ALERT");
  EXPECT_EQ((*rules)[0].priority, 250);
  EXPECT_EQ(to_text(outcome.sync), "dns firewall: 1 domains in 2 of 98000 names, 2 writes\n");
}

TEST_F(HuntDnsTest, AnUnchangedTickWritesNothing) {
  put_all(numbered("n", 30));
  hunt("apt");
  run_well();
  const auto before = versions();
  ahead_ += std::chrono::minutes{5};
  EXPECT_TRUE(run_well().sync.dns->unchanged);
  const auto whole = run_well(full());
  EXPECT_TRUE(whole.sync.unchanged);
  EXPECT_TRUE(whole.sync.dns->unchanged);
  EXPECT_EQ(versions(), before);
  EXPECT_EQ(alerted().size(), 60U);
  EXPECT_EQ(watched().size(), 30U);
}

TEST_F(HuntDnsTest, WhatIsNewComesAndWhatIsRevokedOrOverLeaves) {
  without_network_firewall();
  put_all(numbered("n", 30));
  add(store::Hunt{.name = "apt", .filter = ours, .expiry = "10d"});
  run_well();
  ahead_ += days{8};
  put("new.evil-test.com");
  put("n3.evil-test.com", {{"deleted", true}});
  run_well();
  EXPECT_THAT(alerted(), Contains("new.evil-test.com"));
  EXPECT_THAT(alerted(), Not(Contains("n3.evil-test.com")));
  ahead_ += days{4};
  EXPECT_EQ(run_well().hunts[0].expired, 29U);
  EXPECT_THAT(alerted(), ElementsAre("*.new.evil-test.com", "new.evil-test.com"));
  ASSERT_TRUE(remove_hunt(context_, *ledger_, "apt", Mode::write).has_value());
  EXPECT_THAT(alerted(), IsEmpty());
}

TEST_F(HuntDnsTest, ADropBlocksAndANameThatIsAlertedTooStandsOnce) {
  put_all(numbered("n", 20));
  hunt("apt");
  run_well();
  hunt("stop", Action::drop);
  const auto outcome = run_well();
  EXPECT_THAT(alerted(), IsEmpty());
  EXPECT_EQ(blocked().size(), 40U);
  EXPECT_EQ(outcome.sync.dns->enforced, 20U);
  ASSERT_TRUE(remove_hunt(context_, *ledger_, "stop", Mode::write).has_value());
  EXPECT_THAT(blocked(), IsEmpty());
  EXPECT_EQ(alerted().size(), 40U);
}

TEST_F(HuntDnsTest, WhatAResponderBlocksIsLeftToTheBlockAsLongAsItStands) {
  put_all(numbered("n", 5));
  hunt("apt");
  ASSERT_TRUE(block(context_, {.domains = {"n2.evil-test.com"}}, Mode::write).has_value());
  EXPECT_EQ(run_well().sync.covered_by_blocks, 1U);
  EXPECT_THAT(alerted(), Not(Contains("n2.evil-test.com")));
  ahead_ += std::chrono::minutes{1};
  ASSERT_TRUE(unblock(context_, {"n2.evil-test.com"}, Mode::write).has_value());
  run_well();
  EXPECT_THAT(alerted(), Contains("n2.evil-test.com"));
}

TEST_F(HuntDnsTest, WhatTheQuotaDoesNotHoldIsNamedAndTheSurestStays) {
  put_all(numbered("n", 60));
  put("sure.evil-test.com");
  for (const auto& name : numbered("n", 60)) put(name, {{"malicious_confidence", "medium"}});
  hunt("apt");
  context_.settings.dns.domains = 102;
  ASSERT_TRUE(ledger_->record({{"i-1", "n30.evil-test.com", now(), now(), 1, ""}}).has_value());
  const auto outcome = run_well();
  EXPECT_EQ(outcome.sync.dns->room, 100U);
  EXPECT_EQ(outcome.sync.dns->enforced, 50U);
  EXPECT_EQ(outcome.sync.dns->left_out.size(), 11U);
  EXPECT_EQ(outcome.sync.enforced, 61U);
  EXPECT_THAT(alerted(), Contains("n30.evil-test.com"));  // somebody was seen there
  EXPECT_THAT(alerted(), Contains("sure.evil-test.com"));
  EXPECT_THAT(to_text(outcome.sync), HasSubstr("11  left out, because the account's quota has no room for more"));
  EXPECT_EQ(to_json(outcome.sync)["dns_firewall"]["left_out"].size(), 11U);
  const auto before = versions();
  run_well(full());
  EXPECT_EQ(versions(), before);
  // Names of others take room away.
  const auto list = client()->create_firewall_domain_list("theirs", {});
  ASSERT_TRUE(client()
                  ->update_firewall_domains(list->id, aws::Route53ResolverClient::Operation::add,
                                            {"a.example", "b.example", "c.example", "d.example"})
                  .has_value());
  EXPECT_EQ(run_well().sync.dns->enforced, 48U);
  EXPECT_EQ(alerted().size(), 96U);
}

TEST_F(HuntDnsTest, DriftIsPutRight) {
  put_all(numbered("n", 20));
  hunt("apt");
  run_well();
  const auto before = alerted();
  const auto list = seen().lists.find("intelwall-hunts-alert");
  ASSERT_TRUE(list.has_value());
  using Operation = aws::Route53ResolverClient::Operation;
  ASSERT_TRUE(client()->update_firewall_domains(list->id, Operation::remove, {"n1.evil-test.com"}).has_value());
  run_well();
  EXPECT_EQ(alerted(), before);
}

TEST_F(HuntDnsTest, ALedgerThatIsLostEmptiesNothing) {
  without_network_firewall();
  put_all(numbered("n", 40));
  hunt("apt");
  run_well();
  const auto before = versions();
  ledger_.reset();
  context_.settings.state = directory_ / "another";
  ledger_.emplace(*open_ledger(context_));
  const auto outcome = run();
  ASSERT_TRUE(outcome.sync_failure.has_value());
  EXPECT_EQ(outcome.sync_failure->code, ErrorCode::refused);
  EXPECT_THAT(outcome.sync_failure->message, HasSubstr("hold 80 names and this ledger wants 0"));
  hunt("apt");
  run_well();
  EXPECT_EQ(versions(), before);
}

TEST_F(HuntDnsTest, ASourceThatShrinksOrFailsChangesNothing) {
  const auto names = numbered("n", 40);
  add(store::Hunt{.name = "feed", .source = list_file(names)});
  run_well();
  const auto before = versions();
  list_file({names[0]});
  EXPECT_TRUE(run().hunts[0].failure.has_value());
  std::filesystem::remove(directory_ / "list.txt");
  EXPECT_TRUE(run().hunts[0].failure.has_value());
  EXPECT_EQ(versions(), before);
  EXPECT_EQ(alerted().size(), 80U);
}

TEST_F(HuntDnsTest, WhatDnsFirewallDoesNotTakeIsCaughtUpWithLater) {
  put_all(numbered("n", 10));
  hunt("apt");
  inject("UpdateFirewallDomains", "AccessDeniedException", 1);
  const auto outcome = run();
  EXPECT_FALSE(outcome.complete());
  EXPECT_FALSE(outcome.sync_failure.has_value());
  ASSERT_TRUE(outcome.sync.dns->enforcement.failure.has_value());
  EXPECT_EQ(watched().size(), 10U);
  run_well();
  EXPECT_EQ(alerted().size(), 20U);
}

TEST_F(HuntDnsTest, ALedgerMadeAnewKnowsWhatWasApplied) {
  without_network_firewall();
  put_all(numbered("n", 40));
  hunt("apt");
  run_well();
  const auto saved = save_applied(context_, *ledger_);
  ASSERT_TRUE(saved.has_value());
  const auto before = versions();
  ahead_ += std::chrono::minutes{5};
  ledger_.reset();
  context_.settings.state = directory_ / "another";
  ledger_.emplace(*open_ledger(context_));
  hunt("apt");
  ASSERT_TRUE(restore_applied(context_, *ledger_, *saved).has_value());
  // As a function restores it after the hunt's names: what was applied is what is kept.
  EXPECT_TRUE(sync_hunts(context_, *ledger_, Removals::guarded, Mode::write)->dns->unchanged);
  EXPECT_EQ(versions(), before);
}

DesiredPart part(Action action, const std::vector<std::tuple<std::string, Scope, std::uint32_t>>& domains) {
  DesiredPart part{.action = action, .protocols = {Protocol::tls}, .domains = {}};
  for (const auto& [name, scope, rank] : domains) part.domains.add(*DomainName::parse(name), scope, rank);
  return part;
}

TEST(SelectNamesTest, WhatAParentCoversNeedsNoNameOfItsOwn) {
  Desired desired;
  desired.parts.push_back(part(Action::drop, {{"evil.com", Scope::subdomains, 1}, {"b.evil.com", Scope::exact, 2}}));
  desired.parts.push_back(part(Action::alert, {{"c.evil.com", Scope::subdomains, 0}, {"d.com", Scope::exact, 3}}));
  const auto all = select_names(desired, 100);
  EXPECT_THAT(all.names.block, ElementsAre("*.evil.com", "evil.com"));
  EXPECT_THAT(all.names.alert, ElementsAre("d.com"));
  EXPECT_EQ(all.enforced, 4U);
  EXPECT_THAT(all.left_out, IsEmpty());
}

TEST(SelectNamesTest, AnAlertCoversNoBlock) {
  Desired desired;
  desired.parts.push_back(part(Action::drop, {{"b.evil.com", Scope::exact, 2}}));
  desired.parts.push_back(part(Action::alert, {{"evil.com", Scope::subdomains, 0}}));
  const auto all = select_names(desired, 100);
  EXPECT_THAT(all.names.block, ElementsAre("b.evil.com"));
  EXPECT_THAT(all.names.alert, ElementsAre("*.evil.com", "evil.com"));
}

TEST(SelectNamesTest, BlocksComeFirstThenTheLowestRankAndRoomIsNotExceeded) {
  Desired desired;
  desired.parts.push_back(part(Action::drop, {{"a.com", Scope::subdomains, 9}, {"b.com", Scope::subdomains, 8}}));
  desired.parts.push_back(part(Action::alert, {{"c.com", Scope::subdomains, 1}, {"d.com", Scope::exact, 2}}));
  for (std::size_t room = 0; room < 9; ++room) {
    const auto some = select_names(desired, room);
    EXPECT_LE(some.names.size(), room);
    EXPECT_EQ(some.enforced + some.left_out.size(), 4U);
  }
  const auto some = select_names(desired, 5);
  EXPECT_THAT(some.names.block, ElementsAre("*.a.com", "*.b.com", "a.com", "b.com"));
  EXPECT_THAT(some.names.alert, ElementsAre("d.com"));
  ASSERT_EQ(some.left_out.size(), 1U);
  EXPECT_EQ(some.left_out[0].domain, "c.com");
}

}  // namespace
}  // namespace intelwall::app
