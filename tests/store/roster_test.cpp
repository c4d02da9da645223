#include "store/roster.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <random>

#include "support.hpp"

namespace intelwall::store {
namespace {

TEST(Roster, TellsNewChangedSeenAndGoneApart) {
  Roster roster(1);
  const Facts old{.confidence = Confidence::high, .updated = 10};
  roster.load(Roster::key_of(1, "same.example", Scope::subdomains), "same.example", Scope::subdomains, 5, old);
  roster.load(Roster::key_of(1, "moved.example", Scope::subdomains), "moved.example", Scope::subdomains, 5, old);
  roster.load(Roster::key_of(1, "gone.example", Scope::subdomains), "gone.example", Scope::subdomains, 5, old);
  EXPECT_EQ(roster.unseen(), 3U);
  roster.put(name_of("same.example"), Scope::subdomains, old, noon);
  roster.put(name_of("moved.example"), Scope::subdomains, {.confidence = Confidence::low, .updated = 11}, noon);
  roster.put(name_of("new.example"), Scope::subdomains, old, noon);
  roster.put(name_of("same.example"), Scope::exact, old, noon);
  EXPECT_EQ(roster.unseen(), 1U);
  EXPECT_EQ(roster.size(), 5U);
  roster.sweep();
  EXPECT_EQ(roster.size(), 4U);
  EXPECT_EQ(roster.unseen(), 0U);
  const auto changes = roster.changes();
  EXPECT_EQ(changes.added, 2U);
  EXPECT_EQ(changes.changed, 1U);
  EXPECT_EQ(changes.removed, 1U);
}

TEST(Roster, WhatComesBackWithinARunStays) {
  Roster roster(1);
  roster.load(Roster::key_of(1, "a.example", Scope::subdomains), "a.example", Scope::subdomains, 5, {});
  EXPECT_TRUE(roster.remove("a.example", Scope::subdomains, Leaving::revoked));
  EXPECT_FALSE(roster.remove("a.example", Scope::subdomains, Leaving::revoked));
  EXPECT_FALSE(roster.remove("a.example", Scope::exact, Leaving::revoked));
  roster.put(name_of("a.example"), Scope::subdomains, {}, noon);
  EXPECT_FALSE(roster.changes().any());
  // What came and went is nothing to write down.
  roster.put(name_of("b.example"), Scope::subdomains, {}, noon);
  EXPECT_TRUE(roster.remove("b.example", Scope::subdomains, Leaving::revoked));
  EXPECT_FALSE(roster.changes().any());
}

TEST(Roster, ContextsGetTheirNumbersLater) {
  Roster roster(1);
  roster.load(Roster::key_of(1, "known.example", Scope::subdomains), "known.example", Scope::subdomains, 5,
              {.context = 7});
  roster.put(name_of("known.example"), Scope::subdomains, {.context = 7}, noon);
  roster.put(name_of("a.example"), Scope::subdomains, {.context = Roster::first_unnumbered + 1}, noon);
  roster.put(name_of("b.example"), Scope::subdomains, {.context = Roster::first_unnumbered}, noon);
  const std::vector<std::uint32_t> numbers{20, 30};
  roster.number_contexts(numbers);
  EXPECT_EQ(roster.find("known.example", Scope::subdomains)->facts.context, 7U);
  EXPECT_EQ(roster.find("a.example", Scope::subdomains)->facts.context, 30U);
  EXPECT_EQ(roster.find("b.example", Scope::subdomains)->facts.context, 20U);
}

/// As the ledger gives them: in the order of their keys, which is that of their slots.
TEST(Roster, FindsAllOfMany) {
  std::vector<std::pair<std::int64_t, std::string>> rows;
  for (int i = 0; i < 10'000; ++i) {
    auto name = fmt::format("n{}.example", i);
    rows.emplace_back(Roster::key_of(1, name, Scope::subdomains), std::move(name));
  }
  std::ranges::sort(rows);
  Roster roster(1);
  for (const auto& [key, name] : rows) {
    roster.load(key, name, Scope::subdomains, 5, {});
    if (roster.loaded() % 1'000 == 0) {
      EXPECT_NE(roster.find(name, Scope::subdomains), nullptr);
    }
  }
  for (const auto& [key, name] : rows) {
    const auto* const found = roster.find(name, Scope::subdomains);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->key, key);
    EXPECT_EQ(roster.find(name, Scope::exact), nullptr);
    EXPECT_EQ(roster.find("x" + name, Scope::subdomains), nullptr);
  }
}

/// Against a map, over random runs.
TEST(Roster, AgreesWithAMap) {
  std::mt19937 random(7);
  std::map<std::string, std::uint32_t> expected;
  for (int run = 0; run < 20; ++run) {
    Roster roster(3);
    for (const auto& [name, updated] : expected)
      roster.load(Roster::key_of(3, name, Scope::subdomains), name, Scope::subdomains, 1, {.updated = updated});
    const auto before = expected;
    for (int i = 0; i < 300; ++i) {
      const auto name = fmt::format("n{}.example", random() % 200);
      if (random() % 3 == 0) {
        EXPECT_EQ(roster.remove(name, Scope::subdomains, Leaving::revoked), expected.erase(name) == 1);
      } else {
        expected[name] = static_cast<std::uint32_t>(random() % 4);
        roster.put(name_of(name), Scope::subdomains, {.updated = expected[name]}, noon);
      }
    }
    std::map<std::string, std::uint32_t> kept;
    for (const auto& entry : roster.entries())
      if (roster.is_kept(entry)) kept.emplace(roster.name(entry), entry.facts.updated);
    EXPECT_EQ(kept, expected);
    EXPECT_EQ(roster.size(), expected.size());
    std::size_t added = 0;
    for (const auto& [name, updated] : expected) added += before.contains(name) ? 0U : 1U;
    EXPECT_EQ(roster.changes().added, added);
  }
}

TEST(Confidence, ReadsWhatItWrites) {
  for (const auto each : {Confidence::high, Confidence::medium, Confidence::low, Confidence::unverified})
    EXPECT_EQ(parse_confidence(to_string(each)), each);
  const auto wrong = parse_confidence("certain");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().hint, ::testing::HasSubstr("high, medium"));
}

}  // namespace
}  // namespace intelwall::store
