#include "rules/rule_group.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "rules/diff.hpp"
#include "rules/generate.hpp"

namespace intelwall::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Decision sample() {
  return {.id = "abcdefghij23",
          .domain = {*DomainName::parse("evil.com"), Scope::subdomains},
          .action = Action::drop,
          .protocols = {Protocol::tls, Protocol::http, Protocol::dns},
          .reason = RuleText("C2 of a stealer (case 7)"),
          .source = RuleText("securityhub"),
          .actor = RuleText("jane@example.org"),
          .confidence = RuleText("high"),
          .created_at = *parse_time("2026-11-24T14:03:04Z"),
          .expires_at = *parse_time("2026-12-24T14:03:04Z")};
}

std::string text_of(const std::vector<RuleLine>& lines) {
  std::string text;
  for (const auto& line : lines) text += line.text + "\n";
  return text;
}

std::string render_text(const Decision& decision) {
  std::set<std::uint32_t> taken;
  return text_of(render(decision, taken));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto& line : parse_rules(text).lines) lines.push_back(line.text);
  return lines;
}

TEST(Render, WritesTheDocumentedText) {
  auto decision = sample();
  decision.protocols = {Protocol::tls, Protocol::dns};
  std::set<std::uint32_t> taken;
  const auto lines = render(decision, taken);
  ASSERT_THAT(lines, SizeIs(2));
  const auto tls_sid = std::to_string(*lines[0].sid);
  EXPECT_EQ(lines[0].text,
            R"(drop tls $HOME_NET any -> any any (msg:"intelwall drop evil.com"; flow:to_server; tls.sni; dotprefix; )"
            R"(content:".evil.com"; nocase; pcre:"/^\.?\z/R"; metadata:iw_id abcdefghij23, iw_src securityhub, )"
            R"(iw_actor jane@example.org, iw_conf high, iw_why C2 of a stealer (case 7), iw_created 20261124T140304Z, )"
            R"(iw_expires 20261224T140304Z; sid:)" +
                tls_sid + "; rev:1;)");
  EXPECT_THAT(lines[1].text, HasSubstr(R"(drop dns $HOME_NET any -> any any ()"));
  EXPECT_THAT(lines[1].text, HasSubstr(R"(dns.query; dotprefix; content:".evil.com"; nocase; endswith; metadata:)"));
  EXPECT_TRUE(lines[0].ours());
  EXPECT_EQ(lines[0].decision_id, decision.id);
  EXPECT_EQ(lines[1].protocol, Protocol::dns);
  EXPECT_EQ(taken, (std::set{*lines[0].sid, *lines[1].sid}));
}

TEST(Render, LeavesOutEmptyTextsAndSaysNever) {
  auto decision = sample();
  decision.protocols = {Protocol::http};
  decision.domain.scope = Scope::exact;
  decision.reason = decision.source = decision.actor = decision.confidence = RuleText("");
  decision.expires_at.reset();
  EXPECT_THAT(render_text(decision), HasSubstr(R"(http.host; dotprefix; content:".evil.com"; nocase; startswith; )"
                                               R"(pcre:"/^\.?\z/R"; metadata:iw_id abcdefghij23, iw_created )"
                                               R"(20261124T140304Z, iw_expires never; sid:)"));
}

TEST(Render, DropsNamesThatShouldBeRejectedOverDns) {
  auto decision = sample();
  decision.action = Action::reject;
  const auto text = render_text(decision);
  EXPECT_THAT(text, HasSubstr("reject tls $HOME_NET any -> any any (msg:\"intelwall reject evil.com\""));
  EXPECT_THAT(text, HasSubstr("reject http $HOME_NET any -> any any (msg:\"intelwall reject evil.com\""));
  EXPECT_THAT(text, HasSubstr("drop dns $HOME_NET any -> any any (msg:\"intelwall reject evil.com\""));
  decision.protocols = {Protocol::dns};
  EXPECT_THAT(read_decisions(parse_rules(render_text(decision))).decisions, ElementsAre(normalised(decision)));
}

