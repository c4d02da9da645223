// Any bytes are read into a report that adds up: a candidate is a domain or has a reason, texts are bounded, errors are
// printable and say where.
#include <cstdint>

#include "findings/finding.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall;
  const auto report = findings::read_findings({reinterpret_cast<const char*>(data), size});
  IW_ASSERT(report.findings.size() <= report.records);
  IW_ASSERT(!report.errors.empty() || report.findings.size() == report.records);
  for (const auto& error : report.errors) {
    IW_ASSERT(!error.message.empty() && !error.place.empty() && !error.hint.empty());
    IW_ASSERT(printable(error.to_text(), 4096) == error.to_text());
  }
  for (const auto& finding : report.findings) {
    IW_ASSERT(!finding.id.empty() && finding.id.size() <= 512);
    IW_ASSERT(finding.candidates.size() <= 200);
    for (const auto& candidate : finding.candidates) {
      IW_ASSERT(candidate.domain.has_value() == candidate.why_not.empty());
      IW_ASSERT(!candidate.evidence.path.empty());
      IW_ASSERT(candidate.text.size() <= 512 && candidate.evidence.text.size() <= 512);
      if (candidate.domain) IW_ASSERT(DomainName::parse(candidate.domain->name.text()) == candidate.domain->name);
    }
  }
  return 0;
}
