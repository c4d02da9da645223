// Any members of a detection: as an event of the stream and as an alert they name the same domains, with the same
// weight.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "findings/finding.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall;
  const std::string_view members(reinterpret_cast<const char*>(data), size);
  findings::read_findings(members);
  const std::string object = R"({"composite_id":"x")" + std::string(size == 0 ? "" : ",") + std::string(members) + "}";
  // Brackets in the bytes may change what the text around them means, so only whole objects are compared.
  if (!nlohmann::json::accept(object)) return 0;
  const auto alerts = findings::read_findings(R"({"meta":{},"resources":[)" + object + "]}");
  const auto events = findings::read_findings(
      R"({"metadata":{"eventType":"EppDetectionSummaryEvent","eventCreationTime":1},"event":)" + object + "}");
  // Nesting limits and what the two parsers take for JSON may differ by a hair.
  if (alerts.findings.size() != 1 || events.findings.size() != 1) return 0;
  const auto& alert = alerts.findings[0];
  const auto& event = events.findings[0];
  IW_ASSERT(alert.source == findings::Source::falcon && event.source == findings::Source::falcon);
  IW_ASSERT(!alert.id.empty() && alert.id == event.id && alert.title == event.title);
  IW_ASSERT(alert.severity == event.severity && alert.account == event.account);
  IW_ASSERT(alerts.errors.size() == events.errors.size());
  IW_ASSERT(alert.candidates.size() == event.candidates.size());
  for (std::size_t i = 0; i < alert.candidates.size(); ++i) {
    const auto& one = alert.candidates[i];
    const auto& other = event.candidates[i];
    IW_ASSERT(one.domain == other.domain && one.text == other.text && one.why_not == other.why_not);
    IW_ASSERT(one.evidence.grade == other.evidence.grade);
    IW_ASSERT("event." + one.evidence.path == other.evidence.path);
    IW_ASSERT(one.domain.has_value() != !one.why_not.empty());
  }
  return 0;
}
