#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "intel/fql_matcher.hpp"
#include "intel/fql_reference.hpp"
#include "intel/fql_table.hpp"

namespace intelwall::fql {
namespace {

const Time now = parse_time("2023-11-24T12:00:00Z").value();

/// Filters and objects over few properties and values, so that they meet often.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string filter() {
    conditions_ = 0;
    return any_of(3);
  }

  std::string object() {
    std::string out = "{";
    std::vector<std::string_view> keys = {"type",  "last_updated", "deleted", "_marker", "targets", "labels",
                                          "other", "Name",         "a",       "a",       "id",      "extra"};
    std::shuffle(keys.begin(), keys.end(), random_);
    bool has_a = false;
    for (const auto key : keys) {
      if (pick(3) == 0 || (key == "a" && has_a)) continue;
      has_a = has_a || key == "a";
      out += (out.size() > 1 ? "," : "") + std::string("\"") + std::string(key) + "\":" + value(2);
    }
    return out + "}";
  }

 private:
  std::size_t pick(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  template <class List>
  std::string one_of(const List& list) {
    return std::string(list[pick(std::size(list))]);
  }
  std::string blank() { return pick(8) == 0 ? " " : ""; }

  std::string any_of(int depth) {
    return sequence(depth, ",", [&](int d) { return all_of(d); });
  }
  std::string all_of(int depth) {
    return sequence(depth, "+", [&](int d) { return term(d); });
  }
  template <class Part>
  std::string sequence(int depth, const std::string& separator, Part part) {
    std::string out = part(depth);
    while (pick(3) == 0 && conditions_ < max_conditions - 2) out += blank() + separator + blank() + part(depth);
    return out;
  }
  std::string term(int depth) {
    const std::string prefix = pick(8) == 0 ? "!" : "";
    if (depth > 0 && pick(4) == 0 && conditions_ < max_conditions - 2) return prefix + "(" + any_of(depth - 1) + ")";
    ++conditions_;
    return prefix + condition();
  }

  std::string condition() {
    static constexpr std::string_view properties[] = {
        "type",  "last_updated", "deleted", "_marker", "targets", "labels",  "labels.name", "labels.created_on",
        "other", "NAME",         "other.a", "a.b",     "a",       "missing", "id"};
    static constexpr std::string_view operators[] = {"",   "!", ">",  ">=", "<",  "<=", "=<",
                                                     "=>", "~", "!~", "*",  "!*", "="};
    // Not all of these go together: what the parser refuses is generated anew.
    const auto property = one_of(properties);
    return property + blank() + ":" + blank() + one_of(operators) + (pick(4) == 0 ? list() : scalar());
  }
  std::string list() {
    std::string out = "[" + scalar();
    const std::size_t more = pick(8) == 0 ? 12 : pick(3);
    for (std::size_t i = 0; i < more; ++i) out += "," + blank() + scalar();
    return out + "]";
  }
  std::string scalar() {
    static constexpr std::string_view scalars[] = {"'domain'",
                                                   "'DOMAIN'",
                                                   "'url'",
                                                   "'dom*'",
                                                   "'*'",
                                                   "*",
                                                   "''",
                                                   "null",
                                                   "true",
                                                   "false",
                                                   "'true'",
                                                   "5",
                                                   "'5'",
                                                   "-1.5",
                                                   "0",
                                                   "1700827200",
                                                   "'now'",
                                                   "'now-1d'",
                                                   "'2023-11-24'",
                                                   "'a b'",
                                                   "'x*y*'",
                                                   "'É'",
                                                   "\"it's\"",
                                                   "'\\\\'",
                                                   "'2023-11-24T12:00:00Z'",
                                                   "'2023-11-24T11:59:59.5Z'",
                                                   "'{now-1h}'",
                                                   "'[0]'"};
    return one_of(scalars);
  }

  std::string value(int depth) {
    static constexpr std::string_view scalars[] = {R"("domain")",
                                                   R"("Domain")",
                                                   R"("url")",
                                                   R"("dom")",
                                                   R"("")",
                                                   "null",
                                                   "true",
                                                   "false",
                                                   R"("true")",
                                                   R"("5")",
                                                   "5",
                                                   "-1.5",
                                                   "0",
                                                   "5.0",
                                                   "1700827200",
                                                   "1700740800",
                                                   R"("now")",
                                                   R"("a b")",
                                                   R"("b-A")",
                                                   R"("xzy")",
                                                   R"("É")",
                                                   R"("it's")",
                                                   R"("\\")",
                                                   "1700827199.5",
                                                   R"("2023-11-24")",
                                                   R"("2023-11-24T12:00:00Z")",
                                                   R"("2023-11-24T12:59:59.5+01:00")",
                                                   R"("1700827200")",
                                                   R"("[0]")",
                                                   R"("xy*")"};
    const std::size_t kind = depth > 0 ? pick(8) : 7;
    if (kind == 0) {
      std::string out = "[";
      for (std::size_t i = pick(4); i > 0; --i) out += value(depth - 1) + (i > 1 ? "," : "");
      return out + "]";
    }
    if (kind == 1)
      return R"({"name":)" + value(depth - 1) + R"(,"created_on":)" + value(depth - 1) + R"(,"a":)" + value(depth - 1) +
             R"(,"b":)" + value(depth - 1) + "}";
    return one_of(scalars);
  }

  std::mt19937_64 random_;
  std::size_t conditions_ = 0;
};

TEST(FqlProperty, AgreesWithTheReferenceAndItsOwnText) {
  Generator generator(2'026'1124);
  simdjson::dom::parser parser;
  std::size_t filters = 0;
  std::size_t matched = 0;
  std::size_t compared = 0;
  while (filters < 1'500) {
    const auto text = generator.filter();
    const auto filter = read(text);
    if (!filter) continue;
    ++filters;
    const auto printed = read(filter->to_text());
    ASSERT_TRUE(printed) << text << " -> " << filter->to_text();
    ASSERT_EQ(printed->root, filter->root) << text << " -> " << filter->to_text();
    const auto resolved = read(filter->to_text(now));
    ASSERT_TRUE(resolved) << text << " -> " << filter->to_text(now);
    ASSERT_FALSE(explain(*filter, now).empty());
    Matcher matcher(*filter, now);
    Matcher later(*resolved, now + std::chrono::days{400});
    Table table;
    std::vector<std::uint32_t> rows;
    for (std::uint32_t i = 0; i < 25; ++i) {
      const auto object = generator.object();
      const simdjson::dom::element element = parser.parse(object).value();
      const bool expected = reference::holds(filter->root, reference::Json::parse(object), now);
      ASSERT_EQ(matcher(element), expected) << text << "\n" << object;
      ASSERT_EQ(later(element), expected) << text << "\n" << filter->to_text(now) << "\n" << object;
      ASSERT_TRUE(table.add(element));
      if (expected) rows.push_back(i);
      matched += expected ? 1U : 0U;
      ++compared;
    }
    ASSERT_EQ(table.select(*filter, now), rows) << text;
  }
  // Neither always nor never: the comparison says something.
  EXPECT_GT(matched, compared / 10);
  EXPECT_LT(matched, compared * 9 / 10);
}

TEST(FqlProperty, AnyBytesAreAFilterOrAnErrorInsideThem) {
  std::mt19937_64 random(7);
  const std::string_view pieces[] = {
      "a",    "type", ":", "'",        "\"",    "[", "]", "(",   ")",   "+",
      ",",    "!",    "<", ">",        "=",     "~", "*", "\\",  "now", "-3",
      "d",    " ",    "{", "}",        "null",  ".", "|", "AND", "\n",  std::string_view("\0", 1),
      "\xff", "\xc3", "É", "old_date", "x'+b:'"};
  std::size_t good = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 14; i > 0; --i) text += pieces[random() % std::size(pieces)];
    if (random() % 2 == 0) text = "type:'" + text + "'";
    const auto filter = read(text);
    if (filter) {
      ++good;
      const auto again = read(filter->to_text());
      ASSERT_TRUE(again) << text;
      ASSERT_EQ(again->root, filter->root) << text;
      continue;
    }
    ASSERT_GE(filter.error().column, 1U);
    ASSERT_LE(filter.error().column, text.size() + 1) << text;
    ASSERT_FALSE(filter.error().message.empty() || filter.error().hint.empty()) << text;
    ASSERT_NE(caret_lines(text, filter.error().column).find('^'), std::string::npos);
  }
  EXPECT_GT(good, 1'000U);
}

}  // namespace
}  // namespace intelwall::fql
