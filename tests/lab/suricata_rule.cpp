#include "lab/suricata_rule.hpp"

#include <gmock/gmock.h>

#include <random>

namespace intelwall::lab {
namespace {

using testing::HasSubstr;

TEST(SuricataRule, TakesTheDocumentedFormApart) {
  const auto rules = parse_suricata_rules(
      "# comment\n\n"
      "drop tls $HOME_NET any -> [$EXTERNAL_NET, !10.0.0.1] ![80,443] (tls.sni; content:!\"a\\;b\\\"|3b|\"; "
      "flow:to_server, established; sid:7;)\n");
  ASSERT_TRUE(rules) << rules.error().to_text();
  ASSERT_EQ(rules->size(), 1u);
  const auto& rule = rules->front();
  EXPECT_EQ(rule.action, "drop");
  EXPECT_EQ(rule.protocol, "tls");
  EXPECT_EQ(rule.source, "$HOME_NET");
  EXPECT_EQ(rule.destination, "[$EXTERNAL_NET, !10.0.0.1]");
  EXPECT_EQ(rule.destination_port, "![80,443]");
  EXPECT_EQ(rule.line, 3u);
  ASSERT_EQ(rule.options.size(), 4u);
  EXPECT_EQ(rule.options[0].keyword, "tls.sni");
  EXPECT_FALSE(rule.options[0].value);
  EXPECT_EQ(rule.find("content")->value, "!\"a\\;b\\\"|3b|\"");
  EXPECT_EQ(rule.find("flow")->value, "to_server, established");
  EXPECT_EQ(rule.find("pcre"), nullptr);
}

TEST(SuricataRule, ContinuedLinesAreOneRuleAtItsFirstLine) {
  const auto rules = parse_suricata_rules("alert tcp any any -> any any (\\\r\n msg:\"x\"; \\\n sid:1;)\nbad");
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().place, "line 4");
  const auto good = parse_suricata_rules("\nalert tcp any any -> any any (\\\r\n msg:\"x\"; \\\n sid:1;)\r\n");
  ASSERT_TRUE(good) << good.error().to_text();
  EXPECT_EQ(good->front().line, 2u);
  EXPECT_EQ(to_string(good->front()), "alert tcp any any -> any any (msg:\"x\"; sid:1;)");
}

TEST(SuricataRule, NothingAndCommentsAreNoRules) {
  for (const auto* text : {"", "\n\n", "# a\n  # b \\\n", "   \t\r\n"}) {
    const auto rules = parse_suricata_rules(text);
    ASSERT_TRUE(rules) << text;
    EXPECT_TRUE(rules->empty()) << text;
  }
}

struct Refusal {
  std::string text;
  std::string reason;
};
class SuricataRuleRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(SuricataRuleRefusal, NamesLineAndReason) {
  const auto rules = parse_suricata_rules("\n" + GetParam().text);
  ASSERT_FALSE(rules) << GetParam().text;
  EXPECT_EQ(rules.error().place, "line 2");
  EXPECT_THAT(rules.error().message, HasSubstr(GetParam().reason));
  EXPECT_EQ(rules.error().code, ErrorCode::invalid_input);
}
INSTANTIATE_TEST_SUITE_P(
    All, SuricataRuleRefusal,
    testing::Values(Refusal{"drop tls any any -> any any", "no options in parentheses"},
                    Refusal{"drop tls any any -> any any (sid:1;", "does not end with \")\""},
                    Refusal{"drop tls any any -> any any ()", "no options"},
                    Refusal{"drop tls any any -> any any (sid:1)", "does not end with \";\""},
                    Refusal{"drop tls any any -> any any (sid:;)", "no value"},
                    Refusal{"drop tls any any -> any any (msg:\"a;b\"; sid:1;)", "quotes of option msg do not close"},
                    Refusal{"drop tls any any -> any any (msg:\"a\\\"; sid:1;)", "quotes of option msg do not close"},
                    Refusal{"drop tls any any -> any any (msg:\"; sid:1;)", "quotes of option msg do not close"},
                    Refusal{"drop tls any any -> any any (x:a\\ ; sid:1;)", "ends in \"\\\""},
                    Refusal{"drop tls any any -> any any (sid:1;; rev:1;)", "is no option keyword"},
                    Refusal{"drop tls any any -> any any (si d:1;)", "\"si d\" is no option keyword"},
                    Refusal{"drop tls any any -> any (sid:1;)", "destination port is missing"},
                    Refusal{"drop tls any any -> any any any (sid:1;)", "stands between"},
                    Refusal{"drop tls any any <- any any (sid:1;)", "no direction"},
                    Refusal{"drop tls [10.0.0.0/8 any -> any any (sid:1;)", "brackets do not close"},
                    Refusal{"drop tls 10.0.0.0/8] any -> any any (sid:1;)", "brackets do not close"},
                    Refusal{"drop! tls any any -> any any (sid:1;)", "no action"},
                    Refusal{"drop tls; any any -> any any (sid:1;)", "no protocol"},
                    Refusal{"drop tls any any -> any any (msg:\"a\x01\"; sid:1;)", "control character (\\x01)"},
                    Refusal{"drop tls any any -> any any (sid:1;) \\\n", "continued line"}));

TEST(SuricataRule, WhatIsWrittenReadsBackTheSame) {
  std::mt19937 random(7);
  const std::string_view alphabet = "ab; \\\"|:,!()[]$#\t.-";
  const auto text_of = [&](std::size_t limit) {
    std::string text;
    for (auto n = random() % limit; n > 0; --n) text += alphabet[random() % alphabet.size()];
    return text;
  };
  std::size_t accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto text = "drop tls any any -> any any (x:" + text_of(12) + ";y;" + text_of(6) + "sid:1;)";
    const auto rules = parse_suricata_rules(text);
    if (!rules) continue;
    ++accepted;
    ASSERT_EQ(rules->size(), 1u) << text;
    const auto again = parse_suricata_rules(to_string(rules->front()));
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(to_string(again->front()), to_string(rules->front())) << text;
    EXPECT_EQ(again->front().options.size(), rules->front().options.size()) << text;
  }
  EXPECT_GT(accepted, 1'000u);
}

}  // namespace
}  // namespace intelwall::lab
