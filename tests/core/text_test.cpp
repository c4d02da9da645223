#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "core/result.hpp"
#include "core/rule_text.hpp"
#include "core/utf8.hpp"

namespace intelwall {
namespace {

TEST(Error, IsOneSentenceWithPlaceAndHint) {
  EXPECT_EQ((Error{ErrorCode::refused, "no", "", ""}).to_text(), "no");
  EXPECT_EQ((Error{ErrorCode::refused, "no", "a.yaml:3", "ask"}).to_text(), "a.yaml:3: no (ask)");
  EXPECT_STREQ(to_string(ErrorCode::invalid_input), "invalid_input");
  EXPECT_STREQ(to_string(ErrorCode::unavailable), "unavailable");
}

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorCode::invalid_input, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  IW_TRY(const int once, half(n));
  IW_CHECK(half(once));
  IW_TRY(const int twice, half(once));
  return twice;
}

TEST(Result, ReturnsEarly) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_EQ(quarter(7).error().message, "odd");
}

TEST(ResultDeathTest, AssertNamesItself) {
  EXPECT_DEATH(IW_ASSERT(1 + 1 == 3), "bug: 1 \\+ 1 == 3 is false at");
}

TEST(Printable, EscapesWhatIsTreacherous) {
  EXPECT_EQ(printable("plain [x] é 漢 🦊"), "plain [x] é 漢 🦊");
  EXPECT_EQ(printable("a\nb\t\x1b[31m\x7f"), "a\\x0ab\\x09\\x1b[31m\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\xff\xc3(\xed\xa0\x80"), "\\xff\\xc3(\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "gpj"),
            "\\xe2\\x80\\xaegpj");                 // right-to-left override
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // C1 control
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("123456", 6), "123456");
  EXPECT_EQ(printable("1234567", 6), "123…");
  EXPECT_EQ(printable("ééé", 5), "é…");
  EXPECT_EQ(printable("abc\n\n\n", 8), "abc…");
  EXPECT_EQ(printable("abc", 2), "");
  EXPECT_EQ(printable("abc", 0), "");
}

TEST(RuleText, KeepsTheSafeAndReplacesTheRest) {
  EXPECT_EQ(RuleText("Falcon: C2 (T1071.001) a/b@c +1 =-_").text(), "Falcon: C2 (T1071.001) a/b@c +1 =-_");
  EXPECT_EQ(RuleText("x\"; sid:1; drop tcp $HOME_NET any, a|41|\\").text(),
            "x__ sid:1_ drop tcp _HOME_NET any_ a_41__");
  EXPECT_EQ(RuleText("  a   b  ").text(), "a b");
  EXPECT_EQ(RuleText("line\nnext\ttab").text(), "line_next_tab");
  EXPECT_EQ(RuleText("né漢🦊x").text(), "n___x");
  EXPECT_EQ(RuleText("").text(), "");
  EXPECT_TRUE(RuleText("   ").empty());
}

TEST(RuleText, IsBounded) {
  EXPECT_EQ(RuleText(std::string(300, 'a')).text(), std::string(64, 'a'));
  EXPECT_EQ(RuleText("ab cd", 3).text(), "ab");
  EXPECT_EQ(RuleText("abc", 0).text(), "");
}

std::string random_bytes(std::mt19937& random) {
  std::uniform_int_distribution<int> byte(0, 255);
  std::string text(std::uniform_int_distribution<std::size_t>(0, 200)(random), '\0');
  for (char& c : text) c = static_cast<char>(byte(random));
  return text;
}

TEST(TextProperty, RandomBytesBecomeSafeTexts) {
  std::mt19937 random(3);  // NOLINT: the same texts every time
  for (int i = 0; i < 20'000; ++i) {
    const std::string bytes = random_bytes(random);
    const std::size_t limit = std::uniform_int_distribution<std::size_t>(0, 150)(random);
    const std::string shown = printable(bytes, limit);
    ASSERT_TRUE(is_valid_utf8(shown));
    ASSERT_LE(shown.size(), limit);
    ASSERT_EQ(printable(shown, limit), shown);
    for (const char c : shown) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);

    const std::string text = RuleText(bytes, limit).text();
    ASSERT_LE(text.size(), limit);
    ASSERT_EQ(RuleText(text, limit).text(), text);
    ASSERT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._:/@+=()-"),
              std::string::npos);
    ASSERT_FALSE(text.starts_with(' ') || text.ends_with(' ') || text.contains("  "));
  }
}

}  // namespace
}  // namespace intelwall
