#include "rules/compile.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <numeric>
#include <random>
#include <set>

#include "rules/compile_text.hpp"
#include "rules/packed_names.hpp"

namespace intelwall::rules {
namespace {

using ::intelwall::testing::table_of;
using ::intelwall::testing::tangled;
using ::testing::HasSubstr;

CompileResult compiled(const DomainTable& table, const CompileOptions& options) {
  auto result = compile(table, options);
  EXPECT_TRUE(result.has_value()) << result.error().to_text();
  return result ? *std::move(result) : CompileResult{};
}

std::string all_text(const CompileResult& result) {
  std::string text;
  for (const auto& group : result.groups) text += group.file.name + "\n" + group.file.content;
  for (const auto& file : result.data_files) text += file.name + "\n" + file.content;
  return text;
}

std::vector<std::string> lines_of(const CompileResult& result) {
  std::vector<std::string> lines;
  for (const auto& group : result.groups) {
    const std::string_view text = group.file.content;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      lines.emplace_back(text.substr(at, end - at));
      at = end + 1;
    }
  }
  return lines;
}

constexpr CompileFormat formats[] = {CompileFormat::packed, CompileFormat::suricata, CompileFormat::domain_list,
                                     CompileFormat::dataset};

CompileOptions options_for(CompileFormat format) {
  CompileOptions options;
  options.format = format;
  return options;
}

TEST(Compile, WritesARuleOfContentAndRegexForNamesThatEndAlike) {
  auto options = options_for(CompileFormat::packed);
  options.action = Action::drop;
  options.protocols = {Protocol::tls};
  options.jit = Jit::off;
  const auto lines = lines_of(compiled(table_of({"pay-one.example", "pay-two.example", "log.example"}), options));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0],
              ::testing::StartsWith(
                  R"(drop tls $HOME_NET any -> any any (msg:"intelwall list"; flow:to_server; tls.sni; dotprefix; )"
                  R"(content:".example"; nocase; isdataat:!2,relative; )"
                  R"(pcre:"/(*NO_JIT)\.(?:log|pay-(?:one|two))\.example\.?\z/i"; sid:1)"));
}

TEST(Compile, OneNameIsPlainContent) {
  auto options = options_for(CompileFormat::packed);
  options.protocols = {Protocol::http};
  const auto lines = lines_of(compiled(table_of({"evil.example"}), options));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0],
              ::testing::StartsWith(
                  R"(alert http $HOME_NET any -> any any (msg:"intelwall list"; flow:to_server; http.host; dotprefix; )"
                  R"(content:".evil.example"; nocase; pcre:"/^\.?\z/R"; sid:1)"));
  const auto exact = lines_of(compiled(table_of({"evil.example"}, Scope::exact), options));
  ASSERT_EQ(exact.size(), 1U);
  EXPECT_THAT(exact[0], HasSubstr(R"(content:".evil.example"; nocase; startswith; pcre:"/^\.?\z/R"; )"));
}

TEST(Compile, DnsAndQuicCannotBeRejected) {
  auto options = options_for(CompileFormat::packed);
  options.action = Action::reject;
  options.protocols = {Protocol::tls, Protocol::http, Protocol::dns};
  options.protocols.insert(Protocol::quic);
  const auto result = compiled(table_of({"evil.example"}), options);
  ASSERT_EQ(result.groups.size(), 2U);
  const auto& main = result.groups[0].file.content;
  EXPECT_THAT(main, HasSubstr("reject tls "));
  EXPECT_THAT(main, HasSubstr("reject http "));
  EXPECT_THAT(main, HasSubstr("drop dns "));
  EXPECT_THAT(main, ::testing::Not(HasSubstr("quic")));
  EXPECT_THAT(result.groups[1].file.content, ::testing::StartsWith("drop quic "));
  EXPECT_EQ(result.groups[1].rules, 1U);
}

