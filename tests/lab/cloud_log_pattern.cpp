// Filter patterns of CloudWatch Logs: what the documentation's examples match, and what is refused.
#include "lab/cloud_log_pattern.hpp"

#include <gtest/gtest.h>

namespace intelwall::lab {
namespace {

bool matches(std::string_view pattern, std::string_view message) {
  const auto parsed = LogPattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern << ": " << parsed.error().message;
  return parsed && parsed->matches(message);
}

TEST(LogPatterns, terms) {
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("ERROR", "[ERROR 400] BAD REQUEST"));
  EXPECT_FALSE(matches("ERROR", "error"));
  EXPECT_TRUE(matches("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS"));
  EXPECT_FALSE(matches("ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST"));
  EXPECT_TRUE(matches("?ERROR ?ARGUMENTS", "INVALID ARGUMENTS"));
  EXPECT_FALSE(matches("?ERROR ?ARGUMENTS", "fine"));
  EXPECT_TRUE(matches("\"INTERNAL SERVER ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR"));
  EXPECT_FALSE(matches("\"INTERNAL ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR"));
  EXPECT_TRUE(matches("ERROR -ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST"));
  EXPECT_FALSE(matches("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS"));
  EXPECT_FALSE(matches("ERROR ?WARN", "WARN")) << "an optional term says nothing beside a required one";
  EXPECT_TRUE(matches(R"("a \"b\"")", R"(x a "b" y)"));
}

constexpr const char* trail =
    R"({"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another"],
  "objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"latency":50.5,"code":400,
  "event":{"event_type":"alert","dest_port":443},"odd.key":"x"})";

TEST(LogPatterns, json_values) {
  EXPECT_TRUE(matches(R"({ $.eventType = "UpdateTrail" })", trail));
  EXPECT_TRUE(matches("{$.eventType=UpdateTrail}", trail));
  EXPECT_FALSE(matches(R"({ $.eventType = "Update" })", trail));
  EXPECT_TRUE(matches(R"({ $.eventType = "Update*" })", trail));
  EXPECT_TRUE(matches("{ $.sourceIPAddress != 123.123.* }", trail));
  EXPECT_FALSE(matches("{ $.sourceIPAddress != 111.111.* }", trail));
  EXPECT_TRUE(matches(R"({ $.arrayKey[0] = "value" })", trail));
  EXPECT_FALSE(matches(R"({ $.arrayKey[2] = "value" })", trail));
  EXPECT_TRUE(matches(R"({ $.objectList[*].name = "b" })", trail));
  EXPECT_TRUE(matches("{ $.objectList[1].id = 2 }", trail));
  EXPECT_TRUE(matches(R"({ $.event.event_type = "alert" })", trail));
  EXPECT_FALSE(matches(R"({ $.event.event_type = "flow" })", trail));
  EXPECT_TRUE(matches(R"({ $['odd.key'] = x })", trail));
}

TEST(LogPatterns, numbers) {
  EXPECT_TRUE(matches("{ $.latency > 50 }", trail));
  EXPECT_TRUE(matches("{ $.latency >= 5.05e1 }", trail));
  EXPECT_FALSE(matches("{ $.latency < 50.5 }", trail));
  EXPECT_TRUE(matches("{ $.latency <= 50.5 }", trail));
  EXPECT_TRUE(matches("{ $.code = 400.0 }", trail));
  EXPECT_TRUE(matches("{ $.code = 4* }", trail));
  EXPECT_TRUE(matches("{ $.code != 401 }", trail));
  EXPECT_FALSE(matches("{ $.eventType > 1 }", trail)) << "a text is no number";
}

TEST(LogPatterns, what_is_there_and_what_is_not) {
  EXPECT_TRUE(matches("{ $.SomeObject IS NULL }", trail));
  EXPECT_FALSE(matches("{ $.eventType IS NULL }", trail));
  EXPECT_TRUE(matches("{ $.SomeOtherObject NOT EXISTS }", trail));
  EXPECT_FALSE(matches("{ $.SomeObject NOT EXISTS }", trail));
  EXPECT_TRUE(matches("{ $.ThisFlag IS TRUE }", trail));
  EXPECT_FALSE(matches("{ $.ThisFlag IS FALSE }", trail));
  EXPECT_FALSE(matches(R"({ $.none != "x" })", trail));
  EXPECT_FALSE(matches(R"({ $.event = "*" })", trail)) << "an object is no scalar";
}

TEST(LogPatterns, together) {
  EXPECT_TRUE(matches(R"({ ($.code = 400) && ($.latency > 50) })", trail));
  EXPECT_FALSE(matches(R"({ $.code = 400 && $.latency > 51 })", trail));
  EXPECT_TRUE(matches(R"({ $.code = 1 || $.latency > 50 })", trail));
  EXPECT_TRUE(matches("{ $.code = 400 || $.code = 1 && $.code = 2 }", trail)) << "&& binds closer";
  EXPECT_FALSE(matches("{ ($.code = 400 || $.code = 1) && $.code = 2 }", trail));
}

TEST(LogPatterns, a_json_pattern_matches_no_other_text) {
  for (const char* message : {"", "alert", "[1", "\"alert\"", "7", "null", "{\"event\":{}} {}"})
    EXPECT_FALSE(matches(R"({ $.event NOT EXISTS })", message)) << message;
}

TEST(LogPatterns, stars) {
  EXPECT_TRUE(matches_stars("*a*b*", "xxaxxbxx"));
  EXPECT_TRUE(matches_stars("a*", "a"));
  EXPECT_TRUE(matches_stars("", ""));
  EXPECT_FALSE(matches_stars("", "a"));
  EXPECT_FALSE(matches_stars("a*b", "ab c"));
  EXPECT_FALSE(matches_stars("*a*b", "ba"));
  // Would take years if it tried every way.
  EXPECT_FALSE(matches_stars("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

TEST(LogPatterns, refusals) {
  for (const std::string& pattern : {std::string("{"),
                                     std::string("{}"),
                                     std::string("{ $.a }"),
                                     std::string("{ $.a = }"),
                                     std::string("{ $.a = \"x }"),
                                     std::string("{ $.a > x }"),
                                     std::string("{ a = 1 }"),
                                     std::string("{ $ = 1 }"),
                                     std::string("{ $.a[x] = 1 }"),
                                     std::string("{ $.a = 1 } x"),
                                     std::string("{ $.a = 1 && }"),
                                     std::string("{ ($.a = 1 }"),
                                     std::string("{ $.a IS x }"),
                                     std::string("{ $.a NOT x }"),
                                     std::string("[ip, user]"),
                                     std::string("%regex%"),
                                     std::string("{ $.a = %x% }"),
                                     std::string("\"open"),
                                     std::string("?"),
                                     std::string(1025, 'x'),
                                     "{ " + std::string(100, '(') + "$.a = 1" + std::string(100, ')') + " }"}) {
    const auto parsed = LogPattern::parse(pattern);
    ASSERT_FALSE(parsed) << pattern;
    EXPECT_EQ(parsed.error().name, "InvalidParameterException");
  }
}

}  // namespace
}  // namespace intelwall::lab
