#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/guardrails.hpp"

namespace intelwall::policy {
namespace {

using testing::HasSubstr;

TEST(List, ReadsNamesScopesAndNotes) {
  const auto entries = parse_list(
      "\xef\xbb\xbf# header\r\n\r\nevil.com\r\n  .Sub.Evil.ORG  # why # not\n*.third.net\n=only.example#n\nпример.рф",
      "f");
  ASSERT_TRUE(entries) << entries.error().to_text();
  ASSERT_EQ(entries->size(), 5U);
  const auto expect = [&](std::size_t i, const char* name, Scope scope, const char* note, std::size_t line) {
    EXPECT_EQ(entries->at(i).domain.name.text(), name);
    EXPECT_EQ(entries->at(i).domain.scope, scope);
    EXPECT_EQ(entries->at(i).note, note);
    EXPECT_EQ(entries->at(i).line, line);
  };
  expect(0, "evil.com", Scope::subdomains, "", 3);
  expect(1, "sub.evil.org", Scope::subdomains, "why # not", 4);
  expect(2, "third.net", Scope::subdomains, "", 5);
  expect(3, "only.example", Scope::exact, "n", 6);
  expect(4, "xn--e1afmkfd.xn--p1ai", Scope::subdomains, "", 7);
}

TEST(List, EmptyIsEmpty) {
  for (const char* text : {"", "\n\n", "# only a comment", "   \r\n\t# x\n"}) {
    EXPECT_EQ(parse_list(text, "f").value().size(), 0U);
  }
}

TEST(List, RefusesItselfWholeAtTheFirstBadLine) {
  const auto bad = parse_list("good.com\n\n1.2.3.4 # no\nworse..com\n", "allow\n.txt");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().place, "allow\\x0a.txt:3");
  EXPECT_THAT(bad.error().message, HasSubstr("IP address"));
  EXPECT_FALSE(bad.error().hint.empty());
  for (const char* line : {"com", "http://evil.com", "a b.com", "evil.com bad.com", "==evil.com", "=.evil.com",
                           "=*.evil.com", "*.*.evil.com", "*", "=", ".", "evil.com,", "\x01", "\xff.com"}) {
    EXPECT_FALSE(parse_list(line, "f")) << line;
  }
  EXPECT_FALSE(parse_list(std::string_view("a.com\0b.com", 11), "f"));
}

}  // namespace
}  // namespace intelwall::policy
