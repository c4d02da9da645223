#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "findings/support.hpp"

namespace intelwall::findings {
namespace {

using Json = nlohmann::ordered_json;

/// The same value with the members of every object in another order.
Json shuffled(const Json& value, std::mt19937& random) {
  if (value.is_array()) {
    auto list = Json::array();
    for (const auto& item : value) list.push_back(shuffled(item, random));
    return list;
  }
  if (!value.is_object()) return value;
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, item] : value.items()) members.emplace_back(key, shuffled(item, random));
  std::ranges::shuffle(members, random);
  auto object = Json::object();
  for (auto& [key, item] : members) object[key] = std::move(item);
  return object;
}

TEST(Properties, FixturesAreThere) {
  for (const auto& name : all_fixtures) {
    const auto report = read_findings(fixture(name));
    EXPECT_FALSE(report.findings.empty()) << name;
    EXPECT_TRUE(report.errors.empty()) << name;
    EXPECT_EQ(report.records, report.findings.size()) << name;
  }
}

TEST(Properties, TruncationNeverGivesMore) {
  for (const auto& name : all_fixtures) {
    const auto whole = fixture(name);
    const auto all = read_findings(whole).findings.size();
    for (std::size_t size = 0; size < whole.size(); size += 1 + size % 3) {
      const auto report = read_findings(std::string_view(whole).substr(0, size));
      ASSERT_LE(report.findings.size(), all) << name << " cut at " << size;
      if (report.findings.size() < all && !name.ends_with("jsonl")) {
        ASSERT_FALSE(report.errors.empty()) << name << " cut at " << size;
      }
    }
  }
}

TEST(Properties, OrderOfKeysChangesNothing) {
  std::mt19937 random(7);
  for (const auto& name : all_fixtures) {
    if (name.ends_with("jsonl")) continue;
    const auto json = Json::parse(fixture(name));
    const auto expected = dump(read_findings(json.dump()));
    for (int round = 0; round < 20; ++round)
      EXPECT_EQ(dump(read_findings(shuffled(json, random).dump())), expected) << name;
  }
}

TEST(Properties, LayoutChangesNothing) {
  std::string lines;
  std::string list = "[";
  std::string pretty;
  for (const auto& name : all_fixtures) {
    if (name.ends_with("jsonl")) continue;
    const auto json = Json::parse(fixture(name));
    if (json.is_array()) continue;  // lists do not nest
    lines += json.dump() + "\n";
    list += (list.size() > 1 ? "," : "") + json.dump();
    pretty += json.dump(2) + "\n";
  }
  const auto expected = dump(read_findings(lines));
  EXPECT_EQ(dump(read_findings(list + "]")), expected);
  EXPECT_EQ(dump(read_findings(pretty)), expected);
}

/// Any damage leaves a report whose counts add up.
TEST(Properties, DamagedBytesAreSafe) {
  std::mt19937 random(11);
  const auto any = [&](std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random); };
  constexpr std::string_view bits = "{}[]\",:\\\n0e.\xff";
  for (const auto& name : all_fixtures) {
    const auto whole = fixture(name);
    for (int round = 0; round < 150; ++round) {
      auto bytes = whole;
      for (int change = 0; change < 1 + round % 5; ++change) {
        const auto at = any(bytes.size());
        if (round % 2 == 0) {
          bytes[at] = bits[any(bits.size())];
        } else {
          bytes.erase(at, 1 + any(20));
        }
      }
      const auto report = read_findings(bytes);
      ASSERT_LE(report.findings.size(), report.records);
      ASSERT_TRUE(!report.errors.empty() || report.findings.size() == report.records) << bytes;
      for (const auto& finding : report.findings) {
        for (const auto& candidate : finding.candidates) {
          ASSERT_NE(candidate.domain.has_value(), !candidate.why_not.empty()) << "a domain or a reason, never both";
        }
      }
    }
  }
}

}  // namespace
}  // namespace intelwall::findings
