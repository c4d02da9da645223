#include "app/hunt.hpp"

#include "hunt_support.hpp"

namespace intelwall::app {
namespace {

using std::chrono::days;
using std::chrono::hours;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(HuntTest, AHuntsDomainsComeToTheFirewallAsAlerts) {
  put("a.evil-test.com", {{"actors", {"SALTYSPIDER"}}, {"malware_families", {"Mofksys"}}});
  put("b.evil-test.com", {{"malicious_confidence", "medium"}});
  put("sink.evil-test.com", {{"domain_types", {"Sinkholed"}}});
  put("amazonaws.com");
  add("apt");
  const auto outcome = run_well();
  EXPECT_THAT(watched(), Contains("a.evil-test.com"));
  EXPECT_THAT(watched(), Not(Contains("b.evil-test.com")));
  EXPECT_THAT(watched(), Not(Contains("sink.evil-test.com")));
  EXPECT_THAT(watched(), Not(Contains("amazonaws.com")));
  ASSERT_EQ(outcome.hunts.size(), 1U);
  EXPECT_EQ(outcome.hunts[0].kind, RunKind::full);
  EXPECT_EQ(outcome.hunts[0].intake.excluded, 1U);
  EXPECT_EQ(outcome.hunts[0].intake.refused, 1U);
  EXPECT_EQ(outcome.hunts[0].intake.first_refused[0].domain, "amazonaws.com");
  EXPECT_THAT(lists().groups.at(0).live.lines.ours,
              HasSubstr("alert tls $HOME_NET any -> any any (msg:\"intelwall hunt"));
  const auto kept = ledger_->find("a.evil-test.com");
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(read_context((*kept)[0].context).actors, "SALTYSPIDER");
  EXPECT_EQ(read_context((*kept)[0].context).families, "Mofksys");
}

TEST_F(HuntTest, AnUnchangedTickWritesNothing) {
  put_all(numbered("n", 30));
  add("apt");
  run_well();
  const auto before = tokens();
  const auto delta = run_well();
  EXPECT_EQ(delta.hunts[0].kind, RunKind::delta);
  EXPECT_TRUE(delta.sync.unchanged);
  const auto whole = run_well(full());
  EXPECT_EQ(whole.hunts[0].kind, RunKind::full);
  EXPECT_FALSE(whole.hunts[0].changes.any());
  EXPECT_TRUE(whole.sync.unchanged);
  EXPECT_EQ(tokens(), before);
}

TEST_F(HuntTest, ADeltaBringsWhatIsNewAndTakesWhatIsRevoked) {
  put_all(numbered("n", 30));
  add("apt");
  run_well();
  put("new.evil-test.com");
  put("n3.evil-test.com", {{"deleted", true}});
  const auto outcome = run_well();
  EXPECT_EQ(outcome.hunts[0].kind, RunKind::delta);
  EXPECT_EQ(outcome.hunts[0].changes.added, 1U);
  EXPECT_EQ(outcome.hunts[0].changes.removed, 1U);
  EXPECT_THAT(watched(), Contains("new.evil-test.com"));
  EXPECT_THAT(watched(), Not(Contains("n3.evil-test.com")));
  EXPECT_EQ(why_gone("apt", "n3.evil-test.com"), "revoked");
}

/// A delta asks for what matches, so what stopped matching is only seen by a full run.
TEST_F(HuntTest, HighToMediumLeavesTheFirewallAtTheNextFullRun) {
  put_all(numbered("n", 30));
  add("apt");
  run_well();
  put("n5.evil-test.com", {{"malicious_confidence", "medium"}});
  const auto delta = run_well();
  EXPECT_EQ(delta.hunts[0].changes.removed, 0U);
  EXPECT_THAT(watched(), Contains("n5.evil-test.com"));
  // The schedule comes to a full run by itself.
  ahead_ += days{1};
  const auto whole = run_well();
  EXPECT_EQ(whole.hunts[0].kind, RunKind::full);
  EXPECT_EQ(whole.hunts[0].changes.removed, 1U);
  EXPECT_THAT(watched(), Not(Contains("n5.evil-test.com")));
  EXPECT_THAT(watched(), Contains("n6.evil-test.com"));
  EXPECT_EQ(why_gone("apt", "n5.evil-test.com"), "unlisted");
}

TEST_F(HuntTest, AMovingDateMovesOn) {
  const auto ago = [this](int count) { return (now() - days{count}).time_since_epoch().count(); };
  put_all(numbered("fresh", 20));
  put("old.evil-test.com", {{"published_date", ago(29)}});
  for (const auto& name : numbered("fresh", 20)) put(name, {{"published_date", ago(2)}});
  add("recent", "type:'domain'+published_date:>'{now-30d}'");
  run_well();
  EXPECT_THAT(watched(), Contains("old.evil-test.com"));
  ahead_ += days{2};
  run_well(full());
  EXPECT_THAT(watched(), Not(Contains("old.evil-test.com")));
  EXPECT_THAT(watched(), Contains("fresh3.evil-test.com"));
}

TEST_F(HuntTest, ExpiryTakesDomainsWithoutAWordFromTheSource) {
  put("short.evil-test.com");
  add(store::Hunt{.name = "apt", .filter = "indicator:*'*evil-test.com'", .expiry = "10d"});
  run_well();
  ahead_ += days{8};
  put("long.evil-test.com");
  run_well();
  EXPECT_EQ(watched_below("evil-test.com"), 2U);
  ahead_ += days{4};
  const auto outcome = run_well();
  EXPECT_EQ(outcome.hunts[0].expired, 1U);
  EXPECT_THAT(watched(), ElementsAre("long.evil-test.com"));
  EXPECT_EQ(why_gone("apt", "short.evil-test.com"), "expired");
  ahead_ += days{30};
  run_well();
  EXPECT_THAT(watched(), IsEmpty());
  EXPECT_THAT(lists().groups, IsEmpty());
}

TEST_F(HuntTest, OverlapCountsOnce) {
  put_all(numbered("n", 12));
  add("one");
  add("two", "type:'domain'+malicious_confidence:['high']");
  block_names({"n1.evil-test.com"}, days{30});
  block_names({"n2.evil-test.com"}, days{30}, Scope::exact);
  const auto outcome = run_well();
  EXPECT_EQ(outcome.sync.covered_by_blocks, 1U);
  EXPECT_GE(outcome.sync.doubled, 11U);
  EXPECT_THAT(watched(), Not(Contains("n1.evil-test.com")));
  EXPECT_THAT(watched(), Contains("n2.evil-test.com"));  // the block is about the name alone
  // The block is lifted: the hunt watches again at its next tick, though the feed says nothing new.
  ASSERT_TRUE(unblock(context_, {"n1.evil-test.com"}, Mode::write).has_value());
  run_well();
  EXPECT_THAT(watched(), Contains("n1.evil-test.com"));
}

TEST_F(HuntTest, AStrongerHuntHasItsNamesForItself) {
  put_all(numbered("n", 5));
  add("alerts", "indicator:*'*evil-test.com'");
  add(store::Hunt{.name = "drops", .filter = "indicator:'n1.evil-test.com'", .action = Action::drop});
  run_well();
  std::string text;
  for (const auto& group : lists().groups) text += group.live.lines.ours;
  EXPECT_THAT(text, HasSubstr("drop tls $HOME_NET any -> any any (msg:\"intelwall hunt"));
  EXPECT_EQ(lists().groups.size(), 1U);  // few rules share a group
  EXPECT_EQ(watched_below("evil-test.com"), 5U);
  std::size_t rules = 0;
  for (const auto& group : lists().groups) rules += group.live.lines.our_rules;
  EXPECT_EQ(rules, 10U);
}

TEST_F(HuntTest, RemovingAHuntTakesItsDomainsAndKeepsTheirHistory) {
  put_all(numbered("n", 40));
  add("apt");
  run_well();
  const auto sync = remove_hunt(context_, *ledger_, "apt", Mode::write);
  ASSERT_TRUE(sync.has_value()) << sync.error().to_text();
  EXPECT_THAT(lists().groups, IsEmpty());
  EXPECT_EQ(why_gone("apt", "n7.evil-test.com"), "hunt-removed");
  EXPECT_EQ(ledger_->audit_entries(1)->front().what, "hunt-rm");
}

TEST_F(HuntTest, LimitAndConfidenceChooseTheSurestAndNewest) {
  put("m.evil-test.com", {{"malicious_confidence", "medium"}});
  put("l.evil-test.com", {{"malicious_confidence", "low"}});
  put("h.evil-test.com");
  add(store::Hunt{
      .name = "apt", .filter = "indicator:*'*evil-test.com'", .limit = 1, .min_confidence = store::Confidence::medium});
  const auto outcome = run_well();
  EXPECT_EQ(outcome.hunts[0].intake.low_confidence, 1U);
  EXPECT_EQ(outcome.sync.over_limit, 1U);
  EXPECT_THAT(watched(), ElementsAre("h.evil-test.com"));
}

TEST_F(HuntTest, WhatIsAllowedLaterLeaves) {
  put_all(numbered("n", 20));
  add("apt");
  run_well();
  ASSERT_TRUE(allow(context_, {"n4.evil-test.com"}, {}, "ours", Mode::write).has_value());
  ASSERT_TRUE(load_guardrails(context_).has_value());
  run_well();
  EXPECT_THAT(watched(), Not(Contains("n4.evil-test.com")));
  EXPECT_EQ(why_gone("apt", "n4.evil-test.com"), "refused");
}

TEST_F(HuntTest, WhatIsLeftOutForWantOfRoomIsNamed) {
  put_all(numbered("n", 60));
  add(store::Hunt{.name = "apt", .filter = "indicator:*'*evil-test.com'"});
  context_.settings.firewall.group_capacity = 10;
  context_.settings.firewall.policy_capacity = 110;
  put("first.evil-test.com");
  ASSERT_TRUE(ledger_->record({{"i-1", "n30.evil-test.com", now(), now(), 1, ""}}).has_value());
  ASSERT_TRUE(open_firewall(context_).has_value());
  const auto outcome = run_well();
  EXPECT_EQ(outcome.sync.enforced, 50U);
  EXPECT_EQ(outcome.sync.left_out.size(), 11U);
  EXPECT_EQ(outcome.sync.wanted, 61U);
  EXPECT_THAT(watched(), Contains("n30.evil-test.com"));  // somebody was seen there
  const auto tokens_before = tokens();
  run_well(full());
  EXPECT_EQ(tokens(), tokens_before);
}

TEST_F(HuntTest, AListIsAHuntToo) {
  auto names = numbered("n", 15);
  const auto file = list_file(names);
  add(store::Hunt{.name = "feed", .source = file, .action = Action::drop});
  run_well();
  EXPECT_EQ(watched().size(), 15U);
  names.pop_back();
  list_file(names);
  const auto outcome = run_well();
  EXPECT_EQ(outcome.hunts[0].kind, RunKind::full);
  EXPECT_EQ(watched().size(), 14U);
  EXPECT_EQ(why_gone("feed", "n14.evil-test.com"), "unlisted");
}

TEST_F(HuntTest, AStixBundleIsAHuntToo) {
  const auto indicator = [](int number, const std::string& more) {
    return fmt::format(
        R"({{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-{:012}",)"
        R"("created":"2026-01-01T00:00:00Z","modified":"2026-01-01T00:00:00Z","valid_from":"2026-01-01T00:00:00Z",)"
        R"("pattern_type":"stix","pattern":"[domain-name:value = 's{}.evil-test.com']"{}}})",
        number, number, more);
  };
  const auto until = format_time(now() + days{5});
  list_file({R"({"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000001","objects":[)",
             indicator(1, ",\"confidence\":90,\"valid_until\":\"" + until + "\"") + ",",
             indicator(2, ",\"confidence\":10,\"valid_until\":\"" + until + "\"") + ",",
             indicator(3, ",\"revoked\":true") + "]}"});
  add(store::Hunt{
      .name = "stix", .source = (directory_ / "list.txt").string(), .min_confidence = store::Confidence::medium});
  const auto outcome = run_well();
  EXPECT_THAT(watched(), ElementsAre("s1.evil-test.com"));
  EXPECT_EQ(outcome.hunts[0].intake.low_confidence, 1U);
}

TEST_F(HuntTest, ALargeListIsPacked) {
  add(store::Hunt{.name = "feed", .source = list_file(numbered("n", 2'000))});
  const auto outcome = run_well();
  EXPECT_EQ(watched().size(), 2'000U);
  EXPECT_LT(outcome.sync.rules, 400U);
  const auto before = tokens();
  run_well();
  EXPECT_EQ(tokens(), before);
}

TEST_F(HuntTest, DriftInTheFirewallIsPutRight) {
  put_all(numbered("n", 20));
  add("apt");
  run_well();
  const auto client = aws::NetworkFirewallClient(*context_.session);
  const auto state = client.describe_rule_group("intelwall-hunts-1");
  auto body = state->body;
  auto text = body["RulesSource"]["RulesString"].get<std::string>();
  body["RulesSource"]["RulesString"] = text.substr(text.find('\n') + 1);
  ASSERT_TRUE(client.update_rule_group(*state, body, aws::DryRun::no).has_value());
  const auto outcome = run_well();
  EXPECT_FALSE(outcome.sync.unchanged);
  EXPECT_EQ(lists().groups[0].live.lines.ours, text);
}

TEST_F(HuntTest, APlanWritesNothing) {
  put_all(numbered("n", 20));
  add("apt");
  const auto before = tokens();
  const auto outcome = run_well({.mode = Mode::plan});
  EXPECT_EQ(outcome.sync.enforcement.plan.steps.size(), 2U);
  EXPECT_EQ(tokens(), before);
}

}  // namespace
}  // namespace intelwall::app
