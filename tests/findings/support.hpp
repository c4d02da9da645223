#pragma once

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "findings/finding.hpp"

namespace intelwall::findings {

inline std::string fixture(std::string_view name) {
  std::ifstream in(fmt::format("{}/tests/findings/data/{}", INTELWALL_SOURCE_DIR, name), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline const std::vector<std::string> all_fixtures = {
    "batch_import.json",
    "custom_action.json",
    "every_place_asff.json",
    "falcon_alerts.json",
    "falcon_asff.json",
    "falcon_detection_event.json",
    "falcon_epp_event.json",
    "guardduty_asff.json",
    "guardduty_event.json",
    "guardduty_get_findings_sdk.json",
    "guardduty_get_findings.json",
    "guardduty_native.json",
    "imported.json",
    "mixed.jsonl",
    "samples_asff.json",
};

/// "ioc evil.com <- Action.DnsRequestAction.Domain", or "ioc refused 'text' <- path".
inline std::vector<std::string> show(const Finding& finding) {
  std::vector<std::string> lines;
  for (const auto& candidate : finding.candidates) {
    const auto what = candidate.domain ? candidate.domain->name.text() : fmt::format("refused '{}'", candidate.text);
    lines.push_back(fmt::format("{} {} <- {}", to_string(candidate.evidence.grade), what, candidate.evidence.path));
  }
  return lines;
}

/// "10.0.0.1:53517 203.0.113.7:443 <- path"
inline std::vector<std::string> show_connections(const Finding& finding) {
  std::vector<std::string> lines;
  for (const auto& each : finding.connections)
    lines.push_back(fmt::format("{}:{} {}:{} <- {}", each.source, each.source_port, each.destination,
                                each.destination_port, each.path));
  return lines;
}

/// Everything a report holds, for comparing two of them.
inline std::string dump(const ReadReport& report) {
  std::string text = fmt::format("{} records\n", report.records);
  if (report.custom_action)
    text += fmt::format("action {} {}\n", report.custom_action->arn, report.custom_action->name);
  for (const auto& f : report.findings) {
    text += fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}\n", to_string(f.source), f.id, f.product_arn, f.product,
                        f.account, f.region, f.title, f.severity, f.updated_at, f.sample);
    for (const auto& c : f.candidates) {
      text += fmt::format("  {}|{}|{}|{}|{}|{}\n", c.domain ? c.domain->name.text() : "", c.text, c.evidence.path,
                          c.evidence.text, to_string(c.evidence.grade), c.why_not);
    }
    for (const auto& line : show_connections(f)) text += "  " + line + "\n";
  }
  for (const auto& error : report.errors) text += error.to_text() + "\n";
  return text;
}

/// The smallest ASFF finding with `rest` (", \"Title\": …") in it.
inline std::string asff(std::string_view id, std::string_view rest = "") {
  return fmt::format(R"({{"Id":"{}","ProductArn":"arn:aws:securityhub:us-east-1::product/a/b"{}}})", id, rest);
}

}  // namespace intelwall::findings
