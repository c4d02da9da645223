#include "lab/rule_validation.hpp"

#include <gmock/gmock.h>

#include <random>
#include <string>
#include <vector>

#include "lab/suricata_rule.hpp"

namespace intelwall::lab {
namespace {

using ::testing::HasSubstr;

RuleContext strict() {
  RuleContext context;
  context.strict_order = true;
  return context;
}

struct Case {
  const char* rule;
  const char* reason;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.rule;
}

class Refused : public ::testing::TestWithParam<Case> {};
TEST_P(Refused, names_line_and_reason) {
  const std::string text = std::string("# a comment\n\n") + GetParam().rule + "\n";
  const auto checked = validate_rules(text, strict());
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().place, "line 3");
  EXPECT_THAT(checked.error().message, HasSubstr(GetParam().reason));
}
INSTANTIATE_TEST_SUITE_P(
    rules, Refused,
    ::testing::Values(
        Case{"drop tls any any -> any any (dataset:isset,x,type string; sid:1;)", "dataset"},
        Case{"drop tls any any -> any any (DataSet:isset,x; sid:1;)", "DataSet"},
        Case{"drop ip any any -> any any (datarep:x,>,1; sid:1;)", "datarep"},
        Case{"drop tls any any -> any any (lua:a.lua; sid:1;)", "lua"},
        Case{"drop ip any any -> any any (iprep:src,bad,>,1; sid:1;)", "iprep"},
        Case{"drop ip any any -> any any (threshold:type limit, track by_src, count 1, seconds 1; sid:1;)",
             "threshold"},
        Case{"drop ip any any -> any any (detection_filter:track by_src, count 1, seconds 1; sid:1;)",
             "detection_filter"},
        Case{"drop ip any any -> any any (xbits:set,x,track ip_src; sid:1;)", "xbits"},
        Case{"drop ip any any -> any any (hostbits:set,x,ip_dst; sid:1;)", "hostbits"},
        Case{"drop ip any any -> any any (tag:host,10,packets,src; sid:1;)", "tag:host"},
        Case{"drop http any any -> any any (filestore; sid:1;)", "filestore"},
        Case{"drop http any any -> any any (file.name; content:\"x\"; sid:1;)", "file.name"},
        Case{"drop http any any -> any any (filemd5:list; sid:1;)", "filemd5"},
        Case{"pass tls any any -> any any (bypass; sid:1;)", "bypass"},
        Case{"drop tls any any -> any any (priority:1; sid:1;)", "priority"},
        Case{"drop tls any any -> any any (pcre:\"/x/\"; sid:1;)", "pcre"},
        Case{"drop tls any any -> any any (msg:\"content\"; pcre:\"/x/\"; sid:1;)", "pcre"},
        Case{"reject quic any any -> any any (sid:1;)", "quic"},
        Case{"REJECT QUIC any any -> any any (sid:1;)", "quic"}, Case{"block tls any any -> any any (sid:1;)", "block"},
        Case{"drop sctp any any -> any any (sid:1;)", "sctp"}, Case{"drop enip any any -> any any (sid:1;)", "enip"},
        Case{"drop ike any any -> any any (sid:1;)", "ike"}, Case{"drop tls any any -> any any (msg:\"m\";)", "no sid"},
        Case{"drop tls any any -> any any (sid:0;)", "sid"},
        Case{"drop tls any any -> any any (sid:4294967296;)", "sid"},
        Case{"drop tls any any -> any any (sid:1x;)", "sid"},
        Case{"drop tls any any -> any any (sid:1; sid:2;)", "two sids"},
        Case{"drop tls $SERVERS any -> any any (sid:1;)", "$SERVERS"},
        Case{"drop tls any $HTTP_PORTS -> any any (sid:1;)", "$HTTP_PORTS"},
        Case{"drop tls any any -> [!$HOME_NET,$OTHER] any (sid:1;)", "$OTHER"},
        Case{"drop tls any any -> @SET any (sid:1;)", "@SET"},
        Case{"drop tls any $HOME_NET -> any any (sid:1;)", "$HOME_NET"},
        Case{"drop tls any any <- any any (sid:1;)", "direction"},
        Case{"drop tls any any -> any any (tls.sny; sid:1;)", "tls.sny"},
        Case{"drop tls any any -> any any (content:x; sid:1;)", "quotes"},
        Case{"drop tls any any -> any any (msg:\"m; sid:1;)", "quotes"},
        Case{"drop tls any any -> any any (sid:1)", "not closed"}, Case{"drop tls any any -> any any (sid:1;", "form"},
        Case{"drop tls any any -> any any", "form"}, Case{"drop tls any any -> any (sid:1;)", "form"},
        Case{"drop", "form"}, Case{"(sid:1;)", "form"}));

class Accepted : public ::testing::TestWithParam<const char*> {};
TEST_P(Accepted, counts_one) {
  const auto checked = validate_rules(GetParam(), RuleContext{});
  ASSERT_TRUE(checked.has_value()) << checked.error().to_text();
  EXPECT_EQ(*checked, 1u);
}
INSTANTIATE_TEST_SUITE_P(
    rules, Accepted,
    ::testing::Values(
        "drop tls $HOME_NET any -> $EXTERNAL_NET any (tls.sni; dotprefix; content:\".evil.com\"; nocase; endswith; "
        "sid:1;)",
        "  alert dns any any -> any 53 (dns.query; content:!\"a\\;b\"; pcre:\"/x\\;y/\"; sid:4294967295; rev:2;)  ",
        "reject tcp [10.0.0.0/8, !10.1.0.0/16] any -> any [80,443] (sid:7;)",
        "pass http any any <> any any (sid:3; priority:9;)",
        "drop quic any any -> any any (quic.sni; content:\"x\"; sid:1;)",
        "drop tls any any -> any any (tls_sni; content:\"x\"; sid:1;)",
        "drop tls any any -> any any (\\\n  tls.sni; content:\"x\"; \\\n  sid:1;)",
        "drop ip any any -> any any (xbits:set,x,track tx; sid:1;)", "drop tls any any -> any any(sid:1;)"));

TEST(RuleValidation, counts_rules_and_not_comments) {
  const auto checked = validate_rules(
      "# drop tls any any -> any any (sid:9;)\r\n\r\ndrop tls any any -> any any (sid:1;)\r\n\n  \n"
      "drop tls any any -> any any (sid:2;)",
      strict());
  ASSERT_TRUE(checked.has_value()) << checked.error().to_text();
  EXPECT_EQ(*checked, 2u);
  EXPECT_EQ(validate_rules("", strict()).value(), 0u);
}

TEST(RuleValidation, names_the_line_of_the_second_of_two_equal_sids) {
  const auto checked = validate_rules(
      "drop tls any any -> any any (sid:5;)\ndrop tls any any -> any any (sid:1;)\ndrop tls any any -> any any "
      "(sid:5;)\n",
      strict());
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().place, "line 3");
  EXPECT_THAT(checked.error().message, HasSubstr("sid 5"));
}

