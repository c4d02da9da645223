#include "findings/falcon_severity.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace intelwall::findings {
namespace {

constexpr std::array labels{"INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"};

}  // namespace

const char* falcon_severity_label(double severity, FalconScale scale) {
  // The console's bands of a hundred are 20 wide; severities of five are the bands' numbers.
  const double band = scale == FalconScale::five && severity <= 5 ? severity - 1 : severity / 20;
  if (!(band >= 0)) return labels[0];
  return labels[static_cast<std::size_t>(std::min(band, 4.0))];
}

std::optional<const char*> falcon_severity_label(std::string_view name) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  std::string word(name);
  std::ranges::transform(word, word.begin(), upper);
  const auto found = std::ranges::find(labels, word);
  return found == labels.end() ? std::nullopt : std::optional(*found);
}

}  // namespace intelwall::findings
