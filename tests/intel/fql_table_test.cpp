#include "intel/fql_table.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "intel/fql_matcher.hpp"

namespace intelwall::fql {
namespace {

using Rows = std::vector<std::uint32_t>;

const Time now = parse_time("2023-11-24T12:00:00Z").value();

class FqlTable : public testing::Test {
 protected:
  Result<void> add(const std::string& object) { return table_.add(parser_.parse(object).value()); }
  Rows select(const std::string& filter) const { return table_.select(read(filter).value(), now); }

  Table table_;
  simdjson::dom::parser parser_;
};

TEST_F(FqlTable, SelectsRowsInOrder) {
  EXPECT_EQ(select("a:1"), Rows{});
  ASSERT_TRUE(add(R"({"a":1,"b":{"c":["x",{"d":null}]}})"));
  ASSERT_TRUE(add(R"({})"));
  ASSERT_TRUE(add(R"({"b":{"c":"x"},"a":[2,1]})"));
  ASSERT_TRUE(add(R"({"A":true,"b":[{"c":"y"},{"C":"x"}]})"));
  EXPECT_EQ(table_.size(), 4U);
  EXPECT_EQ(select("a:1"), (Rows{0, 2}));
  EXPECT_EQ(select("a:!1"), (Rows{1, 3}));
  EXPECT_EQ(select("a:null"), (Rows{1}));
  EXPECT_EQ(select("a:true,a:2"), (Rows{2, 3}));
  EXPECT_EQ(select("b:!null"), (Rows{0, 2, 3}));
  EXPECT_EQ(select("b.c:'x'"), (Rows{0, 2, 3}));
  EXPECT_EQ(select("b.c:'x'+a:1"), (Rows{0, 2}));
  EXPECT_EQ(select("b.c.d:null"), (Rows{0, 1, 2, 3}));
  EXPECT_EQ(select("missing:!'x'"), (Rows{0, 1, 2, 3}));
  EXPECT_EQ(select("missing:'x'"), Rows{});
}

TEST_F(FqlTable, RefusesWhatItCannotHoldAndStaysAsItWas) {
  const auto deep = [](std::size_t depth) {
    std::string out = "{\"a\":1,\"deep\":";
    for (std::size_t i = 0; i < depth; ++i) out += i % 2 == 0 ? "[" : "{\"x\":";
    out += "1";
    for (std::size_t i = depth; i-- > 0;) out += i % 2 == 0 ? "]" : "}";
    return out + "}";
  };
  ASSERT_TRUE(add(R"({"a":1})"));
  EXPECT_EQ(add("[1]").error().code, ErrorCode::invalid_input);
  EXPECT_TRUE(add(deep(40)));
  EXPECT_EQ(add(deep(200)).error().code, ErrorCode::quota);
  std::string wide = "{\"a\":1";
  for (std::size_t i = 0; i < Table::max_columns; ++i) wide += ",\"k" + std::to_string(i) + "\":1";
  EXPECT_EQ(add(wide + "}").error().code, ErrorCode::quota);
  ASSERT_TRUE(add(R"({"a":1,"k0":2})"));
  EXPECT_EQ(table_.size(), 3U);
  EXPECT_EQ(select("a:1"), (Rows{0, 1, 2}));
  EXPECT_EQ(select("k0:1"), Rows{});
  EXPECT_EQ(select("k0:2"), (Rows{2}));
}

TEST_F(FqlTable, ManyDifferentCellsAreNoneTheWorse) {
  const std::vector<std::string> filters = {"indicator:'*77*'",     "indicator:!*'*7*'+type:'url'",
                                            "n:>=9000,type:'url'",  "indicator:'name1.test'",
                                            "type:'domain'+n:<100", "n:null"};
  std::vector<Rows> expected(filters.size());
  std::vector<Matcher> matchers;
  for (const auto& filter : filters) matchers.emplace_back(read(filter).value(), now);
  for (std::uint32_t i = 0; i < 12'000; ++i) {
    const std::string object = "{\"indicator\":\"name" + std::to_string(i % 11'000) + ".test\",\"type\":\"" +
                               (i % 3 == 0 ? "url" : "domain") + "\"" +
                               (i % 5 == 0 ? "" : ",\"n\":" + std::to_string(i)) + "}";
    const simdjson::dom::element element = parser_.parse(object).value();
    ASSERT_TRUE(table_.add(element));
    for (std::size_t f = 0; f < filters.size(); ++f)
      if (matchers[f](element)) expected[f].push_back(i);
  }
  for (std::size_t f = 0; f < filters.size(); ++f) {
    EXPECT_FALSE(expected[f].empty()) << filters[f];
    EXPECT_EQ(select(filters[f]), expected[f]) << filters[f];
  }
}

}  // namespace
}  // namespace intelwall::fql
