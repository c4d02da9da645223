#include "lab/cloud_asff.hpp"

#include <fmt/format.h>

#include <array>

#include "core/time.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

using namespace shapes;  // NOLINT(google-build-using-namespace): a table of nothing but shapes

ShapePtr solid(std::int64_t most) {
  return text(1, most, &patterns::not_blank);
}
ShapePtr field_map(std::int64_t most) {
  return map(text(1, 128), text(0, 2048), most);
}

ShapePtr finding_shape() {
  const ShapePtr severity =
      structure({optional("Label", one_of({"INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"})),
                 optional("Normalized", integer(0, 100)), optional("Original", solid(64)), optional("Product", any())});
  const ShapePtr types = list(solid(256), 0, 50);
  const ShapePtr indicator = structure(
      {optional("Type", one_of({"DOMAIN", "EMAIL_ADDRESS", "HASH_MD5", "HASH_SHA1", "HASH_SHA256", "HASH_SHA512",
                                "IPV4_ADDRESS", "IPV6_ADDRESS", "MUTEX", "PROCESS", "URL"})),
       optional("Value", solid(512)),
       optional("Category",
                one_of({"BACKDOOR", "CARD_STEALER", "COMMAND_AND_CONTROL", "DROP_SITE", "EXPLOIT_SITE", "KEYLOGGER"})),
       optional("Source", solid(64)), optional("SourceUrl", solid(2048))});
  const ShapePtr resource =
      structure({required("Type", solid(256)), required("Id", solid(512)),
                 optional("Partition", one_of({"aws", "aws-cn", "aws-us-gov"})), optional("Region", solid(16)),
                 optional("Tags", map(text(), text(), 50)), optional("Details", object())});
  const ShapePtr process = structure({optional("Name", solid(64)), optional("Path", solid(512))});
  const ShapePtr related = structure({required("ProductArn", solid(2048)), required("Id", solid(512))});
  const ShapePtr note =
      structure({required("Text", solid(512)), required("UpdatedBy", solid(512)), required("UpdatedAt", solid(64))});
  return closed_structure({
      required("SchemaVersion", one_of({"2018-10-08"})),
      required("Id", solid(512)),
      required("ProductArn", solid(2048)),
      required("GeneratorId", solid(512)),
      required("AwsAccountId", text(12, 12, &patterns::account)),
      required("CreatedAt", solid(64)),
      required("UpdatedAt", solid(64)),
      required("Title", solid(256)),
      required("Description", solid(1024)),
      required("Resources", list(resource, 1, 32)),
      optional("ProductName", solid(128)),
      optional("CompanyName", solid(128)),
      optional("Region", solid(16)),
      optional("Types", types),
      optional("FirstObservedAt", solid(64)),
      optional("LastObservedAt", solid(64)),
      optional("Severity", severity),
      optional("Confidence", integer(0, 100)),
      optional("Criticality", integer(0, 100)),
      optional("Remediation", object()),
      optional("SourceUrl", solid(2048)),
      optional("ProductFields", field_map(50)),
      optional("UserDefinedFields", map(text(1, 128), text(0, 1024), 50)),
      optional("Malware", list(object(), 0, 5)),
      optional("Network", object()),
      optional("NetworkPath", list(object())),
      optional("Process", process),
      optional("Threats", list(object(), 0, 32)),
      optional("ThreatIntelIndicators", list(indicator, 1, 5)),
      optional("Compliance", object()),
      optional("VerificationState", one_of({"UNKNOWN", "TRUE_POSITIVE", "FALSE_POSITIVE", "BENIGN_POSITIVE"})),
      optional("WorkflowState", one_of({"NEW", "ASSIGNED", "IN_PROGRESS", "DEFERRED", "RESOLVED"})),
      optional("Workflow", structure({optional("Status", one_of({"NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"}))})),
      optional("RecordState", one_of({"ACTIVE", "ARCHIVED"})),
      optional("RelatedFindings", list(related, 1, 10)),
      optional("Note", note),
      optional("Vulnerabilities", list(object())),
      optional("PatchSummary", object()),
      optional("Action", object()),
      optional("FindingProviderFields",
               structure({optional("Confidence", integer(0, 100)), optional("Criticality", integer(0, 100)),
                          optional("RelatedFindings", list(related, 1, 10)), optional("Severity", severity),
                          optional("Types", types)})),
      optional("Sample", boolean()),
      optional("GeneratorDetails", object()),
      optional("ProcessedAt", solid(64)),
      optional("AwsAccountName", solid(128)),
      optional("Detection", object()),
  });
}

std::string in_words(const Violation& violation) {
  const std::string at = "data." + violation.path;
  switch (violation.kind) {
    case Violation::Kind::missing:
      return fmt::format("{} is a required property", at);
    case Violation::Kind::unknown:
      return fmt::format("{} is not a property of the format", at);
    default:
      return fmt::format("{}: {}", at, violation.constraint);
  }
}

}  // namespace

std::optional<std::string> asff_problem(const Json& finding) {
  static const ShapePtr shape = finding_shape();
  constexpr const char* start = "Finding does not adhere to Amazon Finding Format. ";
  if (const auto violation = find_violation(*shape, finding)) return start + in_words(*violation);
  for (const char* member : {"CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"}) {
    if (has(finding, member) && !parse_time(text_or(finding, member)))
      return fmt::format("{}data.{} should match format \"date-time\"", start, member);
  }
  if (dump_json(finding).size() > finding_byte_limit)
    return fmt::format("Finding is larger than {} bytes", finding_byte_limit);
  return {};
}

}  // namespace intelwall::lab