TEST(Render, GivesStableSidsAndMovesOnWhereTheyAreTaken) {
  std::set<std::uint32_t> taken;
  const auto first = render(sample(), taken);
  for (const auto& line : first) {
    EXPECT_GE(*line.sid, first_sid);
    EXPECT_LE(*line.sid, last_sid);
  }
  std::set<std::uint32_t> empty;
  EXPECT_EQ(text_of(render(sample(), empty)), text_of(first));
  const auto second = render(sample(), taken);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(*second[i].sid, *first[i].sid + 1);
  EXPECT_THAT(taken, SizeIs(6));
}

TEST(Render, ProbesRoundTheEndOfTheRange) {
  auto decision = sample();
  decision.protocols = {Protocol::tls};
  std::set<std::uint32_t> none;
  const auto wanted = *render(decision, none)[0].sid;
  // An id whose wanted sid lies near the end, so that the test need not fill the range.
  for (int i = 0; *render(decision, none)[0].sid < last_sid - 200'000; ++i) {
    decision.id = "probe" + std::to_string(1'000'000 + i);
    none.clear();
  }
  none.clear();
  const auto near_end = *render(decision, none)[0].sid;
  ASSERT_NE(near_end, wanted);
  std::set<std::uint32_t> taken;
  for (auto sid = near_end; sid <= last_sid; ++sid) taken.insert(taken.end(), sid);
  EXPECT_EQ(*render(decision, taken)[0].sid, first_sid);
}

TEST(RenderDeathTest, RefusesAnIdThatIsNoId) {
  auto decision = sample();
  std::set<std::uint32_t> taken;
  for (const std::string bad : {"", "short", "abcdefghij234", "abcdefghij2;", "ABCDEFGHIJ23"}) {
    decision.id = bad;
    EXPECT_DEATH(render(decision, taken), "is_decision_id");
  }
  decision = sample();
  decision.action = Action::pass;
  EXPECT_DEATH(render(decision, taken), "pass");
}

TEST(Normalised, CutsTextsToTheirBounds) {
  auto decision = sample();
  const std::string much(64, 'x');
  decision.reason = decision.source = decision.actor = decision.confidence = RuleText(much);
  auto cut = normalised(decision);
  EXPECT_THAT(cut.source.text(), SizeIs(max_source));
  EXPECT_THAT(cut.actor.text(), SizeIs(max_actor));
  EXPECT_THAT(cut.confidence.text(), SizeIs(max_confidence));
  EXPECT_THAT(cut.reason.text(), SizeIs(max_texts - max_source - max_actor - max_confidence));
  decision.source = decision.actor = decision.confidence = RuleText("");
  EXPECT_THAT(normalised(decision).reason.text(), SizeIs(64));
  // A cut that ends at a blank loses the blank, and cutting again changes nothing.
  decision.source = RuleText("nineteen characters and more");
  EXPECT_EQ(normalised(decision).source.text(), "nineteen characters");
  EXPECT_EQ(normalised(normalised(decision)), normalised(decision));
}

TEST(Normalised, KeepsTimesReadable) {
  auto decision = sample();
  decision.created_at = Time::min();
  decision.expires_at = Time::max();
  const auto cut = normalised(decision);
  EXPECT_EQ(format_time(cut.created_at), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(*cut.expires_at), "9999-12-31T23:59:59Z");
  EXPECT_THAT(read_decisions(parse_rules(render_text(decision))).decisions, ElementsAre(cut));
}

