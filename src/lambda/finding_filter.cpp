#include "lambda/finding_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "aws/json_text.hpp"
#include "aws/security_hub.hpp"
#include "findings/severity.hpp"

namespace intelwall::lambda {

namespace {

using Json = nlohmann::json;

constexpr const char* place = "INTELWALL_FINDINGS_FILTER";

std::size_t severity_of(const Json& finding) {
  const auto& severity = aws::member(finding, finding.contains("Severity") ? "Severity" : "severity");
  const auto label = severity.is_number() ? findings::guardduty_severity_label(severity.get<double>())
                                          : aws::text_in(severity, "Label");
  return findings::severity_rank(label).value_or(0);
}

std::vector<std::string> types_of(const Json& finding) {
  std::vector<std::string> types;
  for (const auto& type : aws::items_in(finding, "Types"))
    if (type.is_string()) types.push_back(type.get<std::string>());
  if (auto type = aws::text_in(finding, "type"); !type.empty()) types.push_back(std::move(type));
  return types;
}

bool fits(std::string_view wanted, std::string_view product) {
  if (wanted.ends_with("/*")) return product.starts_with(wanted.substr(0, wanted.size() - 1));
  return wanted == product;
}

Result<std::vector<std::string>> texts(const Json& json, const char* key) {
  std::vector<std::string> all;
  if (!json.contains(key)) return all;
  if (!json[key].is_array())
    return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no list of texts", key), place);
  for (const auto& each : json[key]) {
    if (!each.is_string() || each.get<std::string>().empty())
      return fail(ErrorCode::invalid_input, fmt::format("\"{}\" holds something else than texts", key), place);
    all.push_back(each.get<std::string>());
  }
  return all;
}

}  // namespace

Result<FindingFilter> FindingFilter::parse(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  constexpr const char* example = R"(write {"products": ["guardduty"], "types": ["TTPs"], "min_severity": "HIGH"})";
  if (!json.is_object()) return fail(ErrorCode::invalid_input, "this is no JSON object", place, example);
  for (const auto& [key, value] : json.items())
    if (key != "products" && key != "types" && key != "min_severity")
      return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is not known", printable(key, 40)), place, example);
  FindingFilter filter;
  IW_TRY(filter.products, texts(json, "products"));
  IW_TRY(filter.types, texts(json, "types"));
  if (filter.products.empty())
    return fail(ErrorCode::invalid_input, "it names no product, so any finding of anybody would block", place, example);
  if (json.contains("min_severity")) {
    const auto rank = findings::severity_rank(aws::text_in(json, "min_severity"));
    if (!rank)
      return fail(ErrorCode::invalid_input, "\"min_severity\" is none of INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL",
                  place, example);
    filter.min_severity = *rank;
  }
  return filter;
}

bool FindingFilter::takes(const Json& finding) const {
  if (!finding.is_object() || aws::text_in(finding, "GeneratorId").starts_with("intelwall/")) return false;
  const auto arn = aws::text_in(finding, "ProductArn");
  // An event of GuardDuty itself names no product.
  const bool native = arn.empty() && finding.contains("schemaVersion") && finding.contains("service");
  const auto product = native ? std::string("aws/guardduty") : aws::product_name(arn);
  if (product.empty() || severity_of(finding) < min_severity) return false;
  const bool known = std::ranges::any_of(products, [&](const std::string& wanted) {
    return fits(wanted == "guardduty" ? "aws/guardduty" : wanted, product);
  });
  if (!known || types.empty()) return known;
  const auto its = types_of(finding);
  return std::ranges::any_of(types, [&](const std::string& wanted) {
    return std::ranges::any_of(its, [&](const std::string& type) { return type.starts_with(wanted); });
  });
}

}  // namespace intelwall::lambda
