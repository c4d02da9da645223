#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace intelwall::findings {

/// ASFF's labels, the least first.
inline constexpr std::array<const char*, 5> severity_labels{"INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"};

/// Where a label stands among them, from 0; nothing when it is none.
std::optional<std::size_t> severity_rank(std::string_view label);

/// GuardDuty's scale of 1 to 10 (docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html).
const char* guardduty_severity_label(double severity);

/// The two ways in which Falcon counts severity: 1 to 5 in DetectionSummaryEvent, 1 to 100 everywhere else.
enum class FalconScale { five, hundred };

/// ASFF's label. A value above 5 is of the scale of a hundred whatever `scale` says.
const char* falcon_severity_label(double severity, FalconScale scale);

/// ASFF's label for Falcon's word ("Informational" … "Critical", any case), or nothing when it is another one.
std::optional<const char*> falcon_severity_label(std::string_view name);

}  // namespace intelwall::findings