TEST(RuleValidation, counts_the_bytes_of_variables) {
  RuleContext context;
  context.address_variables["NETS"] = 8000;
  const std::string start = "drop tls $NETS any -> any any (sid:1; msg:\"", end = "\";)";
  const std::size_t room = rule_byte_limit - 8000 - (start.size() - 5) - end.size();
  EXPECT_TRUE(validate_rules(start + std::string(room, 'm') + end, context).has_value());
  const auto over = validate_rules(start + std::string(room + 1, 'm') + end, context);
  ASSERT_FALSE(over.has_value());
  EXPECT_THAT(over.error().message, HasSubstr("8193"));
  EXPECT_FALSE(
      validate_rules("drop tls any any -> any any (sid:1; msg:\"" + std::string(9000, 'm') + "\";)", {}).has_value());
}

TEST(RuleValidation, knows_the_groups_own_variables) {
  RuleContext context;
  context.address_variables["SERVERS"] = 10;
  context.port_variables["WEB"] = 8;
  context.references["BAD"] = 3;
  EXPECT_TRUE(validate_rules("drop tcp $SERVERS any -> @BAD $WEB (sid:1;)", context).has_value());
  EXPECT_FALSE(validate_rules("drop tcp $WEB any -> any $SERVERS (sid:1;)", context).has_value());
}

