#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "findings/connections.hpp"
#include "findings/readers.hpp"

namespace intelwall::findings {
namespace {

constexpr std::string_view falcon_type = "crowdstrike/crowdstrike-falcon/IOCType";
constexpr std::string_view falcon_value = "crowdstrike/crowdstrike-falcon/IOCValue";
constexpr std::string_view falcon_ioc_list = "crowdstrike/crowdstrike-falcon/IOCDomains";
constexpr std::string_view falcon_observed_list = "crowdstrike/crowdstrike-falcon/ObservedDomains";
constexpr std::string_view guardduty_sample = "aws/guardduty/service/additionalInfo/sample";
constexpr std::string_view guardduty_local =
    "aws/guardduty/service/action/networkConnectionAction/localIpDetails/ipAddressV4";
constexpr std::string_view guardduty_extra = "aws/guardduty/service/additionalInfo/value";

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return lower;
}

/// Fields that never speak of the other side: Security Hub's own, who called an API, whose machine it was, what a file
/// (format.com is a program) or a kind of attack is called.
bool is_own_side(std::string_view field) {
  constexpr std::array<std::string_view, 16> names = {
      "sourcedomain", "hostname",       "computername", "machinedomain",       "logondomain",
      "filename",     "filepath",       "tactic",       "parentimagefilename", "grandparentimagefilename",
      "technique",    "associatedfile", "objective",    "detectname",          "techniqueid",
      "tacticid"};
  return field.starts_with("aws/securityhub/") || field.find("ApiCallAction/") != std::string_view::npos ||
         std::ranges::count(names, lowered(field.substr(field.rfind('/') + 1))) > 0;
}

Result<void> read_actions(const Node& record, Candidates& candidates) {
  // AwsApiCallAction names the caller's domain and Network.SourceDomain the own side: neither is looked at.
  IW_TRY(const auto action, record.member("Action", Kind::object));
  if (action) {
    IW_TRY(const auto request, action->member("DnsRequestAction", Kind::object));
    if (request) {
      IW_TRY(const auto domain, request->member("Domain", Kind::string));
      candidates.take(domain, Grade::ioc);
    }
  }
  IW_TRY(const auto network, record.member("Network", Kind::object));
  if (network) {
    IW_TRY(const auto domain, network->member("DestinationDomain", Kind::string));
    candidates.take(domain, Grade::ioc);
  }
  return {};
}

Result<void> read_threat_intel(const Node& record, Candidates& candidates) {
  IW_TRY(const auto indicators, record.member("ThreatIntelIndicators", Kind::array));
  return Node::each_item(indicators, Kind::object, [&](const Node& indicator) -> Result<void> {
    IW_TRY(const auto type, indicator.text_of("Type"));
    IW_TRY(const auto value, indicator.member("Value", Kind::string));
    if (!value || type.empty()) return {};
    if (type == "DOMAIN" || type == "URL") {
      candidates.take(value, Grade::ioc);
    } else {
      candidates.refuse(*value, type);
    }
    return {};
  });
}

/// What ProductFields say, each key looked at once.
struct ProductFields {
  std::optional<Node> falcon_type;
  std::optional<Node> falcon_value;
  std::vector<std::pair<std::string_view, Node>> lists;   ///< of domains, as falcon_asff writes them
  std::string_view local_address;                         ///< of GuardDuty's network connection
  std::vector<std::pair<std::string_view, Node>> others;  ///< may mention a domain, sorted by key
  bool sample = false;
};

Result<ProductFields> read_product_fields(const std::optional<Node>& fields) {
  ProductFields read;
  IW_CHECK(Node::each_member(fields, [&](std::string_view key, const Node& value) -> Result<void> {
    if (value.value().is_null()) return {};
    if (!value.is(Kind::string)) return std::unexpected(value.wrong_kind(Kind::string));
    if (key == falcon_type) {
      read.falcon_type = value;
    } else if (key == falcon_value) {
      read.falcon_value = value;
    } else if (key.starts_with(falcon_ioc_list) || key.starts_with(falcon_observed_list)) {
      read.lists.emplace_back(key, value);
    } else if (key == guardduty_sample) {
      read.sample = read.sample || lowered(value.text()) == "true";
    } else if (key == guardduty_extra) {
      read.sample = read.sample || says_sample(value.text());
    } else if (key == guardduty_local) {
      read.local_address = value.text();
    } else if (may_hold_name(value.text()) && !is_own_side(key)) {
      read.others.emplace_back(key, value);
    }
    return {};
  }));
  // Which of two equal mentions is told must not depend on the order of keys.
  const auto place = [](const auto& field) { return std::pair(field.first, field.first.data()); };
  std::ranges::sort(read.others, {}, place);
  std::ranges::sort(read.lists, {}, place);
  return read;
}

void take_falcon_indicator(const ProductFields& fields, Candidates& candidates) {
  if (!fields.falcon_value) return;
  if (!fields.falcon_type || fields.falcon_type->text().empty()) {
    candidates.search(fields.falcon_value, BareNames::take);
  } else if (is_domain_type(fields.falcon_type->text())) {
    candidates.take(fields.falcon_value, Grade::ioc);
  } else {
    candidates.refuse(*fields.falcon_value, fields.falcon_type->text());
  }
}

Result<std::string> severity_of(const Node& record) {
  IW_TRY(const auto own, record.member("Severity", Kind::object));
  if (own) {
    IW_TRY(const auto label, own->text_of("Label"));
    if (!label.empty()) return bounded(label);
  }
  IW_TRY(const auto provider, record.member("FindingProviderFields", Kind::object));
  if (!provider) return std::string{};
  IW_TRY(const auto severity, provider->member("Severity", Kind::object));
  if (!severity) return std::string{};
  IW_TRY(const auto label, severity->text_of("Label"));
  return bounded(label);
}

/// arn:PARTITION:securityhub:REGION:…
std::string_view region_of(std::string_view arn) {
  for (int i = 0; i < 3; ++i) {
    const auto colon = arn.find(':');
    if (colon == std::string_view::npos) return {};
    arn.remove_prefix(colon + 1);
  }
  return arn.substr(0, arn.find(':'));
}

}  // namespace

