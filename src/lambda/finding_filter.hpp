#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace intelwall::lambda {

/// Which findings block without anybody pressing an action (INTELWALL_FINDINGS_FILTER): all that is named must hold.
/// JSON: {"products": ["guardduty", "crowdstrike/*"], "types": ["TTPs/Command and Control"], "min_severity": "HIGH"}.
struct FindingFilter {
  std::vector<std::string>
      products;                    ///< "company/product" of the product's ARN, "company/*"; "guardduty": its events too
  std::vector<std::string> types;  ///< beginnings of a finding's types; empty: any
  std::size_t min_severity = 3;    ///< findings::severity_rank()

  static Result<FindingFilter> parse(std::string_view json);
  /// A finding as ASFF, or as GuardDuty gives it in its events. Our own never pass: a sighting must not block by
  /// itself.
  bool takes(const nlohmann::json& finding) const;
};

}  // namespace intelwall::lambda
