#include "intel/facets.hpp"

#include <algorithm>
#include <iterator>

namespace intelwall::intel {
namespace {

using std::chrono::days;

struct Age {
  const char* name;
  days most;
};
/// Of `last_updated`; what is older than all of them comes behind.
constexpr Age ages[] = {{"1 day", days{1}}, {"7 days", days{7}}, {"30 days", days{30}}, {"90 days", days{90}}};
constexpr const char* older = "older";

}  // namespace

void Facets::add(const Indicator& indicator) {
  const auto count = [](Counts& counts, std::string_view name) {
    const auto known = counts.find(name);
    ++(known != counts.end() ? known->second : counts[std::string(name)]);
  };
  const auto count_all = [&](Counts& counts, const std::vector<std::string>& names) {
    for (auto name = names.begin(); name != names.end(); ++name)
      if (std::find(names.begin(), name, *name) == name) count(counts, *name);
  };
  ++counted_;
  count(types_, indicator.type);
  count(confidences_, to_string(indicator.confidence));
  count_all(actors_, indicator.actors);
  count_all(families_, indicator.malware_families);
  count_all(threats_, indicator.threat_types);
  count_all(targets_, indicator.targets);
  count_all(domain_types_, indicator.domain_types);
  count_all(chains_, indicator.kill_chains);
  const auto* age =
      std::ranges::find_if(ages, [&](const Age& each) { return now_ - indicator.last_updated <= each.most; });
  ++ages_[static_cast<std::size_t>(age - std::begin(ages))];
}

std::vector<Facets::Facet> Facets::list() const {
  const auto by_count = [](const char* name, const Counts& counts) {
    Facet facet{name, {}};
    for (const auto& [value, count] : counts) facet.values.push_back({value, count});
    std::ranges::stable_sort(facet.values, std::greater{}, &Value::count);
    return facet;
  };
  Facet updated{"last_updated", {}};
  for (std::size_t i = 0; i < ages_.size(); ++i) {
    if (ages_[i] == 0) continue;
    updated.values.push_back({i < std::size(ages) ? std::string("within ") + ages[i].name : older, ages_[i]});
  }
  return {by_count("type", types_),
          std::move(updated),
          by_count("malicious_confidence", confidences_),
          by_count("actors", actors_),
          by_count("malware_families", families_),
          by_count("threat_types", threats_),
          by_count("targets", targets_),
          by_count("domain_types", domain_types_),
          by_count("kill_chains", chains_)};
}

}  // namespace intelwall::intel
