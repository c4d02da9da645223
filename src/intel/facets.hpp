#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "intel/indicator.hpp"

namespace intelwall::intel {

/// How many indicators have which values: what Falcon's console shows beside a search. An indicator counts once for
/// each of its values.
class Facets {
 public:
  /// `now` is what "last updated" counts back from.
  explicit Facets(Time now) : now_(now) {}

  void add(const Indicator& indicator);
  std::uint64_t counted() const { return counted_; }

  struct Value {
    std::string name;
    std::uint64_t count = 0;
    bool operator==(const Value&) const = default;
  };
  struct Facet {
    std::string name;           ///< the property
    std::vector<Value> values;  ///< the most frequent first, but times from the latest
  };
  /// type, last_updated, malicious_confidence, actors, malware_families, threat_types, targets, domain_types,
  /// kill_chains
  std::vector<Facet> list() const;

 private:
  using Counts = std::map<std::string, std::uint64_t, std::less<>>;

  Time now_;
  std::uint64_t counted_ = 0;
  Counts types_, confidences_, actors_, families_, threats_, targets_, domain_types_, chains_;
  std::vector<std::uint64_t> ages_ = std::vector<std::uint64_t>(5);
};

}  // namespace intelwall::intel
