#include "store/ledger.hpp"

#include <fmt/format.h>

#include <random>
#include <thread>

#include "support.hpp"

namespace intelwall::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class LedgerTest : public StoreTest {};

TEST_F(LedgerTest, HuntsAreReadBackAsTheyWereWritten) {
  auto ledger = open();
  auto wanted = hunt("apt");
  wanted.action = Action::drop;
  wanted.protocols = {Protocol::http, Protocol::dns};
  wanted.limit = 1'000;
  wanted.min_confidence = Confidence::medium;
  wanted.expiry = "30d";
  const auto added = ledger.add_hunt(wanted);
  ASSERT_TRUE(added.has_value());
  wanted.id = added->id;
  EXPECT_EQ(open().hunt("apt"), wanted);
  EXPECT_THAT(*ledger.hunts(), ElementsAre(wanted));
  const auto twice = ledger.add_hunt(wanted);
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().code, ErrorCode::conflict);
  EXPECT_EQ(ledger.hunt("none").error().code, ErrorCode::not_found);
}

TEST_F(LedgerTest, AHuntNameIsAWord) {
  EXPECT_TRUE(is_hunt_name("apt-28"));
  for (const auto* wrong : {"", "-a", "A", "a b", "a/b", "a_b", "\n"}) EXPECT_FALSE(is_hunt_name(wrong)) << wrong;
  EXPECT_FALSE(is_hunt_name(std::string(41, 'a')));
}

TEST_F(LedgerTest, IndicatorsAndProgressAreKept) {
  auto ledger = open();
  const auto apt = add(ledger, "apt");
  const auto other = add(ledger, "other");
  EXPECT_THAT(*ledger.find_contexts({"SALTYSPIDER", ""}), ElementsAre(0U, 0U));
  const auto contexts = ledger.contexts({"SALTYSPIDER", "", "SALTYSPIDER", "FANCYBEAR"});
  ASSERT_TRUE(contexts.has_value());
  EXPECT_EQ((*contexts)[0], (*contexts)[2]);
  EXPECT_EQ((*contexts)[1], 0U);
  EXPECT_NE((*contexts)[0], (*contexts)[3]);
  EXPECT_THAT(*ledger.find_contexts({"FANCYBEAR", "", "ANOTHER", "SALTYSPIDER"}),
              ElementsAre((*contexts)[3], 0U, 0U, (*contexts)[0]));
  const auto more = ledger.contexts({"ANOTHER", "FANCYBEAR"});
  EXPECT_EQ((*more)[1], (*contexts)[3]);
  EXPECT_NE((*more)[0], (*contexts)[0]);
  const Facts facts{Confidence::medium, 1'790'000'000, 1'799'000'000, (*contexts)[0]};
  Roster roster(apt.id);
  roster.put(name_of("evil.example"), Scope::subdomains, facts, noon);
  roster.put(name_of("evil.example"), Scope::exact, {}, noon);
  const Progress progress{.cursor = "m1",
                          .validator = "\"e\"",
                          .last_full = noon,
                          .last_run = noon,
                          .last_try = noon,
                          .failures = 2,
                          .last_error = "no",
                          .summary = "{}",
                          .guard = "g",
                          .next_expiry = noon};
  EXPECT_EQ(ledger.generation(), 0U);
  ASSERT_TRUE(ledger.commit(roster, progress, noon).has_value());
  EXPECT_EQ(ledger.generation(), 1U);
  keep(ledger, other, {"evil.example"});
  keep(ledger, other, {"evil.example"});  // nothing new
  EXPECT_EQ(ledger.generation(), 2U);

  auto again = open();
  EXPECT_EQ(again.progress(apt.id), progress);
  EXPECT_EQ(again.progress(77), Progress{});
  EXPECT_THAT(names(again, apt), UnorderedElementsAre("evil.example", "=evil.example"));
  EXPECT_EQ(again.kept_count(apt.id), 2U);
  const auto found = again.find("evil.example");
  ASSERT_TRUE(found.has_value()) << found.error().to_text();
  ASSERT_EQ(found->size(), 3U);
  EXPECT_EQ((*found)[0].hunt, "apt");
  EXPECT_EQ((*found)[0].context, "SALTYSPIDER");
  EXPECT_EQ((*found)[0].facts, facts);
  EXPECT_EQ((*found)[2].hunt, "other");
  EXPECT_TRUE(again.find("www.evil.example")->empty());
}

