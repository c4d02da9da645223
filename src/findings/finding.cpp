#include "findings/finding.hpp"

namespace intelwall::findings {

const char* to_string(Grade grade) {
  return grade == Grade::ioc ? "ioc" : "observed";
}
const char* to_string(Source source) {
  return source == Source::guardduty ? "guardduty" : "securityhub";
}

}  // namespace intelwall::findings
