// Any bytes become a list whose own names it then refuses to block, or an error that names the line.
#include <cstdint>

#include "policy/guardrails.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall;
  using namespace intelwall::policy;
  static const Guardrails none = Guardrails::make({}).value();
  const auto entries = parse_list({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!entries) {
    IW_ASSERT(entries.error().place.starts_with("fuzz:") && !entries.error().hint.empty());
    return 0;
  }
  const Guardrails guardrails =
      Guardrails::make({.protected_zones = {}, .allowed = *entries, .warned = *entries}).value();
  for (const ListEntry& entry : *entries) {
    IW_ASSERT(guardrails.judge(entry.domain, Insistence::forced).verdict == Verdict::refuse);
    IW_ASSERT(!none.judge(entry.domain).reasons.empty());
  }
  return 0;
}
