#include "core/domain_set.hpp"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/real_data.hpp"

namespace intelwall {
namespace {

using Entry = DomainSet::Entry;
using Match = DomainSet::Match;

DomainSet set_of(const std::vector<Entry>& entries) {
  auto set = DomainSet::build(entries);
  if (!set) throw std::runtime_error(set.error().to_text());
  return *std::move(set);
}

/// What DomainSet says it does, in the plainest way.
class NaiveSet {
 public:
  explicit NaiveSet(const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      const auto [there, is_new] = entries_.try_emplace(std::string(entry.name), entry);
      if (!is_new && there->second.scope == Scope::exact && entry.scope == Scope::subdomains) there->second = entry;
    }
  }
  std::optional<Match> find(std::string_view name) const {
    for (std::string_view at = name;;) {
      const auto found = entries_.find(std::string(at));
      if (found != entries_.end() && (found->second.scope == Scope::subdomains || at.size() == name.size()))
        return Match{at, found->second.scope, found->second.payload};
      const auto dot = at.find('.');
      if (dot == std::string_view::npos) return std::nullopt;
      at.remove_prefix(dot + 1);
    }
  }
  std::size_t size() const { return entries_.size(); }

 private:
  std::map<std::string, Entry> entries_;
};

class RandomNames {
 public:
  explicit RandomNames(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  /// Of two labels or more; short alphabets and few endings, so that names meet, cover and resemble one another.
  std::string name(std::size_t most_labels = 5) {
    static constexpr const char* tops[] = {"com", "co.uk", "x", "xn--p1ai", "international-and-long"};
    std::string text = tops[below(std::size(tops))];
    for (std::size_t labels = 1 + below(most_labels); labels > 0; --labels) text = label() + "." + text;
    return text.size() <= 253 ? text : text.substr(text.find('.', text.size() - 253) + 1);
  }
  std::string label() {
    static constexpr std::string_view alphabet = "ab01-_";
    std::string text;
    const std::size_t size = below(12) == 0 ? 1 + below(63) : 1 + below(4);
    while (text.size() < size) text += alphabet[below(alphabet.size())];
    return text;
  }
  /// The name with one thing changed, possibly no name any more.
  std::string changed(std::string name) {
    const std::size_t at = below(name.size());
    switch (below(8)) {
      case 0:
        return name.substr(at);
      case 1:
        return name.substr(0, at);
      case 2:
        return label() + "." + name;
      case 3:
        return label() + name;
      case 4:
        name[at] = static_cast<char>(below(256));
        return name;
      case 5:
        name.insert(at, ".");
        return name;
      case 6:
        name += ".";
        return name;
      default:
        name[at] = static_cast<char>(name[at] ^ 0x20);
        return name;
    }
  }

 private:
  std::mt19937_64 random_;
};

TEST(DomainSet, FindsTheNearestEntryThatCovers) {
  const DomainSet set = set_of({{"evil.com", Scope::subdomains, 1},
                                {"deep.evil.com", Scope::subdomains, 2},
                                {"only.example.org", Scope::exact, 3},
                                {"x.deep.evil.com", Scope::exact, 4}});
  EXPECT_EQ(set.size(), 4u);
  const auto found = [&](std::string_view name) { return set.find(name); };
  EXPECT_EQ(found("evil.com"), (Match{"evil.com", Scope::subdomains, 1}));
  EXPECT_EQ(found("www.evil.com"), (Match{"evil.com", Scope::subdomains, 1}));
  EXPECT_EQ(found("a.deep.evil.com"), (Match{"deep.evil.com", Scope::subdomains, 2}));
  EXPECT_EQ(found("x.deep.evil.com"), (Match{"x.deep.evil.com", Scope::exact, 4}));
  EXPECT_EQ(found("y.x.deep.evil.com"), (Match{"deep.evil.com", Scope::subdomains, 2}));
  EXPECT_EQ(found("only.example.org"), (Match{"only.example.org", Scope::exact, 3}));
  using namespace std::literals;
  for (const std::string_view other : {"a.only.example.org"sv, "notevil.com"sv, "evil.com.example"sv, "evil.co"sv,
                                       "com"sv, ""sv, "."sv, "evil"sv, "evil.com."sv, "EVIL.COM"sv, "evil.com\0x"sv})
    EXPECT_EQ(found(other), std::nullopt) << other;
}

TEST(DomainSet, AnEmptySetCoversNothing) {
  EXPECT_EQ(DomainSet().find("evil.com"), std::nullopt);
  EXPECT_EQ(set_of({}).find(""), std::nullopt);
  EXPECT_EQ(set_of({}).size(), 0u);
}

TEST(DomainSet, OfTheSameNameTheWidestAndFirstStays) {
  const DomainSet set = set_of({{"a.com", Scope::exact, 1},
                                {"a.com", Scope::subdomains, 2},
                                {"a.com", Scope::subdomains, 3},
                                {"a.com", Scope::exact, 4},
                                {"b.com", Scope::exact, 5},
                                {"b.com", Scope::exact, 6}});
  EXPECT_EQ(set.size(), 2u);
  EXPECT_EQ(set.find("x.a.com"), (Match{"a.com", Scope::subdomains, 2}));
  EXPECT_EQ(set.find("b.com"), (Match{"b.com", Scope::exact, 5}));
}

TEST(DomainSet, ManyTimesTheSameNameIsOne) {
  const std::vector<Entry> entries(300'000, {"evil.com", Scope::exact, 7});
  const DomainSet set = set_of(entries);
  EXPECT_EQ(set.size(), 1u);
  EXPECT_EQ(set.find("evil.com"), (Match{"evil.com", Scope::exact, 7}));
}

TEST(DomainSet, RefusesWhatIsNoName) {
  const std::string long_name(254, 'a');
  for (const std::string_view name :
       {"", "com", "evil.com/", "Evil.com", "ev il.com", "\xc3\xa9.com", long_name.c_str()}) {
    const auto set = DomainSet::build(std::vector<Entry>{{"good.com"}, {name}});
    ASSERT_FALSE(set) << name;
    EXPECT_EQ(set.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(set.error().message, testing::EndsWith("is no domain name"));
  }
}

TEST(DomainSet, KnowsNamesOfEverySize) {
  // Of one label after another and of as many as there is room for.
  std::vector<std::string> names;
  for (std::size_t size = 3; size <= 253; ++size) {
    std::string dense;
    while (dense.size() < size) dense += dense.size() % 2 == 0 ? 'a' : '.';
    if (dense.back() == '.') dense.back() = 'b';
    std::string sparse = dense;
    for (std::size_t i = 0; i + 4 < size; ++i)
      if (i % 60 != 59) sparse[i] = static_cast<char>('a' + i % 26);
    names.push_back(dense);
    names.push_back(sparse);
  }
  for (const Scope scope : {Scope::exact, Scope::subdomains}) {
    std::vector<Entry> entries;
    for (std::uint32_t i = 0; i < names.size(); ++i) entries.push_back({names[i], scope, i});
    const DomainSet set = set_of(entries);
    const NaiveSet naive(entries);
    EXPECT_EQ(set.size(), naive.size());
    for (const auto& name : names) {
      EXPECT_EQ(set.find(name), naive.find(name)) << name;
      for (const char* prefix : {"x.", "x", ".", "a.b.c.d.", "0123456789abcdef0123456789abcdef."}) {
        const std::string longer = prefix + name;
        EXPECT_EQ(set.find(longer), naive.find(longer)) << longer;
      }
      EXPECT_EQ(set.find(name.substr(1)), naive.find(name.substr(1))) << name;
    }
  }
}

TEST(DomainSet, AgreesWithANaiveSetOnNamesMadeToBreakIt) {
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    RandomNames random(seed);
    const std::size_t size = std::size_t{1} << random.below(13);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < size; ++i) names.push_back(random.name(seed % 7 == 0 ? 100 : 5));
    std::vector<Entry> entries;
    for (std::uint32_t i = 0; i < size; ++i)
      entries.push_back({names[i], random.below(3) == 0 ? Scope::exact : Scope::subdomains, i});
    const DomainSet set = set_of(entries);
    const NaiveSet naive(entries);
    ASSERT_EQ(set.size(), naive.size()) << "seed " << seed;
    for (std::size_t i = 0; i < 2'000; ++i) {
      const std::string asked = i < size ? names[i] : random.changed(names[random.below(size)]);
      ASSERT_EQ(set.find(asked), naive.find(asked)) << "seed " << seed << ", name " << printable(asked, 300);
    }
  }
}

TEST(DomainSet, HoldsAnswersOfManyEndings) {
  // More frequent endings than have a number of one byte.
  std::vector<std::string> names;
  for (std::size_t top = 0; top < 1'000; ++top)
    for (std::size_t i = 0; i < 8 + (1'000 - top) / 50; ++i)
      names.push_back("n" + std::to_string(i) + ".top" + std::to_string(top));
  std::vector<Entry> entries;
  for (std::uint32_t i = 0; i < names.size(); ++i)
    entries.push_back({names[i], i % 2 == 0 ? Scope::exact : Scope::subdomains, i});
  const DomainSet set = set_of(entries);
  const NaiveSet naive(entries);
  for (const auto& name : names)
    for (const std::string& asked : {name, "w." + name, name + "0", name.substr(0, name.size() - 1)})
      ASSERT_EQ(set.find(asked), naive.find(asked)) << asked;
}

TEST(DomainSet, HoldsTheRealListInLessThanTwentyFourBytesAName) {
  const auto names = testing_support::real_names("malicious-domains.tsv.zst");
  const auto popular = testing_support::real_names("popular-domains.txt.zst");
  if (!names || !popular) GTEST_SKIP() << "the real names are not here";
  std::vector<Entry> entries;
  for (std::uint32_t i = 0; i < names->size(); ++i) entries.push_back({(*names)[i], Scope::subdomains, i});
  const DomainSet set = set_of(entries);
  const NaiveSet naive(entries);
  EXPECT_LE(set.bytes(), set.size() * (4 + 24));
  for (std::size_t i = 0; i < names->size(); i += 40) {
    const auto& name = (*names)[i];
    for (const std::string& asked : {name, "www." + name, "x" + name, name.substr(1), name + "m"})
      ASSERT_EQ(set.find(asked), naive.find(asked)) << asked;
  }
  for (const auto& name : *popular) ASSERT_EQ(set.find(name), naive.find(name)) << name;
}

}  // namespace
}  // namespace intelwall
