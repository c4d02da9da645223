#include "intel/facets.hpp"

#include <gmock/gmock.h>

namespace intelwall::intel {
namespace {

using testing::ElementsAre;
using Value = Facets::Value;

const Time now = *parse_time("2026-11-24T14:03:04Z");

std::vector<Value> values_of(const Facets& facets, const std::string& name) {
  for (const auto& facet : facets.list())
    if (facet.name == name) return facet.values;
  return {};
}

TEST(Facets, CountEveryValueOnceAnIndicator) {
  Facets facets(now);
  facets.add({.type = "domain", .confidence = Confidence::high, .actors = {"A", "B", "A"}, .targets = {"Energy"}});
  facets.add({.type = "domain", .confidence = Confidence::low, .actors = {"B"}, .malware_families = {"F"}});
  facets.add({.type = "url",
              .confidence = Confidence::high,
              .kill_chains = {"C2"},
              .domain_types = {"DGA"},
              .threat_types = {"RAT"}});
  EXPECT_EQ(facets.counted(), 3);
  EXPECT_THAT(values_of(facets, "type"), ElementsAre(Value{"domain", 2}, Value{"url", 1}));
  EXPECT_THAT(values_of(facets, "malicious_confidence"), ElementsAre(Value{"high", 2}, Value{"low", 1}));
  EXPECT_THAT(values_of(facets, "actors"), ElementsAre(Value{"B", 2}, Value{"A", 1}));
  EXPECT_THAT(values_of(facets, "malware_families"), ElementsAre(Value{"F", 1}));
  EXPECT_THAT(values_of(facets, "targets"), ElementsAre(Value{"Energy", 1}));
  EXPECT_THAT(values_of(facets, "threat_types"), ElementsAre(Value{"RAT", 1}));
  EXPECT_THAT(values_of(facets, "domain_types"), ElementsAre(Value{"DGA", 1}));
  EXPECT_THAT(values_of(facets, "kill_chains"), ElementsAre(Value{"C2", 1}));
}

TEST(Facets, TellTimesByTheirAge) {
  Facets facets(now);
  using std::chrono::days;
  for (const auto age : {days{0}, days{1}, days{5}, days{30}, days{31}, days{90}, days{91}, days{1000}})
    facets.add({.last_updated = now - age});
  EXPECT_THAT(values_of(facets, "last_updated"),
              ElementsAre(Value{"within 1 day", 2}, Value{"within 7 days", 1}, Value{"within 30 days", 1},
                          Value{"within 90 days", 2}, Value{"older", 2}));
  EXPECT_THAT(values_of(Facets(now), "last_updated"), ElementsAre());
}

}  // namespace
}  // namespace intelwall::intel