TEST(Compile, CountsWhatItWrites) {
  const auto table = tangled(3'000, 1);
  for (const auto format : formats) {
    auto options = options_for(format);
    options.max_group_bytes = 40'000;
    options.max_groups = 1'000;
    const auto result = compiled(table, options);
    EXPECT_EQ(result.domains_in, table.size());
    EXPECT_EQ(result.kept + result.covered + result.duplicates, result.domains_in) << to_string(format);
    EXPECT_TRUE(result.left_out.empty());
    std::size_t rules = 0, bytes = 0, capacity = 0;
    std::set<std::string> names;
    for (const auto& group : result.groups) {
      EXPECT_LE(group.file.content.size(), options.max_group_bytes);
      EXPECT_EQ(group.bytes, group.file.content.size());
      if (format != CompileFormat::domain_list) {
        EXPECT_EQ(parse_rules(group.file.content).rule_count(), group.rules);
        EXPECT_EQ(group.capacity, group.rules);
      }
      rules += group.rules;
      bytes += group.bytes;
      capacity += group.capacity;
      EXPECT_TRUE(names.insert(group.file.name).second);
    }
    EXPECT_EQ(result.rules, rules);
    EXPECT_EQ(result.bytes, bytes);
    EXPECT_EQ(result.capacity, capacity);
    if (format == CompileFormat::suricata) {
      EXPECT_EQ(result.rules, 2 * result.kept);
    } else if (format == CompileFormat::domain_list) {
      EXPECT_EQ(result.capacity, 2 * result.kept + 2 * result.groups.size());
    }
  }
}

TEST(Compile, SameSetSameBytesInAnyOrder) {
  const auto table = tangled(2'000, 2);
  std::vector<std::size_t> order(table.size());
  std::iota(order.begin(), order.end(), 0U);
  std::mt19937 random(9);
  for (const auto format : formats) {
    const auto options = options_for(format);
    const auto expected = all_text(compiled(table, options));
    for (int round = 0; round < 3; ++round) {
      std::ranges::shuffle(order, random);
      DomainTable shuffled;
      for (const auto i : order) shuffled.add(*DomainName::parse(table.name(i)), table.scope(i), table.rank(i));
      // Names that stand twice change nothing.
      for (std::size_t i = 0; i < table.size(); i += 7)
        shuffled.add(*DomainName::parse(table.name(i)), table.scope(i), table.rank(i));
      EXPECT_EQ(all_text(compiled(shuffled, options)), expected) << to_string(format);
    }
  }
}

TEST(Compile, NoRuleIsTooLongAndNoSidStandsTwice) {
  // Long names that share nothing but their end: one crowd, to be split by halving.
  std::mt19937 random(4);
  std::vector<std::string> names;
  for (int i = 0; i < 4'000; ++i) {
    std::string text;
    for (int j = 0; j < 60; ++j) text += "abcdefghijklmnopqrstuvwxyz0123456789"[random() % 36];
    names.push_back(text + ".cc");
  }
  // And one beginning for all: halving must go on behind it.
  for (int i = 0; i < 2'000; ++i) names.push_back(fmt::format("{}{:05}.cc", std::string(50, 'a'), i * 7));
  for (const std::size_t variable : {std::size_t{0}, std::size_t{5'000}}) {
    CompileOptions options;
    options.protocols = {Protocol::tls, Protocol::http, Protocol::dns};
    options.protocols.insert(Protocol::quic);
    options.jit = Jit::off;
    options.variables["HOME_NET"] = std::string(variable, '1');
    const auto result = compiled(table_of(names), options);
    EXPECT_EQ(result.kept, 6'000U);
    std::set<std::string> sids;
    for (const auto& line : lines_of(result)) {
      EXPECT_LE(line.size() + variable, max_rule_bytes);
      EXPECT_TRUE(sids.insert(line.substr(line.rfind("sid:"))).second);
      EXPECT_THAT(line, HasSubstr("content:\""));
    }
    EXPECT_EQ(sids.size(), result.rules);
  }
}

TEST(Compile, FitsTheBudgetOrSaysWhatIsLeftOut) {
  const auto table = tangled(4'000, 6);
  for (const auto format : {CompileFormat::packed, CompileFormat::suricata, CompileFormat::domain_list}) {
    for (const std::size_t max_rules : {4U, 40U, 400U}) {
      auto options = options_for(format);
      options.max_rules = max_rules;
      options.max_group_bytes = 20'000;
      options.max_groups = 3;
      const auto result = compiled(table, options);
      EXPECT_LE(result.capacity, max_rules) << to_string(format);
      EXPECT_LE(result.groups.size(), 3U);
      EXPECT_GT(result.kept, 0U);
      EXPECT_EQ(result.kept + result.covered + result.duplicates + result.left_out.size(), result.domains_in);
      // Packed, dozens of rules hold them all.
      if (format == CompileFormat::packed && max_rules >= 40) continue;
      ASSERT_FALSE(result.left_out.empty());
      // The worst rank goes first: nothing of the best is out while something of the worst is in.
      EXPECT_TRUE(std::ranges::is_sorted(result.left_out, {}, &LeftOut::rank));
      EXPECT_EQ(result.left_out.back().rank, 3U);
    }
  }
}

TEST(Compile, AParentThatIsLeftOutTakesNoChildWithIt) {
  DomainTable table;
  table.add(*DomainName::parse("parent.example"), Scope::subdomains, 9);
  table.add(*DomainName::parse("a.parent.example"), Scope::subdomains, 1);
  table.add(*DomainName::parse("b.parent.example"), Scope::subdomains, 2);
  auto options = options_for(CompileFormat::suricata);
  options.protocols = {Protocol::tls};
  options.max_rules = 1;
  auto result = compiled(table, options);
  // The parent alone covers all three in one rule, so nothing is left out.
  EXPECT_TRUE(result.left_out.empty());
  table.add(*DomainName::parse("c.other.example"), Scope::subdomains, 0);
  options.max_rules = 2;
  result = compiled(table, options);
  EXPECT_TRUE(result.left_out.empty());
  options.max_rules = 1;
  result = compiled(table, options);
  ASSERT_EQ(result.left_out.size(), 3U);
  EXPECT_EQ(result.left_out[0].domain, "a.parent.example");
  EXPECT_EQ(result.left_out[2].domain, "parent.example");
}

TEST(Compile, RefusesWhatItCannotWrite) {
  const auto table = table_of({"evil.example"});
  const auto refused = [&](auto change) {
    CompileOptions options;
    change(options);
    const auto result = compile(table, options);
    EXPECT_FALSE(result.has_value());
    return result ? std::string() : result.error().to_text();
  };
  EXPECT_THAT(refused([](auto& o) { o.action = Action::pass; }), HasSubstr("pass"));
  EXPECT_THAT(refused([](auto& o) { o.protocols.clear(); }), HasSubstr("protocol"));
  EXPECT_THAT(refused([](auto& o) { o.source = "any any -> any any (sid:1;)"; }), HasSubstr("source"));
  EXPECT_THAT(refused([](auto& o) { o.max_rules = 1; }), HasSubstr("budget"));
  EXPECT_THAT(refused([](auto& o) { o.max_groups = 0; }), HasSubstr("budget"));
  EXPECT_THAT(refused([](auto& o) { o.max_group_bytes = 10; }), HasSubstr("budget"));
  EXPECT_THAT(refused([](auto& o) { o.variables["HOME_NET"] = std::string(8'000, '1'); }), HasSubstr("variables"));
  EXPECT_THAT(refused([](auto& o) {
                o.format = CompileFormat::domain_list;
                o.protocols = {Protocol::dns};
              }),
              HasSubstr("dns"));
  EXPECT_FALSE(parse_compile_format("Packed").has_value());
  for (const auto format : formats) EXPECT_EQ(*parse_compile_format(to_string(format)), format);
}

TEST(Compile, NothingGivesNothing) {
  for (const auto format : formats) {
    const auto result = compiled(DomainTable(), options_for(format));
    EXPECT_EQ(result.rules, 0U) << to_string(format);
    EXPECT_TRUE(result.groups.empty()) << to_string(format);
  }
}

/// Names as feeds have them: words of letters under a few endings.
std::vector<std::string> feed(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  const std::vector<std::string> ends = {".com", ".com", ".com", ".net", ".xyz", ".top", ".co.uk", ".info"};
  const std::vector<std::string> parts = {"pay", "log", "in",  "se", "cure", "up", "da", "te", "bank", "mi", "ro",
                                          "so",  "ft",  "ama", "zo", "n",    "1",  "24", "-",  "x",    "on", "line"};
  std::set<std::string> names;
  while (names.size() < count) {
    std::string text = "a";
    for (auto i = 2 + random() % 5; i > 0; --i) text += parts[random() % parts.size()];
    if (text.ends_with('-')) text += 'q';
    names.insert(text + ends[random() % ends.size()]);
  }
  return {names.begin(), names.end()};
}

std::vector<CompiledFile> files_of(const CompileResult& result) {
  std::vector<CompiledFile> files;
  for (const auto& group : result.groups) files.push_back(group.file);
  return files;
}

TEST(Compile, CountsWhatThePreviousRunHad) {
  const auto table = tangled(1'000, 8);
  CompileOptions options;
  const auto first = compiled(table, options);
  const auto files = files_of(first);
  options.previous = &files;
  const auto same = compiled(table, options);
  EXPECT_EQ(same.kept_rules, first.rules);
  EXPECT_EQ(same.kept_groups, first.groups.size());
  const auto other = compiled(tangled(1'000, 9), options);
  EXPECT_LT(other.kept_rules, first.rules);
  EXPECT_EQ(other.kept_groups, 0U);
}

/// The sids with which groups begin.
std::set<std::string> begins_of(const CompileResult& result) {
  std::set<std::string> begins;
  for (const auto& group : result.groups) {
    const auto& text = group.file.content;
    begins.insert(text.substr(text.find("; sid:"), 16));
  }
  return begins;
}

TEST(Compile, GroupsBeginWhereTheyBeganInThePreviousRun) {
  const auto names = feed(12'000, 3);
  for (const auto format : {CompileFormat::packed, CompileFormat::suricata}) {
    auto options = options_for(format);
    options.max_rules = 100'000;
    options.max_groups = 100;
    options.max_group_bytes = format == CompileFormat::packed ? 40'000 : 400'000;
    const std::vector<std::string> few(names.begin(), names.begin() + 8'000);
    const auto before = compiled(table_of(few), options);
    ASSERT_GE(before.groups.size(), 4U);
    const auto files = files_of(before);
    options.previous = &files;
    // A third more names: groups grow beyond their limit and are shared out, each for itself.
    std::vector<std::string> more(names.begin(), names.begin() + 10'500);
    std::erase(more, names[17]);
    const auto after = compiled(table_of(more), options);
    const auto old_begins = begins_of(before);
    const auto new_begins = begins_of(after);
    std::size_t kept = 0;
    for (const auto& begin : old_begins) kept += new_begins.contains(begin) ? 1 : 0;
    EXPECT_GE(kept, format == CompileFormat::suricata ? old_begins.size() : 1);
    EXPECT_EQ(after.kept, more.size());
    for (const auto& group : after.groups) EXPECT_LE(group.bytes, options.max_group_bytes);
    // Where the old ends do not fit the budget, they give way.
    options.max_groups = after.groups.size() - 1;
    const auto tight = compile(table_of(more), options);
    ASSERT_TRUE(tight.has_value());
    EXPECT_LE(tight->groups.size(), options.max_groups);
  }
}

TEST(Compile, KeepsThePriceOfThePreviousRun) {
  // A step in the size of the list, behind which rules are packed more tightly.
  const auto names = feed(50'002, 4);
  const std::vector<std::string> few(names.begin(), names.begin() + 49'999);
  CompileOptions options;
  options.protocols = {Protocol::tls};
  const auto before = compiled(table_of(few), options);
  const auto anew = compiled(table_of(names), options);
  const auto files = files_of(before);
  options.previous = &files;
  const auto after = compiled(table_of(names), options);
  EXPECT_GT(anew.rules, before.rules);
  EXPECT_GT(3 * after.kept_rules, 2 * before.rules);
  EXPECT_EQ(after.kept, names.size());
}

TEST(Compile, ASmallChangeStaysSmall) {
  const auto all = feed(30'300, 5);
  // Every hundredth name comes or goes; the rest stays.
  std::vector<std::string> base, changing;
  for (std::size_t i = 0; i < all.size(); ++i) (i % 101 == 50 ? changing : base).push_back(all[i]);
  CompileOptions options;
  options.max_group_bytes = 60'000;
  const auto rules_by_group = [](const CompileResult& result) {
    std::map<std::string, std::set<std::string>> groups;
    for (const auto& group : result.groups) {
      auto& rules = groups[group.file.name];
      const std::string_view text = group.file.content;
      for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        rules.emplace(text.substr(at, end - at));
        at = end + 1;
      }
    }
    return groups;
  };
  const auto before = rules_by_group(compiled(table_of(base), options));
  ASSERT_GT(before.size(), 3U);
  std::vector<std::size_t> changed_groups, changed_rules;
  for (std::size_t i = 0; i < 200; ++i) {
    auto names = base;
    if (i % 2 == 0) {
      names.push_back(changing[i]);
    } else {
      names.erase(names.begin() + static_cast<std::ptrdiff_t>(i * 97));
    }
    const auto after = rules_by_group(compiled(table_of(names), options));
    std::size_t groups = 0, rules = 0;
    for (const auto& [file, lines] : after) {
      const auto was = before.find(file);
      if (was != before.end() && was->second == lines) continue;
      ++groups;
      for (const auto& line : lines) rules += was != before.end() && was->second.contains(line) ? 0 : 1;
    }
    changed_groups.push_back(groups);
    changed_rules.push_back(rules);
  }
  std::ranges::sort(changed_groups);
  std::ranges::sort(changed_rules);
  // One rule for tls, one for http.
  EXPECT_EQ(changed_rules[100], 2U);
  EXPECT_EQ(changed_groups[100], 1U);
  EXPECT_LE(changed_groups[197], 2U);
}

}  // namespace
}  // namespace intelwall::rules
