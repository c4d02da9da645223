#include "findings/connections.hpp"
#include "findings/readers.hpp"
#include "findings/severity.hpp"

namespace intelwall::findings {
namespace {

/// As Security Hub labels GuardDuty's 1.0 to 10.0.
Result<bool> is_sample(const Node& service) {
  IW_TRY(const auto extra, service.member("AdditionalInfo", Kind::object));
  if (!extra) return false;
  // Events carry `sample` itself; the API puts the same JSON into a string.
  IW_TRY(const auto json_text, extra->text_of("Value"));
  if (says_sample(json_text)) return true;
  IW_TRY(const auto sample, extra->member("Sample", Kind::boolean));
  return sample && sample->truth();
}

Result<void> read_service(const Node& service, Candidates& candidates, Connections& connections) {
  // awsApiCallAction names the caller's domain, networkConnectionAction none: only DNS requests name a candidate.
  IW_TRY(const auto action, service.member("Action", Kind::object));
  if (action) {
    connections.take_action(*action, {});
    IW_TRY(const auto request, action->member("DnsRequestAction", Kind::object));
    if (request) {
      IW_TRY(const auto domain, request->member("Domain", Kind::string));
      candidates.take(domain, Grade::ioc);
    }
  }
  IW_TRY(const auto detection, service.member("Detection", Kind::object));
  if (!detection) return {};
  IW_TRY(const auto sequence, detection->member("Sequence", Kind::object));
  return read_sequence(sequence, candidates);
}

}  // namespace

Result<Reading> read_guardduty(const Node& raw, Spelling spelling, NameSearch& search) {
  const auto record = raw.spelled(spelling);
  Reading reading;
  auto& finding = reading.finding;
  finding.source = Source::guardduty;
  finding.product = "guardduty";
  IW_TRY(finding.id, read_id(record));
  IW_TRY(const auto account, record.text_of("AccountId"));
  IW_TRY(const auto region, record.text_of("Region"));
  IW_TRY(const auto title, record.member("Title", Kind::string));
  IW_TRY(const auto description, record.member("Description", Kind::string));
  IW_TRY(const auto updated_at, record.text_of("UpdatedAt"));
  IW_TRY(const auto severity, record.member("Severity", Kind::number));
  finding.account = bounded(account);
  finding.region = bounded(region);
  finding.title = title ? bounded(title->text()) : std::string{};
  finding.updated_at = bounded(updated_at);
  finding.severity = guardduty_severity_label(severity ? severity->number() : 0);
  finding.sample = finding.title.starts_with("[SAMPLE]");

  Candidates candidates(record, search);
  Connections connections(record);
  IW_TRY(const auto service, record.member("Service", Kind::object));
  if (service) {
    IW_TRY(const bool sample, is_sample(*service));
    finding.sample = finding.sample || sample;
    IW_CHECK(read_service(*service, candidates, connections));
  }
  candidates.search(title, BareNames::take);
  candidates.search(description, BareNames::take);
  finding.candidates = candidates.finish();
  finding.connections = connections.finish();
  reading.overflowed = candidates.overflowed();
  return reading;
}

}  // namespace intelwall::findings