bool is_domain_type(std::string_view falcon_ioc_type) {
  constexpr std::array<std::string_view, 4> types = {"domain", "domain_name", "hostname", "url"};
  return std::ranges::count(types, lowered(falcon_ioc_type)) > 0;
}

BareNames bare_names_in(std::string_view value) {
  return value.find(' ') == std::string_view::npos ? BareNames::take : BareNames::leave;
}

Result<Reading> read_asff(const Node& record, NameSearch& search) {
  Reading reading;
  auto& finding = reading.finding;
  finding.source = Source::security_hub;
  IW_TRY(finding.id, read_id(record));
  IW_TRY(const auto arn, record.text_of("ProductArn"));
  IW_TRY(const auto account, record.text_of("AwsAccountId"));
  IW_TRY(const auto region, record.text_of("Region"));
  IW_TRY(const auto title, record.member("Title", Kind::string));
  IW_TRY(const auto description, record.member("Description", Kind::string));
  IW_TRY(const auto updated_at, record.text_of("UpdatedAt"));
  IW_TRY(finding.severity, severity_of(record));
  IW_TRY(const auto sample, record.member("Sample", Kind::boolean));
  IW_TRY(const auto raw_fields, record.member("ProductFields", Kind::object));
  IW_TRY(const auto fields, read_product_fields(raw_fields));
  finding.product_arn = bounded(arn);
  finding.product = bounded(arn.substr(arn.rfind('/') + 1));
  finding.account = bounded(account);
  finding.region = bounded(region.empty() ? region_of(arn) : region);
  finding.title = title ? bounded(title->text()) : std::string{};
  finding.updated_at = bounded(updated_at);
  finding.sample = fields.sample || (sample && sample->truth()) || finding.title.starts_with("[SAMPLE]");

  Candidates candidates(record, search);
  take_falcon_indicator(fields, candidates);
  IW_CHECK(read_actions(record, candidates));
  IW_CHECK(read_threat_intel(record, candidates));
  IW_TRY(const auto detection, record.member("Detection", Kind::object));
  if (detection) {
    IW_TRY(const auto sequence, detection->member("Sequence", Kind::object));
    IW_CHECK(read_sequence(sequence, candidates));
  }
  for (const auto& [key, field] : fields.lists)
    candidates.take_list(field, key.starts_with(falcon_ioc_list) ? Grade::ioc : Grade::observed);
  for (const auto& [key, field] : fields.others) candidates.search(field, bare_names_in(field.text()));
  candidates.search(title, BareNames::take);
  candidates.search(description, BareNames::take);
  finding.candidates = candidates.finish();
  Connections connections(record);
  connections.take_network(record);
  IW_TRY(const auto action, record.member("Action", Kind::object));
  if (action) connections.take_action(*action, fields.local_address);
  finding.connections = connections.finish();
  reading.overflowed = candidates.overflowed();
  return reading;
}

}  // namespace intelwall::findings