TEST(RuleValidation, summarizes) {
  const auto summaries = summarize_rules(
      "drop tls any any -> any any (msg:\"first\"; metadata:a b, c d; sid:1;)\n"
      "drop tls any any -> any any (msg:\"se\\;cond\"; \\\nsid:2;)\n");
  ASSERT_EQ(summaries.size(), 2u);
  EXPECT_EQ(summaries[0].message, "first");
  EXPECT_EQ(summaries[0].metadata, "a b, c d");
  EXPECT_EQ(summaries[1].sid, 2u);
  EXPECT_EQ(summaries[1].message, "se\\;cond");
}

/// Rules put together from parts that a rule may have, blanks and comments between.
std::string generated(std::mt19937& random, std::size_t& count) {
  const auto pick = [&random](const auto& from) { return from[random() % from.size()]; };
  const std::vector<std::string> actions{"pass", "drop", "reject", "alert"},
      protocols{"tls", "http", "dns", "tcp", "ip"},
      sides{"any", "$HOME_NET", "$EXTERNAL_NET", "[10.0.0.0/8,!10.2.0.0/16]"}, arrows{"->", "<>"},
      options{"msg:\"a \\\"quoted\\\" text\";", "tls.sni; content:\"a|3b|b\"; nocase;",
              "flow:to_server,established;",    "content:\"x\"; pcre:\"/a\\;b(c)/i\";",
              "metadata:iw_id abc, k v;",       "dotprefix;"};
  std::string text;
  for (count = 0; count < 1 + random() % 20; ++count) {
    if (random() % 4 == 0) text += "# drop tls any any -> any any (sid:1;)\n";
    if (random() % 4 == 0) text += "\n";
    text += pick(actions) + " " + pick(protocols) + " " + pick(sides) + " any " + pick(arrows) + " " + pick(sides) +
            " any (";
    for (std::size_t i = random() % 4; i > 0; --i) text += pick(options) + (random() % 2 ? " " : "");
    if (random() % 5 == 0) text += "\\\n ";
    text += "sid:" + std::to_string(count + 1) + ";)\n";
  }
  return text;
}

TEST(RuleValidation, agrees_with_the_labs_rule_parser) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::size_t count = 0;
    const std::string text = generated(random, count);
    const auto checked = validate_rules(text, strict());
    ASSERT_TRUE(checked.has_value()) << checked.error().to_text() << "\n" << text;
    EXPECT_EQ(*checked, count);
    const auto parsed = parse_suricata_rules(text);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().to_text() << "\n" << text;
    ASSERT_EQ(parsed->size(), count) << text;
    const auto summaries = summarize_rules(text);
    for (std::size_t i = 0; i < count; ++i)
      EXPECT_EQ(std::to_string(summaries[i].sid), parsed->at(i).find("sid")->value);
  }
}

TEST(RuleValidation, takes_damaged_text_apart_without_harm) {
  std::mt19937 random(11);
  std::size_t refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::size_t count = 0;
    std::string text = generated(random, count);
    for (std::size_t hits = 1 + random() % 4; hits > 0; --hits) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0) {
        text.erase(at, 1 + random() % 8);
      } else {
        text[at] = static_cast<char>(random());
      }
      if (text.empty()) break;
    }
    const auto checked = validate_rules(text, strict());
    if (checked) continue;
    ++refused;
    EXPECT_FALSE(checked.error().message.empty());
    EXPECT_THAT(checked.error().place, HasSubstr("line "));
    for (const char c : checked.error().message) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
  EXPECT_GT(refused, 1000u);
}

}  // namespace
}  // namespace intelwall::lab