TEST_F(LedgerTest, WhatLeavesIsHistory) {
  auto ledger = open();
  const auto apt = add(ledger, "apt");
  keep(ledger, apt, {"a.example", "b.example", "c.example"});
  auto roster = ledger.roster(apt.id);
  ASSERT_TRUE(roster.has_value());
  roster->put(name_of("a.example"), Scope::subdomains, {.confidence = Confidence::high}, noon);
  roster->remove("b.example", Scope::subdomains, Leaving::revoked);
  roster->sweep();
  const auto later = noon + std::chrono::hours{1};
  ASSERT_TRUE(ledger.commit(*roster, {}, later).has_value());
  EXPECT_THAT(names(ledger, apt), UnorderedElementsAre("a.example"));
  EXPECT_EQ((*ledger.kept(apt.id, 10))[0].facts.confidence, Confidence::high);
  EXPECT_EQ((*ledger.kept(apt.id, 10))[0].since, noon);
  const auto history = ledger.history("apt", 10);
  ASSERT_TRUE(history.has_value());
  ASSERT_EQ(history->size(), 2U);
  for (const auto& each : *history) {
    EXPECT_EQ(each.since, noon);
    EXPECT_EQ(each.until, later);
    EXPECT_EQ(each.why, each.domain == "b.example" ? Leaving::revoked : Leaving::unlisted);
  }

  ASSERT_TRUE(ledger.remove_hunt("apt", later).has_value());
  EXPECT_EQ(ledger.history("apt", 1)->front().why, Leaving::hunt_removed);
  EXPECT_EQ(ledger.history("apt", 10)->size(), 3U);
  EXPECT_TRUE(ledger.hunts()->empty());
  EXPECT_EQ(ledger.progress(apt.id), Progress{});
  EXPECT_EQ(ledger.remove_hunt("apt", later).error().code, ErrorCode::not_found);
}

/// Random runs, each through the file.
TEST_F(LedgerTest, AgreesWithASet) {
  auto ledger = open();
  const auto apt = add(ledger, "apt");
  std::mt19937 random(3);
  std::set<std::string> expected;
  for (int run = 0; run < 12; ++run) {
    auto roster = ledger.roster(apt.id);
    ASSERT_TRUE(roster.has_value());
    for (int i = 0; i < 400; ++i) {
      const auto name = fmt::format("n{}.example", random() % 900);
      if (random() % 4 == 0) {
        roster->remove(name, Scope::subdomains, Leaving::revoked);
        expected.erase(name);
      } else {
        roster->put(name_of(name), Scope::subdomains, {.updated = static_cast<std::uint32_t>(random())}, noon);
        expected.insert(name);
      }
    }
    ASSERT_TRUE(ledger.commit(*roster, {}, noon).has_value());
    EXPECT_EQ(names(ledger, apt), expected);
  }
}

/// Different names with one key get neighbouring ones, and stay to be found.
TEST_F(LedgerTest, KeysThatCollideAreKeptApart) {
  auto ledger = open();
  const auto apt = add(ledger, "apt");
  keep(ledger, apt, {"a.example"});
  auto roster = ledger.roster(apt.id);
  ASSERT_TRUE(roster.has_value());
  // As if "a.example" stood where "b.example" belongs.
  Roster forged(apt.id);
  forged.load(Roster::key_of(apt.id, "b.example", Scope::subdomains), "a.example", Scope::subdomains, 1, {});
  forged.put(name_of("b.example"), Scope::subdomains, {}, noon);
  ASSERT_TRUE(ledger.commit(forged, {}, noon).has_value());
  EXPECT_THAT(names(ledger, apt), UnorderedElementsAre("a.example", "b.example"));
  EXPECT_EQ(ledger.find("b.example")->size(), 1U);
}

TEST_F(LedgerTest, SightingsAreCountedByWorkloadAndDomain) {
  auto ledger = open();
  const auto at = [](int minutes) { return noon + std::chrono::minutes{minutes}; };
  ASSERT_TRUE(
      ledger.record({{"i-1", "evil.example", at(5), at(6), 2, ""}, {"i-2", "evil.example", at(1), at(1), 1, ""}})
          .has_value());
  ASSERT_TRUE(ledger.record({{"i-1", "evil.example", at(3), at(9), 3, "finding"}}).has_value());
  ASSERT_TRUE(ledger.record({{"i-1", "evil.example", at(4), at(5), 1, "another"}}).has_value());
  EXPECT_THAT(*ledger.sightings(10), ElementsAre(Sighting{"i-1", "evil.example", at(3), at(9), 6, "finding"},
                                                 Sighting{"i-2", "evil.example", at(1), at(1), 1, ""}));
  EXPECT_THAT(*ledger.sighted_domains(), ElementsAre("evil.example"));
}

