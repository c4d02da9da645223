// Any members of a native GuardDuty finding: read as a list on the wire and as an event, they say the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "findings/finding.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall;
  const std::string_view record(reinterpret_cast<const char*>(data), size);
  findings::read_findings(record);
  const auto listed = findings::read_findings("{\"findings\":[{\"service\":{}," + std::string(record) + "}]}");
  const auto sent = findings::read_findings("{\"detail-type\":\"GuardDuty Finding\",\"detail\":{\"service\":{}," +
                                            std::string(record) + "}}");
  // Brackets in the bytes may change what the text around them means, so only single clean records are compared.
  const bool comparable = listed.findings.size() == 1 && sent.findings.size() == 1 && listed.errors.empty() &&
                          sent.errors.empty() && listed.records == 1 && sent.records == 1 &&
                          listed.findings[0].source == findings::Source::guardduty;
  if (!comparable) return 0;
  const auto& one = listed.findings[0];
  const auto& other = sent.findings[0];
  IW_ASSERT(!one.id.empty());
  if (one.id != other.id) return 0;
  IW_ASSERT(one.candidates.size() == other.candidates.size() && one.sample == other.sample);
  for (std::size_t i = 0; i < one.candidates.size(); ++i) {
    IW_ASSERT(one.candidates[i].domain == other.candidates[i].domain);
    IW_ASSERT(one.candidates[i].evidence.path == other.candidates[i].evidence.path);
    IW_ASSERT(one.candidates[i].evidence.grade == other.candidates[i].evidence.grade);
  }
  return 0;
}
