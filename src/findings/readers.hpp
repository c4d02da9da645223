#pragma once

#include "findings/candidates.hpp"
#include "findings/finding.hpp"
#include "findings/json.hpp"
#include "findings/name_search.hpp"

namespace intelwall::findings {

struct Reading {
  Finding finding;
  bool overflowed = false;  ///< more candidates than Candidates::limit: the rest was not kept
};

/// One finding in the AWS Security Finding Format
/// (https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html).
Result<Reading> read_asff(const Node& record, NameSearch& search);

/// One native GuardDuty finding, spelled as on the wire or as the SDKs print it
/// (https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html).
Result<Reading> read_guardduty(const Node& record, Spelling spelling, NameSearch& search);

/// Endpoints, signals and indicators of a multi-stage attack; both formats share the shape.
Result<void> read_sequence(const std::optional<Node>& sequence, Candidates& candidates);

/// The finding's Id, which must be there.
Result<std::string> read_id(const Node& record);

/// Whether GuardDuty's additionalInfo, JSON inside a string, calls the finding a sample.
bool says_sample(std::string_view json_text);

}  // namespace intelwall::findings