TEST(ReadDecisions, GivesBackWhatWasRendered) {
  testing::Generator generate(1);
  std::set<std::uint32_t> taken;
  std::map<std::string, Decision> expected;
  std::string text = "# a list of ours\n";
  for (int i = 0; i < 2'000; ++i) {
    const auto decision = generate.decision();
    if (!expected.emplace(decision.id, normalised(decision)).second) continue;
    const auto rendered = text_of(render(decision, taken));
    const auto alone = read_decisions(parse_rules(rendered));
    ASSERT_THAT(alone.problems, IsEmpty());
    ASSERT_THAT(alone.decisions, ElementsAre(normalised(decision))) << rendered;
    text += rendered;
  }
  const auto document = parse_rules(text);
  const auto read = read_decisions(document);
  EXPECT_THAT(read.problems, IsEmpty());
  ASSERT_EQ(read.decisions.size(), expected.size());
  for (const auto& decision : read.decisions) EXPECT_EQ(decision, expected.at(decision.id));
  for (const auto& line : document.lines) {
    if (line.text.starts_with('#')) continue;
    ASSERT_TRUE(line.ours());
    EXPECT_TRUE(taken.contains(line.sid.value()));
  }
}

TEST(ReadDecisions, TakesTheRulesOfADecisionInAnyOrderAndPlace) {
  auto lines = split(render_text(sample()));
  std::ranges::reverse(lines);
  const auto text = lines[0] + "\n# note\n\n" + lines[1] + "\r\n" + lines[2];
  const auto read = read_decisions(parse_rules(text));
  EXPECT_THAT(read.decisions, ElementsAre(sample()));
  EXPECT_THAT(read.problems, IsEmpty());
}

TEST(ReadDecisions, KeepsTheProtocolsThatAreLeft) {
  const auto lines = split(render_text(sample()));
  auto expected = sample();
  expected.protocols = {Protocol::http};
  EXPECT_THAT(read_decisions(parse_rules(lines[1] + "\n")).decisions, ElementsAre(expected));
  const auto disabled = read_decisions(parse_rules("#" + lines[0] + "\n" + lines[1] + "\n# " + lines[2] + "\n"));
  EXPECT_THAT(disabled.decisions, ElementsAre(expected));
  EXPECT_THAT(disabled.problems, IsEmpty());
}

TEST(ReadDecisions, LeavesEveryChangedRuleToWhoeverChangedIt) {
  auto decision = sample();
  decision.protocols = {Protocol::tls};
  const auto rule = split(render_text(decision))[0];
  const std::pair<std::string_view, std::string_view> edits[] = {
      {"drop tls", "alert tls"},
      {"drop tls", "pass tls"},
      {"drop tls", "drop  tls"},
      {"$HOME_NET", "any"},
      {"any any (", "any 443 ("},
      {"intelwall drop", "intelwall pass"},
      {"intelwall drop", "intelwall reject"},
      {"drop evil.com", "drop Evil.com"},
      {"drop evil.com", "drop other.com"},
      {"content:\".evil.com", "content:\".other.com"},
      {"content:\".evil.com", "content:\"evil.com"},
      {" nocase;", ""},
      {" nocase;", " nocase; startswith; startswith;"},
      {"iw_id abcdefghij23", "iw_id ABCDEFGHIJ23"},
      {"iw_id abcdefghij23", "iw_id abcdefghij2"},
      {"iw_id abcdefghij23", "iw_id abcdefghij234"},
      {"iw_id abcdefghij23", "iw_id abcdefghij23, iw_id abcdefghij23"},
      {"iw_src securityhub, ", "iw_src , "},
      {"iw_src securityhub, iw_actor jane@example.org", "iw_actor jane@example.org, iw_src securityhub"},
      {"jane@example.org", "jane@example.org "},
      {"jane@example.org", "jane!"},
      {"jane@example.org", "twenty-five.characters.at."},
      {"20261124T140304Z", "2026-11-24T14:03:04Z"},
      {"20261124T140304Z", "20261324T140304Z"},
      {"iw_expires 20261224T140304Z", "iw_expires soon"},
      {", iw_expires 20261224T140304Z", ""},
      {"rev:1", "rev:2"},
      {"rev:1;)", "rev:1;) "},
      {"; sid:", "; sid:0"},
      {"; sid:", "; sid:-"},
      {"sid:", "noalert; sid:"},
  };
  for (const auto& [from, to] : edits) {
    const auto edited = replaced(rule, from, to);
    const auto document = parse_rules(edited + "\n");
    EXPECT_FALSE(document.lines[0].ours()) << edited;
    const auto read = read_decisions(document);
    EXPECT_THAT(read.decisions, IsEmpty()) << edited;
    ASSERT_THAT(read.problems, SizeIs(1)) << edited;
    EXPECT_EQ(read.problems[0].place, "line 1");
    EXPECT_EQ(to_string(document), edited + "\n");
  }
}

