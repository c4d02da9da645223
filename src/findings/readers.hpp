#pragma once

#include "findings/candidates.hpp"
#include "findings/finding.hpp"
#include "findings/json.hpp"
#include "findings/name_search.hpp"

namespace intelwall::findings {

struct Reading {
  Finding finding;
  bool overflowed = false;     ///< more candidates than Candidates::limit: the rest was not kept
  std::size_t odd_parts = 0;   ///< parts of an unknown shape, left out
  std::string first_odd_part;  ///< path of the first
};

/// One finding in the AWS Security Finding Format
/// (https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html).
Result<Reading> read_asff(const Node& record, NameSearch& search);

/// One native GuardDuty finding, spelled as on the wire or as the SDKs print it
/// (https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html).
Result<Reading> read_guardduty(const Node& record, Spelling spelling, NameSearch& search);

/// A DetectionSummaryEvent or EppDetectionSummaryEvent of Falcon's event streams, in its envelope
/// {"metadata": …, "event": …}.
Result<Reading> read_falcon_event(const Node& record, NameSearch& search);

/// One alert of Falcon's Alerts API v2.
Result<Reading> read_falcon_alert(const Node& record, NameSearch& search);

/// Whether an IOC type of Falcon's stands for a domain or a URL.
bool is_domain_type(std::string_view falcon_ioc_type);

/// A command line or a sentence of file names: only what is plainly an address counts there.
BareNames bare_names_in(std::string_view value);

/// Endpoints, signals and indicators of a multi-stage attack; both formats share the shape.
Result<void> read_sequence(const std::optional<Node>& sequence, Candidates& candidates);

/// The finding's Id, which must be there.
Result<std::string> read_id(const Node& record);

/// Whether GuardDuty's additionalInfo, JSON inside a string, calls the finding a sample.
bool says_sample(std::string_view json_text);

}  // namespace intelwall::findings
