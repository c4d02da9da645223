// What holds for every list and every name: guardrails by index against the definitions, written naively.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "policy/customer_suffix.hpp"
#include "policy/guardrails.hpp"

namespace intelwall::policy {
namespace {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_); }

  /// Few labels, so that names often are parents of each other.
  DomainSpec spec() {
    static const std::vector<std::string> labels{"a", "b", "s3", "www"};
    static const std::vector<std::string> ends{"x.com", "y.org",   "amazonaws.com", "github.io",
                                               "co.uk", "z.co.uk", "cloudfront.net"};
    std::string name = ends[below(ends.size())];
    for (std::size_t n = below(4); n > 0; --n) name = labels[below(labels.size())] + "." + name;
    return {.name = DomainName::parse(name).value(), .scope = below(2) == 0 ? Scope::exact : Scope::subdomains};
  }

  std::vector<ListEntry> list(std::size_t most) {
    std::vector<ListEntry> entries;
    for (std::size_t n = below(most + 1); n > 0; --n) entries.push_back({.domain = spec(), .note = "", .line = n});
    return entries;
  }

 private:
  std::mt19937 engine_;
};

/// True if some name is matched by both.
bool overlap(const DomainSpec& a, const DomainSpec& b) {
  return a.covers(b.name) || b.covers(a.name);
}

bool has(const Judgement& judgement, std::string_view code) {
  return std::ranges::any_of(judgement.reasons, [&](const Reason& reason) { return reason.code == code; });
}

TEST(GuardrailsProperty, NothingAllowedOrProtectedIsEverBlocked) {
  const PublicSuffixes suffixes = PublicSuffixes::load().value();
  Random random(20261124);
  std::size_t blocks = 0;
  for (int round = 0; round < 2'000; ++round) {
    const Lists lists{.protected_zones = random.list(4), .allowed = random.list(4), .warned = random.list(4)};
    const Guardrails guardrails = Guardrails::make(lists).value();
    for (int i = 0; i < 20; ++i) {
      const DomainSpec asked = random.spec();
      for (const Insistence insistence : {Insistence::normal, Insistence::forced}) {
        const Judgement judgement = guardrails.judge(asked, insistence);
        ASSERT_FALSE(judgement.reasons.empty());
        const auto touches = [&](const ListEntry& entry) { return overlap(asked, entry.domain); };
        ASSERT_EQ(has(judgement, "allowlisted") || has(judgement, "allowed-below"),
                  std::ranges::any_of(lists.allowed, touches))
            << asked.name.text();
        ASSERT_EQ(has(judgement, "public-suffix"), suffixes.kind_of(asked.name) != SuffixKind::none);
        if (judgement.verdict != Verdict::block) continue;
        ++blocks;
        ASSERT_FALSE(std::ranges::any_of(lists.allowed, touches)) << asked.name.text();
        ASSERT_EQ(suffixes.kind_of(asked.name), SuffixKind::none);
        const bool customer = suffixes.suffix_above(asked.name).kind == SuffixKind::private_domain ||
                              !aws_customer_suffix(asked.name).empty();
        ASSERT_TRUE(customer || std::ranges::none_of(lists.protected_zones, touches)) << asked.name.text();
        if (insistence == Insistence::normal) {
          ASSERT_TRUE(std::ranges::none_of(lists.protected_zones, touches)) << asked.name.text();
          ASSERT_TRUE(customer || std::ranges::none_of(lists.warned, touches)) << asked.name.text();
        }
      }
    }
  }
  EXPECT_GT(blocks, 5'000U) << "the lists hold everything back: nothing is proven";
}

TEST(GuardrailsProperty, InsistingNeverTurnsARefusal) {
  Random random(5);
  for (int round = 0; round < 500; ++round) {
    const Guardrails guardrails =
        Guardrails::make({.protected_zones = random.list(3), .allowed = random.list(3), .warned = random.list(3)})
            .value();
    for (int i = 0; i < 20; ++i) {
      const DomainSpec asked = random.spec();
      const Verdict normal = guardrails.judge(asked).verdict;
      const Verdict forced = guardrails.judge(asked, Insistence::forced).verdict;
      ASSERT_EQ(forced, normal == Verdict::refuse ? Verdict::refuse : Verdict::block);
    }
  }
}

TEST(GuardrailsProperty, AWiderBlockIsNeverEasierThanANarrowOne) {
  Random random(9);
  for (int round = 0; round < 500; ++round) {
    const Guardrails guardrails =
        Guardrails::make({.protected_zones = random.list(3), .allowed = random.list(3), .warned = random.list(3)})
            .value();
    for (int i = 0; i < 20; ++i) {
      const DomainName name = random.spec().name;
      ASSERT_LE(guardrails.judge(DomainSpec{name, Scope::exact}).verdict,
                guardrails.judge(DomainSpec{name, Scope::subdomains}).verdict);
    }
  }
}

}  // namespace
}  // namespace intelwall::policy
