// What holds for every text, tried on random ones and on real lists.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "core/domain_name.hpp"
#include "core/rule_text.hpp"
#include "support/real_data.hpp"

namespace intelwall {
namespace {

/// The promise of DomainName's docstring, written a second time and simply.
bool is_canonical(const std::string& name) {
  if (name.empty() || name.size() > 253 || !name.contains('.')) return false;
  std::size_t label = 0;
  for (const char c : name) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (c != '.' && !fits) return false;
    if (c == '.' && label == 0) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return label > 0;
}

void check_promises(const std::string& text) {
  for (const Scope scope : {Scope::exact, Scope::subdomains}) {
    const auto spec = parse_domain(text, scope);
    if (!spec) {
      EXPECT_FALSE(spec.error().message.empty());
      EXPECT_LT(spec.error().message.size(), 400U);
      for (const char c : spec.error().to_text()) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20) << text;
      continue;
    }
    ASSERT_TRUE(is_canonical(spec->name.text())) << text << " became " << spec->name.text();
    EXPECT_EQ(parse_domain(spec->name.text(), spec->scope), *spec);
    EXPECT_EQ(DomainName::parse(spec->name.text()), spec->name);
    EXPECT_TRUE(spec->covers(spec->name));
  }
}

std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> pieces{"a",
                                               "Z",
                                               "0",
                                               "9",
                                               "-",
                                               "_",
                                               ".",
                                               ".",
                                               ".com",
                                               "evil",
                                               "xn--",
                                               "xn--e1afmkfd",
                                               "*",
                                               "*.",
                                               "[.]",
                                               "[dot]",
                                               "(",
                                               ")",
                                               "http://",
                                               "hxxp://",
                                               "[://]",
                                               "@",
                                               ":",
                                               "80",
                                               "/",
                                               "?",
                                               "#",
                                               " ",
                                               "\t",
                                               "\n",
                                               "\"",
                                               ";",
                                               "'",
                                               "\\",
                                               "|",
                                               "$",
                                               "\0",
                                               "п",
                                               "ß",
                                               "é",
                                               "。",
                                               "．",
                                               "☃",
                                               "\xff",
                                               "\xc3",
                                               "\xe2\x80\x8b",
                                               "\xc2\xad",
                                               "\xe2\x80\xae",
                                               "1.2.3.4",
                                               "0x7f",
                                               "::",
                                               "{",
                                               "}",
                                               "<",
                                               ">",
                                               "%2e",
                                               ",",
                                               "ｅ",
                                               "१",
                                               "א",
                                               "ب",
                                               "\xcc\x81",
                                               "\xe2\x80\x8d",
                                               std::string(60, 'l'),
                                               std::string(1, '\0')};
  std::uniform_int_distribution<std::size_t> pick(0, pieces.size() - 1);
  std::uniform_int_distribution<std::size_t> length(0, 12);
  std::bernoulli_distribution wild(0.25);
  constexpr std::size_t tame = 12;  // pieces that names are made of
  std::string text;
  for (std::size_t n = length(random); n > 0; --n) text += pieces[wild(random) ? pick(random) : pick(random) % tame];
  return text;
}

TEST(DomainNameProperty, RandomTextsGiveCanonicalNamesOrReasons) {
  std::mt19937 random(20261124);  // NOLINT: the same texts every time
  std::size_t accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = random_text(random);
    check_promises(text);
    accepted += parse_domain(text).has_value() ? 1 : 0;
  }
  EXPECT_GT(accepted, 1'000U) << "the texts are too wild to prove anything about names";
}

TEST(DomainNameProperty, RandomBytesGiveCanonicalNamesOrReasons) {
  std::mt19937 random(7);  // NOLINT
  std::uniform_int_distribution<int> byte(0, 255);
  std::uniform_int_distribution<std::size_t> length(0, 40);
  for (int i = 0; i < 50'000; ++i) {
    std::string text(length(random), '\0');
    for (char& c : text) c = static_cast<char>(byte(random));
    check_promises(text);
  }
}

TEST(DomainNameProperty, DefangingChangesNothing) {
  std::mt19937 random(11);  // NOLINT
  const std::vector<std::string> dots{"[.]", "(.)", "{.}", "[dot]", "(DOT)", "{dot}", "。", "."};
  const std::vector<std::string> fronts{"", "hxxp://", "HXXPS://", "https://u:p@", "h**p[://]", "tcp[:]//", "//", "<"};
  const std::vector<std::string> backs{"", ":8080", "/", "/a/b?c=d;e#f", "?x", "#y", "."};
  const auto any = [&](const auto& from) {
    return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random)];
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string front = any(fronts);
    std::string text = front + "Some" + any(dots) + "eVil-1_x" + any(dots) + "co" + any(dots) + "uk" + any(backs);
    if (front == "<") text += '>';
    const auto spec = parse_domain(text);
    ASSERT_TRUE(spec) << text << ": " << spec.error().to_text();
    EXPECT_EQ(spec->name.text(), "some.evil-1_x.co.uk") << text;
  }
}

TEST(DomainNameProperty, EveryRealNameParsesAsItself) {
  for (const char* file : {"malicious-domains.tsv.zst", "popular-domains.txt.zst"}) {
    const auto names = testing_support::real_names(file);
    if (!names) GTEST_SKIP() << "no real data beside the source tree: " << names.error().to_text();
    ASSERT_GT(names->size(), 50'000U);
    std::size_t refused = 0;
    for (const std::string& text : *names) {
      const auto spec = parse_domain(text);
      if (!spec) {
        ++refused;
        // The lists hold a few entries that are no domains: each refusal must be for one of these reasons.
        EXPECT_EQ(text, "domain") << spec.error().to_text();
        continue;
      }
      ASSERT_EQ(spec->name.text(), text);
    }
    EXPECT_LE(refused, 1U) << file;
  }
}

}  // namespace
}  // namespace intelwall
