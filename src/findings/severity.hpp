#pragma once

#include <optional>
#include <string_view>

namespace intelwall::findings {

/// The two ways in which Falcon counts severity: 1 to 5 in DetectionSummaryEvent, 1 to 100 everywhere else.
enum class FalconScale { five, hundred };

/// ASFF's label (INFORMATIONAL … CRITICAL). A value above 5 is of the scale of a hundred whatever `scale` says.
const char* falcon_severity_label(double severity, FalconScale scale);

/// ASFF's label for Falcon's word ("Informational" … "Critical", any case), or nothing when it is another one.
std::optional<const char*> falcon_severity_label(std::string_view name);

}  // namespace intelwall::findings
