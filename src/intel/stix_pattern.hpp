#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace intelwall::intel {

/// One thing that a pattern names.
struct StixObservable {
  std::string type;  ///< Falcon's word; empty for what no rule is made of ("process:name")
  std::string value;
  bool operator==(const StixObservable&) const = default;
};

/// The alternatives of a STIX pattern (STIX 2.1, 9): comparisons by `=` and `IN`, joined by OR, inside and between
/// brackets. A pattern that asks for two things at once (AND, FOLLOWEDBY), for part of a value (LIKE, MATCHES), for its
/// absence (NOT, !=) or for a number or time of sightings says less about each value than a rule would: that is an
/// error, which names the word. So are patterns nested deeper than 32 levels and longer than 64 KiB.
Result<std::vector<StixObservable>> read_stix_pattern(std::string_view pattern);

}  // namespace intelwall::intel