TEST(ReadDecisions, OwnsOnlySidsInItsRange) {
  auto decision = sample();
  decision.protocols = {Protocol::tls};
  std::set<std::uint32_t> taken;
  const auto line = render(decision, taken)[0];
  const auto with = [&](std::string_view sid) {
    const auto document = parse_rules(replaced(line.text, std::to_string(*line.sid), sid));
    return std::pair(document.lines[0].ours(), document.lines[0].sid);
  };
  EXPECT_EQ(with("1200000000"), std::pair(true, std::optional(first_sid)));
  EXPECT_EQ(with("2100000000"), std::pair(true, std::optional(last_sid)));
  EXPECT_EQ(with("1199999999"), std::pair(false, std::optional(first_sid - 1)));
  EXPECT_EQ(with("2100000001"), std::pair(false, std::optional(last_sid + 1)));
  EXPECT_EQ(with("1"), std::pair(false, std::optional(1U)));
  EXPECT_EQ(with("99999999999"), std::pair(false, std::optional<std::uint32_t>()));
}

TEST(ReadDecisions, TellsRulesThatDisagreeOrRepeat) {
  const auto lines = split(render_text(sample()));
  const auto disagreeing = replaced(lines[1], "iw_conf high", "iw_conf low");
  auto read = read_decisions(parse_rules(lines[0] + "\n" + disagreeing + "\n" + lines[2]));
  auto expected = sample();
  expected.protocols = {Protocol::tls, Protocol::dns};
  EXPECT_THAT(read.decisions, ElementsAre(expected));
  ASSERT_THAT(read.problems, SizeIs(1));
  EXPECT_EQ(read.problems[0].place, "line 2");
  EXPECT_THAT(read.problems[0].message, HasSubstr("something else than the first rule"));

  std::set<std::uint32_t> taken;
  render(sample(), taken);
  const auto copy = render(sample(), taken)[0].text;
  const auto document = parse_rules(lines[0] + "\n" + copy + "\n");
  EXPECT_TRUE(document.lines[0].ours());
  EXPECT_FALSE(document.lines[1].ours());
  EXPECT_TRUE(document.lines[1].sid.has_value());
  read = read_decisions(document);
  expected.protocols = {Protocol::tls};
  EXPECT_THAT(read.decisions, ElementsAre(expected));
  ASSERT_THAT(read.problems, SizeIs(1));
  EXPECT_THAT(read.problems[0].message, HasSubstr("repeats the protocol"));
}

TEST(ReadDecisions, IsNotFooledByContinuations) {
  const auto rule = split(render_text(sample()))[0];
  auto document = parse_rules("drop tcp any any -> any any (\\\n" + rule + "\n");
  EXPECT_FALSE(document.lines[1].ours());
  EXPECT_EQ(document.rule_count(), 1U);
  EXPECT_THAT(read_decisions(document).decisions, IsEmpty());
  EXPECT_THAT(read_decisions(document).problems, SizeIs(1));
  // A comment does not continue, so the rule below it is one.
  document = parse_rules("# note \\\n" + rule + "\n");
  EXPECT_TRUE(document.lines[1].ours());
  EXPECT_EQ(document.rule_count(), 1U);
  document = parse_rules(rule + "\\\n");
  EXPECT_FALSE(document.lines[0].ours());
}

