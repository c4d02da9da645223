#include "lab/cloud_finding_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/result.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

std::unexpected<ApiError> invalid(std::string message) {
  return refuse("InvalidInputException", std::move(message));
}

/// Filters by name, and where their text stands in a finding.
const std::map<std::string, const char*>& places() {
  static const std::map<std::string, const char*> known{
      {"Id", "/Id"},
      {"ProductArn", "/ProductArn"},
      {"AwsAccountId", "/AwsAccountId"},
      {"GeneratorId", "/GeneratorId"},
      {"Region", "/Region"},
      {"Title", "/Title"},
      {"Description", "/Description"},
      {"Type", "/Types"},
      {"ProductName", "/ProductName"},
      {"CompanyName", "/CompanyName"},
      {"RecordState", "/RecordState"},
      {"WorkflowStatus", "/Workflow/Status"},
      {"SeverityLabel", "/Severity/Label"},
      {"VerificationState", "/VerificationState"},
      {"NoteText", "/Note/Text"},
      {"NoteUpdatedBy", "/Note/UpdatedBy"},
      {"ThreatIntelIndicatorValue", "/ThreatIntelIndicators"},  // the Value of each
      {"NetworkDestinationDomain", "/Network/DestinationDomain"},
      {"ProductFields", "/ProductFields"},  // a map: tests name the key
  };
  return known;
}

bool is_negative(const std::string& comparison) {
  return comparison.find("NOT") != std::string::npos;
}

/// Whether the positive form of the comparison holds.
bool holds(const std::string& comparison, const std::string& value, const std::string& text) {
  if (comparison == "EQUALS" || comparison == "NOT_EQUALS") return text == value;
  if (comparison == "PREFIX" || comparison == "PREFIX_NOT_EQUALS") return text.starts_with(value);
  return text.find(value) != std::string::npos;
}

}  // namespace

ApiResult<FindingFilter> FindingFilter::parse(const Json& filters) {
  using namespace shapes;  // NOLINT(google-build-using-namespace)
  static const ShapePtr tests =
      list(structure({required("Value", text(1, unbounded, &patterns::not_blank)),
                      required("Comparison", one_of({"EQUALS", "PREFIX", "NOT_EQUALS", "PREFIX_NOT_EQUALS", "CONTAINS",
                                                     "NOT_CONTAINS"}))}),
           0, 20);  // "for each attribute, you can provide up to 20 filter values"
  static const ShapePtr map_tests =
      list(structure({required("Key", text(1, unbounded, &patterns::not_blank)),
                      required("Value", text(1, unbounded, &patterns::not_blank)),
                      required("Comparison", one_of({"EQUALS", "NOT_EQUALS", "CONTAINS", "NOT_CONTAINS"}))}),
           0, 20);
  FindingFilter filter;
  for (const auto& [name, value] : filters.items()) {
    const auto place = places().find(name);
    if (place == places().end())
      return invalid(fmt::format("Invalid parameter 'Filters.{}': the lab does not filter by it", printable(name, 64)));
    if (const auto violation = find_violation(name == "ProductFields" ? *map_tests : *tests, value))
      return invalid(fmt::format("Invalid parameter 'Filters.{}{}': {}", name, violation->path, violation->constraint));
    Field field{Json::json_pointer(place->second), {}};
    for (const Json& test : value)
      field.tests.push_back({text_or(test, "Comparison"), text_or(test, "Value"), text_or(test, "Key")});
    filter.fields_.push_back(std::move(field));
  }
  return filter;
}

std::vector<std::string> FindingFilter::texts_of(const Field& field, const Test& test, const Json& finding) {
  std::vector<std::string> texts;
  if (!finding.contains(field.path)) return texts;
  const Json& value = finding.at(field.path);
  if (value.is_string()) texts.push_back(value.get<std::string>());
  if (!test.key.empty() && has(value, test.key.c_str())) texts.push_back(text_or(value, test.key.c_str()));
  for (const Json& part : value.is_array() ? value : Json::array()) {
    if (part.is_string()) texts.push_back(part.get<std::string>());
    if (has(part, "Value")) texts.push_back(text_or(part, "Value"));
  }
  return texts;
}

bool FindingFilter::accepts(const Field& field, const Json& finding) {
  bool wanted = false, has_positive = false;
  for (const Test& test : field.tests) {
    const std::vector<std::string> texts = texts_of(field, test, finding);
    const bool found =
        std::ranges::any_of(texts, [&test](const auto& text) { return holds(test.comparison, test.value, text); });
    if (is_negative(test.comparison)) {
      if (found) return false;
    } else {
      has_positive = true;
      wanted = wanted || found;
    }
  }
  return wanted || !has_positive;
}

bool FindingFilter::accepts(const Json& finding) const {
  return std::ranges::all_of(fields_, [&finding](const Field& field) { return accepts(field, finding); });
}

}  // namespace intelwall::lab
