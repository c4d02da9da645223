#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/domain_name.hpp"
#include "core/result.hpp"

namespace intelwall::findings {

/// How much a candidate's evidence weighs: `ioc` was named as the indicator by a product, `observed` only stood there.
enum class Grade { ioc, observed };
const char* to_string(Grade grade);

struct Evidence {
  std::string path;  ///< JSON path inside the finding: "ProductFields['crowdstrike/crowdstrike-falcon/IOCValue']"
  std::string text;  ///< the text found there, cut at 512 bytes
  Grade grade = Grade::observed;
};

/// A text that may name a domain to act on. Without a domain, `why_not` says why it is none.
struct Candidate {
  std::optional<DomainSpec> domain;
  std::string text;
  Evidence evidence;
  std::string why_not;
};

/// A connection that the finding names, by both its ends. Which of them opened it is told differently by products.
struct Connection {
  std::string source, destination;                      ///< single addresses, as inet_ntop writes them
  std::uint16_t source_port = 0, destination_port = 0;  ///< 0: not told
  std::string path;                                     ///< JSON path inside the finding
};

enum class Source { security_hub, guardduty, falcon };
const char* to_string(Source source);

/// What every reader makes of its format. Texts are as given (untrusted), bounded in length.
struct Finding {
  Source source = Source::security_hub;
  std::string id;
  std::string product_arn;  ///< empty for native GuardDuty and Falcon
  std::string product;      ///< "crowdstrike-falcon", "guardduty", …: last part of the product ARN
  std::string account;
  std::string region;
  std::string title;
  std::string severity;    ///< ASFF label (INFORMATIONAL … CRITICAL); GuardDuty's and Falcon's numbers mapped
  std::string updated_at;  ///< as given
  bool sample = false;     ///< a generated sample: never acted on
  /// One per distinct (name, scope): the strongest evidence wins. Refused texts are kept too, so that each refusal can
  /// be told. Empty: the finding names no domain, which is a clear answer and no error.
  std::vector<Candidate> candidates;
  /// Those of which both addresses are named; distinct, at most 50.
  std::vector<Connection> connections;
};

/// The custom action that carried the findings, when they came by one.
struct CustomAction {
  std::string arn;
  std::string name;
};

struct ReadReport {
  std::vector<Finding> findings;
  std::vector<Error> errors;  ///< one per record that could not be read; `place` names record or line and JSON path
  std::size_t records = 0;    ///< records seen, readable or not
  std::optional<CustomAction> custom_action;
};

/// Reads any of: an ASFF finding, a list of them, a BatchImportFindings body, a GetFindings answer, an EventBridge
/// envelope
/// ("Security Hub Findings - Custom Action", "- Imported", "GuardDuty Finding"), a native GuardDuty finding or list,
/// Falcon's detection events and alerts (one, a list, an Alerts answer), or JSON lines of these. Never throws, never
/// crashes on any bytes. A record that cannot be read goes to `errors`, the others are still read. Limits: 64 MiB of
/// input, JSON depth 64, 200 candidates a finding, 100,000 findings (what is beyond is an error), 1,000 errors (the
/// rest is one error with their number).
ReadReport read_findings(std::string_view bytes);

}  // namespace intelwall::findings