TEST(ParseRules, LosesNoByte) {
  testing::Generator generate(2);
  const auto ours = render_text(sample());
  const std::vector<std::string> pieces = {
      "\n", "\r\n", "\r", "\\",     "\\\n",   " ",        "\t",       "#",  std::string(1, '\0'), "(", ")",
      ";",  "sid:", "\"", "sid:7;", "iw_id ", "\xff\xfe", "drop tls", ours, ours.substr(0, 90)};
  for (const auto text : {"", "\n", "\n\n", "a", "a\n", "\na", "\r\n"}) EXPECT_EQ(to_string(parse_rules(text)), text);
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    for (auto n = generate.below(12); n > 0; --n) text += pieces[generate.below(pieces.size())];
    const auto document = parse_rules(text);
    ASSERT_EQ(to_string(document), text);
    ASSERT_EQ(document.bytes(), text.size());
    read_decisions(document);
  }
}

TEST(ParseRules, CountsRulesAndFindsTheirSids) {
  const auto document = parse_rules(
      "# comment; sid:1;\n"
      "alert tcp any any -> any any (msg:\"sid:2\\; sid:3\"; sid:4; rev:1;)\r\n"
      "\n"
      " \t\r\n"
      "alert tcp any any -> any any (msg:\"a\"; \\\n"
      "# no comment here; \\\n"
      "  sid : 5 ;)\n"
      "  # indented comment\n"
      "alert tcp any any -> any any (SID:6;)\n"
      "alert tcp any any -> any any (msg:\"no sid\";)\n"
      "alert tcp any any -> any any (sid:x;)\n"
      "  alert tcp any any -> any any (sid:4294967295;)\n"
      "alert tcp any any -> any any (sid:4294967296;)");
  EXPECT_EQ(document.rule_count(), 7U);
  std::vector<std::uint32_t> sids;
  for (const auto& line : document.lines) {
    EXPECT_FALSE(line.ours());
    if (line.sid) sids.push_back(*line.sid);
  }
  EXPECT_THAT(sids, ElementsAre(4, 5, 6, 4294967295));
  EXPECT_FALSE(document.ends_with_newline);
}

TEST(Diff, ShowsRulesThatOnlyOneSideHas) {
  const auto before = parse_rules("a\nb\nb\n\nc\n");
  const auto after = parse_rules("c\nb\nd\n\n\na\nd\n");
  EXPECT_EQ(diff(before, after), (LineDiff{.added = {"d", "d"}, .removed = {"b"}}));
  EXPECT_EQ(diff(before, before), LineDiff{});
  EXPECT_EQ(diff(parse_rules(""), after).removed, std::vector<std::string>{});
}

TEST(DomainListForm, SpeaksTargets) {
  const auto name = *DomainName::parse("evil.com");
  EXPECT_EQ(to_target({name, Scope::subdomains}), ".evil.com");
  EXPECT_EQ(to_target({name, Scope::exact}), "evil.com");
  for (const auto target :
       {"", ".", "..evil.com", "*.evil.com", "Evil.com", "evil.com.", "com", ".com", "10.0.0.1", "a b.com"}) {
    EXPECT_FALSE(from_target(target).has_value()) << target;
  }
  testing::Generator generate(3);
  for (int i = 0; i < 1'000; ++i) {
    const auto domain = generate.decision().domain;
    EXPECT_EQ(from_target(to_target(domain)), domain);
  }
}

TEST(DomainListForm, CountsCapacityAsAwsDoes) {
  DomainList list{
      .targets = {".a.com", "b.com", "c.com"}, .protocols = {Protocol::tls, Protocol::http}, .action = Action::drop};
  EXPECT_EQ(capacity_of(list), 3U * 2 + 2);
  list.protocols = {Protocol::tls};
  EXPECT_EQ(capacity_of(list), 3U + 1);
  list.protocols = {Protocol::tls, Protocol::http};
  list.targets.assign(14'999, ".a.com");
  EXPECT_EQ(capacity_of(list), 30'000U);
}

}  // namespace
}  // namespace intelwall::rules
