#include "findings/finding.hpp"

namespace intelwall::findings {

const char* to_string(Grade grade) {
  return grade == Grade::ioc ? "ioc" : "observed";
}
const char* to_string(Source source) {
  switch (source) {
    case Source::security_hub:
      return "securityhub";
    case Source::guardduty:
      return "guardduty";
    case Source::falcon:
      return "falcon";
  }
  return "securityhub";
}

}  // namespace intelwall::findings
