#include "findings/severity.hpp"

#include <algorithm>
#include <string>

namespace intelwall::findings {

std::optional<std::size_t> severity_rank(std::string_view label) {
  const auto found = std::ranges::find(severity_labels, label);
  if (found == severity_labels.end()) return std::nullopt;
  return static_cast<std::size_t>(found - severity_labels.begin());
}

const char* guardduty_severity_label(double severity) {
  constexpr double from[] = {1, 4, 7, 9};  // LOW and up
  return severity_labels[static_cast<std::size_t>(std::ranges::upper_bound(from, severity) - std::begin(from))];
}

const char* falcon_severity_label(double severity, FalconScale scale) {
  // The console's bands of a hundred are 20 wide; severities of five are the bands' numbers.
  const double band = scale == FalconScale::five && severity <= 5 ? severity - 1 : severity / 20;
  if (!(band >= 0)) return severity_labels[0];
  return severity_labels[static_cast<std::size_t>(std::min(band, 4.0))];
}

std::optional<const char*> falcon_severity_label(std::string_view name) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  std::string word(name);
  std::ranges::transform(word, word.begin(), upper);
  const auto rank = severity_rank(word);
  return rank ? std::optional(severity_labels[*rank]) : std::nullopt;
}

}  // namespace intelwall::findings