TEST_F(LedgerTest, NotesAreReplaced) {
  auto ledger = open();
  EXPECT_EQ(ledger.note("a"), "");
  ASSERT_TRUE(ledger.save_note("a", "1").has_value());
  ASSERT_TRUE(ledger.save_note("a", "it's 2").has_value());
  EXPECT_EQ(open().note("a"), "it's 2");
}

/// Daemon and command line at once: nobody fails, nothing is lost.
TEST_F(LedgerTest, WritersTakeTurns) {
  {
    auto ledger = open();
    for (const auto* name : {"h0", "h1", "h2"}) add(ledger, name);
  }
  const auto write = [this](int number) {
    auto ledger = open();
    const auto mine = ledger.hunt(fmt::format("h{}", number));
    ASSERT_TRUE(mine.has_value());
    for (int i = 0; i < 30; ++i) {
      keep(ledger, *mine, {fmt::format("n{}.example", i)});
      const auto done = ledger.audit({noon, "tester", "write", mine->name, std::to_string(i)});
      ASSERT_TRUE(done.has_value()) << done.error().to_text();
    }
  };
  std::vector<std::thread> writers;
  for (int i = 0; i < 3; ++i) writers.emplace_back(write, i);
  for (auto& writer : writers) writer.join();
  auto ledger = open();
  EXPECT_EQ(ledger.audit_entries(1'000)->size(), 90U);
  const auto hunts = ledger.hunts();
  for (const auto& each : *hunts) EXPECT_EQ(names(ledger, each).size(), 30U);
}

Decision decision(const std::string& domain, Scope scope = Scope::subdomains) {
  Decision made{.id = {},
                .domain = {name_of(domain), scope},
                .action = Action::drop,
                .reason = RuleText("INC-1: it's bad"),
                .source = RuleText("manual"),
                .actor = RuleText("jane"),
                .created_at = noon,
                .expires_at = noon + std::chrono::hours{1}};
  made.id = decision_id(made.domain, made.action);
  return made;
}

TEST_F(LedgerTest, DecisionsStayWhenTheyAreLifted) {
  auto ledger = open();
  const auto evil = decision("evil.example");
  const auto below = decision("a.b.evil.example", Scope::exact);
  const auto other = decision("notevil.example");
  ASSERT_TRUE(ledger.record_decisions("arn:f", {evil, below, other}, {}, noon, "jane").has_value());
  const auto later = noon + std::chrono::minutes{5};
  ASSERT_TRUE(ledger.record_decisions("arn:f", {}, {evil}, later, "joe").has_value());
  // Another firewall's decision of the same id is another row, and one that was made elsewhere is taken down too.
  ASSERT_TRUE(ledger.record_decisions("arn:g", {}, {evil}, later, "joe").has_value());

  const Enacted lifted{.firewall = "arn:f", .decision = evil, .lifted_at = later, .lifted_by = "joe"};
  const Enacted elsewhere{.firewall = "arn:g", .decision = evil, .lifted_at = later, .lifted_by = "joe"};
  const Enacted stands{.firewall = "arn:f", .decision = below, .lifted_at = {}, .lifted_by = {}};
  EXPECT_THAT(*ledger.decisions({}, 10), ::testing::SizeIs(4));
  EXPECT_THAT(*ledger.decisions(name_of("evil.example"), 10), UnorderedElementsAre(lifted, elsewhere, stands));
  EXPECT_THAT(*ledger.decisions(name_of("b.evil.example"), 10), UnorderedElementsAre(lifted, elsewhere, stands));
  EXPECT_THAT(*ledger.decisions(name_of("x.notevil.example"), 10), ::testing::SizeIs(1));
  EXPECT_THAT(*ledger.decisions(name_of("evil.example"), 1), ::testing::SizeIs(1));

  const auto audit = *ledger.audit_entries(10);
  ASSERT_EQ(audit.size(), 5U);
  EXPECT_EQ(audit[0].what, "lift");
  EXPECT_EQ(audit[0].actor, "joe");
  EXPECT_EQ(audit[4].subject, "evil.example");
  EXPECT_EQ(audit[4].what, "drop");
  EXPECT_THAT(audit[4].detail, HasSubstr("INC-1: it"));

  // Blocked again: another decision, with its own beginning.
  auto again = evil;
  again.created_at = later + std::chrono::hours{2};
  again.expires_at.reset();
  ASSERT_TRUE(ledger.record_decisions("arn:f", {again}, {}, again.created_at, "jane").has_value());
  EXPECT_EQ(ledger.decisions(name_of("evil.example"), 1)->front().decision, again);
}

}  // namespace
}  // namespace intelwall::store
