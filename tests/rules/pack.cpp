// The regexes of packed rules: that they are the set of words, no more and no less, by themselves.
#include "rules/pack.hpp"

#include <gmock/gmock.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <memory>
#include <random>
#include <set>

#include "rules/compile_groups.hpp"
#include "rules/compile_text.hpp"
#include "rules/pack_order.hpp"
#include "rules/pack_regex.hpp"
#include "rules/packed_names.hpp"
#include "rules/traffic_prior_index.hpp"

namespace intelwall::rules {
namespace {

using ::intelwall::testing::tangled;

std::string regex_of(const std::set<std::string>& words) {
  std::string out;
  const std::vector<std::string_view> views(words.begin(), words.end());
  append_words_regex(out, views);
  return out;
}

std::set<std::string> words_of(const std::string& regex) {
  std::vector<std::string> words;
  EXPECT_TRUE(read_words_regex(regex, 100'000, words)) << regex;
  return {words.begin(), words.end()};
}

bool matches(const std::string& regex, const std::string& text) {
  const auto whole = "^(?:" + regex + ")\\z";
  int error = 0;
  std::size_t at = 0;
  const std::unique_ptr<pcre2_code, void (*)(pcre2_code*)> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(whole.data()), whole.size(), PCRE2_CASELESS, &error, &at, nullptr),
      pcre2_code_free);
  EXPECT_NE(code, nullptr) << regex << " at " << at;
  if (code == nullptr) return false;
  const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> data(pcre2_match_data_create(1, nullptr),
                                                                            pcre2_match_data_free);
  return pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, data.get(), nullptr) > 0;
}

TEST(PackRegex, IsATrieWithClassesAndHalves) {
  EXPECT_EQ(regex_of({"abc"}), "abc");
  EXPECT_EQ(regex_of({"ab", "abc"}), "abc?");
  EXPECT_EQ(regex_of({"ab", "abc", "abd"}), "ab[cd]?");
  EXPECT_EQ(regex_of({"ab", "abcd", "abx"}), "ab(?:cd|x)?");
  EXPECT_EQ(regex_of({"a.c", "b.c"}), "[ab]\\.c");
  EXPECT_EQ(regex_of({"", "www."}), "(?:www\\.)?");
  EXPECT_EQ(regex_of({"a", "b", "c", "d", "f"}), "[a-df]");
  EXPECT_EQ(regex_of({"a1", "b2", "c3", "d4", "e5", "f6"}), "(?(?=[a-c])(?:a1|b2|c3)|(?:d4|e5|f6))");
  EXPECT_EQ(regex_of({"-", ".", "_", "7"}), "[7_.-]");
}

TEST(PackRegex, MatchesItsWordsAndNothingElse) {
  std::mt19937 random(5);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  for (int round = 0; round < 300; ++round) {
    const std::string letters = round % 2 == 0 ? "ab." : "abcdefghijkmxyz0189-_.";
    const auto word = [&] {
      std::string text;
      for (auto size = below(8); size > 0; --size) text += letters[below(letters.size())];
      return text;
    };
    std::set<std::string> words;
    for (auto count = 1 + below(40); count > 0; --count) words.insert(word());
    const auto regex = regex_of(words);
    EXPECT_EQ(words_of(regex), words) << regex;
    for (int probe = 0; probe < 60; ++probe) {
      auto text = word();
      if (probe % 2 == 0) {
        text = *std::next(words.begin(), static_cast<std::ptrdiff_t>(below(words.size())));
        if (probe % 4 == 0 && !text.empty()) text[below(text.size())] = letters[below(letters.size())];
      }
      EXPECT_EQ(matches(regex, text), words.contains(text)) << regex << " on " << text;
    }
  }
}

TEST(PackRegex, StaysWithinTheNestingThatTheEngineAllows) {
  std::set<std::string> words;
  for (std::size_t size = 1; size <= 250; ++size) {
    words.insert(std::string(size, 'a'));
    words.insert(std::string(size, 'a') + "bc");
  }
  const auto regex = regex_of(words);
  EXPECT_TRUE(matches(regex, std::string(250, 'a') + "bc"));
  EXPECT_FALSE(matches(regex, std::string(251, 'a')));
  EXPECT_FALSE(matches(regex, std::string(250, 'a') + "b"));
  EXPECT_EQ(words_of(regex), words);
}

TEST(PackRegex, RefusesWhatItDoesNotWrite) {
  std::vector<std::string> words;
  for (const auto* const regex : {"a|b",     "(?:a|b)",       "(?:b|c|a)", "[ba]", "[a-b]", "a+",   "a.b",
                                  "\\a",     "(?:a",          "a)",        "(a)",  "[",     "[]",   "[a",
                                  "(?:a|a)", "(?(?=[a])a|b)", "(?(?=[a-",  "a??",  "A",     "[a-z", "(?:ab|ac)",
                                  "ab(?:)",  "a{2}",          "(?=a)a",    "^a"}) {
    EXPECT_FALSE(read_words_regex(regex, 1'000, words)) << regex << " read as " << ::testing::PrintToString(words);
  }
  // Ten thousand words from few bytes: the limit holds.
  EXPECT_FALSE(read_words_regex("[0-9][0-9][0-9][0-9]", 1'000, words));
  EXPECT_TRUE(read_words_regex("[0-9][0-9][0-9][0-9]", 10'000, words));
  EXPECT_EQ(words.size(), 10'000U);
}

TEST(PackOrder, PutsAParentBeforeAllThatLiesBelowIt) {
  const auto table = tangled(3'000, 3);
  const auto order = order_by_ending(table);
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    const auto a = table.name(order[i]);
    const auto b = table.name(order[i + 1]);
    EXPECT_LE(compare_reversed(a, b), 0) << a << " " << b;
    EXPECT_LE(order_key(a), order_key(b)) << a << " " << b;
  }
}

TEST(Reduce, KeepsNamesThatNoOtherCovers) {
  DomainTable table;
  for (const auto* const text :
       {"evil.com", "www.evil.com", "devil.com", "evil.com", "a.b.evil.com", "x.net", "y.x.net", "z.y.x.net"}) {
    const std::string_view name = text;
    table.add(*DomainName::parse(name), name == "x.net" || name == "z.y.x.net" ? Scope::exact : Scope::subdomains);
  }
  table.add(*DomainName::parse("evil.com"), Scope::exact);
  table.add(*DomainName::parse("x.net"), Scope::exact);
  const auto reduced = reduce(table, order_by_ending(table), {});
  std::vector<std::string> kept;
  for (const auto index : reduced.subdomains) kept.emplace_back(table.name(index));
  EXPECT_THAT(kept, ::testing::UnorderedElementsAre("evil.com", "devil.com", "y.x.net"));
  ASSERT_EQ(reduced.exact.size(), 1U);
  EXPECT_EQ(table.name(reduced.exact[0]), "x.net");
  EXPECT_EQ(reduced.duplicates, 2U);
  EXPECT_EQ(reduced.covered, 4U);
}

TEST(TrafficPrior, CountsEndingsAndWhatStandsInside) {
  const auto prior = TrafficPrior::from_names("# popular\nexample.com\t3\nwww.example.org\n\ncom\n");
  ASSERT_TRUE(prior.has_value()) << prior.error().to_text();
  const auto share = [&](std::string_view suffix) { return prior->index().share(suffix, suffix.size()); };
  EXPECT_FLOAT_EQ(share("com").ends, 0.8F);
  EXPECT_FLOAT_EQ(share("e.com").ends, 0.6F);
  EXPECT_FLOAT_EQ(share("org").ends, 0.2F);
  EXPECT_FLOAT_EQ(share("net").ends, 0);
  EXPECT_FLOAT_EQ(share("exa").anywhere, 0.8F);
  EXPECT_FLOAT_EQ(share("ww").anywhere, 0.4F);
}

TEST(TrafficPrior, NamesTheLineThatIsWrong) {
  const auto bad = TrafficPrior::from_names("example.com\nno name\n");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().place, "line 2");
  EXPECT_FALSE(TrafficPrior::from_names("example.com\t-1\n").has_value());
  EXPECT_FALSE(TrafficPrior::from_names("example.com\tmany\n").has_value());
  EXPECT_FALSE(TrafficPrior::from_names("# nothing\n").has_value());
}

TEST(TrafficPrior, TheShippedOneKnowsWhatIsPopular) {
  const auto& index = TrafficPrior::standard().index();
  const auto com = index.share(".com", 4).ends;
  EXPECT_GT(com, 0.4F);
  EXPECT_LT(com, 0.7F);
  EXPECT_GT(index.share("e.com", 5).ends, index.share("q.com", 5).ends);
  EXPECT_GE(index.share("co", 2).anywhere, index.share("co", 2).ends);
}

TEST(GiveSids, MovesOnlyWhatIsInTheWay) {
  const auto sids = give_sids({first_list_sid + 5, first_list_sid + 5, first_list_sid + 9, first_list_sid + 6});
  EXPECT_THAT(sids,
              ::testing::ElementsAre(first_list_sid + 5, first_list_sid + 6, first_list_sid + 9, first_list_sid + 7));
}

std::vector<Unit> random_units(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Unit> units;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < count; ++i) {
    end += 200 + random() % 8'000;
    units.push_back({end, 2, static_cast<std::uint32_t>(random())});
  }
  return units;
}

TEST(ShareOut, FillsGroupsWithinTheirLimits) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const auto units = random_units(1 + seed * 60, seed);
    const GroupLimits limits{200'000, 300};
    const auto shares = share_out(units, limits, 1'000);
    ASSERT_TRUE(shares.has_value());
    std::size_t next = 0;
    for (const auto& share : *shares) {
      EXPECT_EQ(share.first, next);
      EXPECT_LT(share.first, share.last);
      EXPECT_LE(units[share.last - 1].end - (next == 0 ? 0 : units[next - 1].end), limits.bytes);
      EXPECT_LE(2 * (share.last - share.first), limits.rules);
      next = share.last;
    }
    EXPECT_EQ(next, units.size());
    const auto least = std::max<std::size_t>(units.back().end / limits.bytes, 2 * units.size() / limits.rules);
    EXPECT_LE(shares->size(), 2 + least * 5 / 4);
    EXPECT_FALSE(share_out(units, limits, least > 0 ? least - 1 : 0).has_value());
  }
}

TEST(ShareOut, ALittleMoreMovesFewEnds) {
  const auto units = random_units(4'000, 1);
  const GroupLimits limits{2'000'000, 30'000};
  const auto before = *share_out(units, limits, 20);
  std::size_t moved = 0;
  for (std::size_t at = 0; at < units.size(); at += 40) {
    auto more = units;
    for (auto i = at; i < more.size(); ++i) more[i].end += 26;
    const auto after = *share_out(more, limits, 20);
    for (std::size_t i = 0; i < before.size(); ++i) moved += before[i].last != after[i].last ? 1 : 0;
  }
  EXPECT_LE(moved, 5U);
}

}  // namespace
}  // namespace intelwall::rules
