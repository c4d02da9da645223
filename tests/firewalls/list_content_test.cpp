#include "firewalls/list_content.hpp"

#include <random>

#include "list_support.hpp"
#include "rules/compile.hpp"

namespace intelwall::firewalls {
namespace {

TEST(ListContent, KnowsWhatTheCompilerWrites) {
  rules::DomainTable table;
  for (const auto* name : {"a.example", "b.a.test", "long-name.example", "x.y.z.example"})
    table.add(*parse_domain(name));
  table.add(*parse_domain("only.example", Scope::exact));
  for (const auto format : {rules::CompileFormat::packed, rules::CompileFormat::suricata}) {
    for (const auto action : {Action::alert, Action::drop, Action::reject}) {
      const auto compiled = rules::compile(
          table, {.format = format, .action = action, .protocols = {Protocol::tls, Protocol::http, Protocol::dns}});
      ASSERT_TRUE(compiled.has_value()) << compiled.error().to_text();
      const auto lines = split_lines(compiled->groups[0].file.content);
      EXPECT_EQ(lines.ours, compiled->groups[0].file.content);
      EXPECT_EQ(lines.our_rules, compiled->rules);
      EXPECT_EQ(lines.others, "");
    }
  }
}

TEST(ListContent, KeepsOtherLinesByteForByte) {
  const std::string others =
      "  # a comment \r\n\nalert tcp any any -> any any (msg:\"x\"; \\\n  sid:1000000001; rev:1;)\nno end";
  const auto lines = split_lines(list_rule(1) + others);
  EXPECT_EQ(lines.ours, list_rule(1));
  EXPECT_EQ(lines.others, others);
  EXPECT_EQ(lines.other_rules, 2U);
  // What stands in the range of blocks, or says something else, is not a list's.
  const std::string block =
      "drop tls $HOME_NET any -> any any (msg:\"intelwall drop evil.com\"; sid:1200000000; rev:1;)\n";
  EXPECT_EQ(split_lines(block).others, block);
  EXPECT_EQ(split_lines("").rules(), 0U);
  // An empty group's placeholder is nothing.
  EXPECT_EQ(split_lines(to_text({})), ListLines{});
  EXPECT_NE(to_text({}), "");
}

TEST(ListContent, FingerprintsTellTextsApart) {
  EXPECT_NE(fingerprint("a"), fingerprint("b"));
  EXPECT_NE(fingerprint(""), fingerprint(std::string_view("\0", 1)));
  EXPECT_NE(fingerprint("a", fingerprint("b")), fingerprint("b", fingerprint("a")));
  EXPECT_NE(fingerprint("0123456789"), fingerprint("0123456780"));
}

LiveList live(const ListPart& part, std::size_t capacity, std::size_t other_rules = 0) {
  return {{.ours = part.text,
           .others = std::string(other_rules, '\n'),
           .our_rules = part.rules,
           .other_rules = other_rules},
          capacity};
}

TEST(ListContent, SpaciousGroupsMakeWay) {
  const std::vector<LiveList> groups = {live(list_part(0, 10), 1'000), live(list_part(10, 10), 200)};
  const std::vector<ListPart> parts = {list_part(0, 10), list_part(10, 10), list_part(20, 500)};
  const auto easy = assign(parts, groups, 2'000, 1'000'000);
  ASSERT_TRUE(easy.has_value());
  EXPECT_EQ(easy->group_of, (std::vector<std::optional<std::size_t>>{0, 1, {}}));
  EXPECT_EQ(easy->capacity_of[2], 700U);
  const auto tight = assign(parts, groups, 800, 1'000'000);
  ASSERT_TRUE(tight.has_value());
  EXPECT_EQ(tight->group_of, (std::vector<std::optional<std::size_t>>{{}, 1, {}}));
  EXPECT_FALSE(assign(parts, groups, 519, 1'000'000).has_value());
  EXPECT_TRUE(assign(parts, groups, 520, 1'000'000).has_value());
}

/// Whatever stands there: no group is given twice or beyond what it holds, nothing exceeds the capacity.
TEST(ListContent, AssignmentsHoldWhatTheyPromise) {
  std::mt19937 random(5);
  for (int run = 0; run < 500; ++run) {
    std::vector<LiveList> groups;
    std::vector<ListPart> parts;
    for (auto n = random() % 5; n > 0; --n) {
      const auto count = static_cast<int>(1 + random() % 40);
      groups.push_back(live(list_part(static_cast<int>(random() % 200), count),
                            static_cast<std::size_t>(count) + random() % 60, random() % 4 == 0 ? 2 : 0));
    }
    std::size_t rules = 0;
    for (auto n = random() % 5; n > 0; --n) {
      parts.push_back(list_part(static_cast<int>(random() % 200), static_cast<int>(1 + random() % 40)));
      rules += parts.back().rules;
    }
    const std::size_t capacity = random() % 250;
    const auto moves = assign(parts, groups, capacity, 4'000);
    if (!moves) continue;
    EXPECT_GE(capacity, rules);
    std::set<std::size_t> taken;
    std::size_t reserved = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto at = moves->group_of[i];
      if (at) {
        EXPECT_TRUE(taken.insert(*at).second);
        EXPECT_LE(parts[i].rules + groups[*at].lines.other_rules, groups[*at].capacity);
        reserved += groups[*at].capacity;
      } else {
        EXPECT_GE(moves->capacity_of[i], parts[i].rules);
        reserved += moves->capacity_of[i];
      }
    }
    EXPECT_LE(reserved, capacity);
  }
}

}  // namespace
}  // namespace intelwall::firewalls
