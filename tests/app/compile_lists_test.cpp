#include "app/compile_lists.hpp"

#include <gmock/gmock.h>

namespace intelwall::app {
namespace {

TEST(ErrorLimit, IsAShareOrANumber) {
  const auto one_percent = parse_error_limit("1%");
  ASSERT_TRUE(one_percent);
  EXPECT_TRUE(one_percent->allows(0, 0));
  EXPECT_TRUE(one_percent->allows(1, 100));
  EXPECT_FALSE(one_percent->allows(1, 99));
  EXPECT_FALSE(one_percent->allows(2, 199));
  const auto three = parse_error_limit("3");
  ASSERT_TRUE(three);
  EXPECT_TRUE(three->allows(3, 3));
  EXPECT_FALSE(three->allows(4, 1'000'000));
  EXPECT_DOUBLE_EQ(parse_error_limit("0.5%")->share, 0.005);
  EXPECT_TRUE(parse_error_limit("0"));
  EXPECT_TRUE(parse_error_limit("100%"));
}

TEST(ErrorLimit, NothingElse) {
  for (const char* text : {"", "%", "-1", "-1%", "101%", "1 %", "1%%", "many", "1e1%", "nan%", "inf%", "0x1", "1.5"}) {
    const auto limit = parse_error_limit(text);
    ASSERT_FALSE(limit) << text;
    EXPECT_EQ(limit.error().code, ErrorCode::usage);
    EXPECT_EQ(limit.error().place, "--max-errors");
  }
}

}  // namespace
}  // namespace intelwall::app
