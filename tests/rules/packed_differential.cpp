// What compiled rules match, by a PCRE2 evaluator of Suricata's keywords, against a matcher that knows only the list.
#include <gmock/gmock.h>

#include <random>

#include "rules/compile.hpp"
#include "rules/decompile.hpp"
#include "rules/evaluate.hpp"
#include "rules/packed_names.hpp"
#include "support/real_data.hpp"

namespace intelwall::rules {
namespace {

using ::intelwall::testing::NaiveMatcher;
using ::intelwall::testing::names_near;
using ::intelwall::testing::table_of;
using ::intelwall::testing::tangled;

std::vector<CompiledFile> files_of(const DomainTable& table, const CompileOptions& options) {
  auto result = compile(table, options);
  EXPECT_TRUE(result.has_value()) << result.error().to_text();
  EXPECT_TRUE(result->left_out.empty());
  std::vector<CompiledFile> files;
  for (auto& group : result->groups) files.push_back(std::move(group.file));
  return files;
}

CompileOptions all_protocols(CompileFormat format) {
  CompileOptions options;
  options.format = format;
  options.protocols = {Protocol::tls, Protocol::http, Protocol::dns, Protocol::quic};
  options.max_rules = 1'000'000;
  options.max_groups = 1'000;
  return options;
}

void expect_agreement(const RuleEvaluator& rules, const NaiveMatcher& naive, const std::string& name) {
  const bool expected = naive.matches(name);
  for (const auto* const protocol : {"tls", "http", "dns", "quic"}) {
    // A query on the wire has no root dot.
    if (std::string_view(protocol) == "dns" && name.ends_with('.')) continue;
    const auto hits = rules.matches(protocol, name);
    EXPECT_EQ(!hits.empty(), expected) << protocol << " " << name;
  }
}

TEST(PackedRules, MatchJustTheListOnNamesMadeToBreakThem) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    const auto table =
        tangled(30 + 100 * seed, seed, seed % 2 == 0 ? "ab-_1." : "abcdefghijklmnopqrstuvwxyz0123456789-.");
    const NaiveMatcher naive(table);
    for (const auto format : {CompileFormat::packed, CompileFormat::suricata}) {
      const auto rules = RuleEvaluator::load(files_of(table, all_protocols(format)));
      ASSERT_TRUE(rules.has_value()) << rules.error().to_text();
      std::mt19937 random(seed);
      for (std::size_t i = 0; i < table.size(); i += 1 + seed) {
        for (const auto& name : names_near(std::string(table.name(i)), random)) expect_agreement(*rules, naive, name);
      }
    }
  }
}

TEST(PackedRules, MatchOddNames) {
  const std::string label(63, 'q');
  const auto longest = label + "." + label + "." + label + "." + std::string(57, 'r') + ".com";
  std::vector<std::string> names = {"evil.com",          "devil.com",   "xn--bcher-kva.example", "r3---sn-a5.example",
                                    "_srv._tcp.example", "a_b.example", "a-b.example",           "ab.example",
                                    "1.2.3.4.example",   longest,       longest.substr(2)};
  for (auto scope : {Scope::subdomains, Scope::exact}) {
    const auto table = table_of(names, scope);
    const NaiveMatcher naive(table);
    const auto rules = RuleEvaluator::load(files_of(table, all_protocols(CompileFormat::packed)));
    ASSERT_TRUE(rules.has_value()) << rules.error().to_text();
    std::mt19937 random(3);
    for (const auto& name : names) {
      for (const auto& near : names_near(name, random)) expect_agreement(*rules, naive, near);
    }
  }
}

/// The widest regexes that a rule can hold, on names that go deepest into them: Suricata gives up a match after 3,500
/// steps, which would be a name missed.
TEST(PackedRules, NeverNeedMoreStepsThanTheEngineAllows) {
  std::vector<std::string> names;
  const std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  // At each letter of a long name, all other letters go another way, each with a rest of its own.
  std::string deep;
  for (int i = 0; i < 60; ++i) {
    for (std::size_t j = 0; j < letters.size(); ++j) {
      if (letters[j] != 'z')
        names.push_back(deep + letters[j] + letters[(j * 7 + static_cast<std::size_t>(i)) % 36] + "0.cc");
    }
    deep += 'z';
    if (i % 2 == 0) deep.back() = '9';
  }
  names.push_back(deep + ".cc");
  const auto table = table_of(names);
  const NaiveMatcher naive(table);
  const auto rules = RuleEvaluator::load(files_of(table, all_protocols(CompileFormat::packed)));
  ASSERT_TRUE(rules.has_value()) << rules.error().to_text();
  for (const auto& name : names) {
    expect_agreement(*rules, naive, name);
    expect_agreement(*rules, naive, "z9z9.z.9." + name);
  }
}

TEST(PackedRules, MatchJustTheRealListAndDecompileToIt) {
  const auto names = testing_support::real_names("malicious-domains.tsv.zst");
  if (!names) GTEST_SKIP() << names.error().to_text();
  const auto popular = testing_support::real_names("popular-domains.txt.zst");
  ASSERT_TRUE(popular.has_value());
  const auto table = table_of(*names);
  ASSERT_GT(table.size(), 500'000U);
  const NaiveMatcher naive(table);
  CompileOptions options;
  options.protocols = {Protocol::tls};
  options.jit = Jit::off;
  const auto files = files_of(table, options);
  const auto rules = RuleEvaluator::load(files);
  ASSERT_TRUE(rules.has_value()) << rules.error().to_text();
  std::mt19937 random(1);
  std::size_t probes = 0;
  const auto probe = [&](const std::string& name) {
    ++probes;
    const auto hits = rules->matches("tls", name);
    if (hits.empty() == naive.matches(name)) ADD_FAILURE() << name;
    // A name that is listed once is one rule's business.
    if (hits.size() > 1) ADD_FAILURE() << name << " matches " << hits.size() << " rules";
  };
  for (std::size_t i = 0; i < names->size() && !HasFailure(); ++i) {
    probe((*names)[i]);
    if (i % 25 != 0) continue;
    for (const auto& near : names_near((*names)[i], random)) probe(near);
  }
  for (const auto& name : *popular) probe(name);
  EXPECT_GT(probes, 1'000'000U);

  const auto back = decompile(files);
  ASSERT_TRUE(back.has_value()) << back.error().to_text();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < back->domains.size(); ++i) kept += naive.matches(back->domains.name(i)) ? 1 : 0;
  EXPECT_EQ(kept, back->domains.size());
  const NaiveMatcher again(back->domains);
  for (const auto& name : *names) {
    if (!again.matches(name)) ADD_FAILURE() << name << " is lost";
  }
}

}  // namespace
}  // namespace intelwall::rules
