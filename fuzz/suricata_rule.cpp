// Any bytes are either refused with a line and a sentence, or rules that read back the same from what we write.
#include "lab/suricata_rule.hpp"

#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall;
  const auto rules = lab::parse_suricata_rules({reinterpret_cast<const char*>(data), size});
  if (!rules) {
    IW_ASSERT(rules.error().place.starts_with("line "));
    IW_ASSERT(!rules.error().message.empty());
    IW_ASSERT(printable(rules.error().message, 1000) == rules.error().message);
    return 0;
  }
  for (const auto& rule : *rules) {
    const auto text = to_string(rule);
    const auto again = lab::parse_suricata_rules(text);
    IW_ASSERT(again && again->size() == 1);
    IW_ASSERT(to_string(again->front()) == text);
  }
  return 0;
}
