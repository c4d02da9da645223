#include <fmt/format.h>

#include <algorithm>

#include "core/time.hpp"
#include "findings/connections.hpp"
#include "findings/falcon_asff.hpp"
#include "findings/falcon_fields.hpp"
#include "findings/readers.hpp"
#include "findings/severity.hpp"

namespace intelwall::findings {
namespace {

constexpr std::string_view detection_event = "detectionsummaryevent";

void take_indicator(const FalconFields& fields, std::initializer_list<std::string_view> value_words,
                    Candidates& candidates) {
  const auto type = fields.text({"ioctype"});
  fields.each(value_words, [&](const Node& value) {
    if (!value.is(Kind::string)) return fields.odd().note(value);
    if (type.empty()) return candidates.search(value, BareNames::take);
    if (is_domain_type(type)) return candidates.take(value, Grade::ioc);
    candidates.refuse(value, type);
  });
}

void take_indicators(const FalconFields& fields, Candidates& candidates) {
  take_indicator(fields, {"iocvalue"}, candidates);
  take_indicator(fields, {"iocvalues"}, candidates);
  fields.each({"ioccontext"}, [&](const Node& context) {
    if (!context.is(Kind::object)) return fields.odd().note(context);
    take_indicator(FalconFields(context, fields.odd()), {"iocvalue"}, candidates);
  });
}

/// `list` of objects that name another side under one of `words`, or of plain strings.
void take_observed(const FalconFields& fields, std::initializer_list<std::string_view> list,
                   std::initializer_list<std::string_view> words, Candidates& candidates) {
  fields.each(list, [&](const Node& item) {
    if (item.is(Kind::string)) return candidates.take(item, Grade::observed);
    if (!item.is(Kind::object)) return fields.odd().note(item);
    const auto name = FalconFields(item, fields.odd()).find(words);
    if (!name || !name->is(Kind::string)) return fields.odd().note(item);
    candidates.take(name, Grade::observed);
  });
}

void search_texts(const FalconFields& fields, Candidates& candidates) {
  candidates.search(fields.string({"description", "detectdescription"}), BareNames::take);
  for (const auto* words : {"commandline", "cmdline", "parentcommandline", "grandparentcommandline"}) {
    const auto line = fields.string({words});
    if (line) candidates.search(line, bare_names_in(line->text()));
  }
  for (const auto* words : {"parentdetails", "grandparentdetails"}) {
    const auto process = fields.object({words});
    if (!process) continue;
    const auto line = FalconFields(*process, fields.odd()).string({"cmdline", "commandline"});
    if (line) candidates.search(line, bare_names_in(line->text()));
  }
}

std::string severity_of(const FalconFields& fields, FalconScale scale) {
  if (const auto label = falcon_severity_label(fields.text({"severityname"}))) return *label;
  const auto severity = fields.number({"severity"});
  return severity ? falcon_severity_label(*severity, scale) : std::string{};
}

/// The account of the host, where it is an AWS instance.
std::string account_of(const FalconFields& fields) {
  const auto device = fields.object({"device"});
  if (!device) return {};
  const FalconFields host(*device, fields.odd());
  return host.text({"serviceprovider"}).starts_with("AWS") ? host.text({"serviceprovideraccountid"}) : std::string{};
}

std::string format_milliseconds(std::optional<double> since_epoch) {
  constexpr double end_of_9999 = 253'402'300'799'000;
  if (!since_epoch || !(*since_epoch > 0) || *since_epoch > end_of_9999) return {};
  return format_time(Time(std::chrono::seconds(static_cast<std::int64_t>(*since_epoch / 1000))));
}

/// What a detection says, whichever way it came: the names of its members differ only in spelling.
Result<Reading> read_detection(const Node& record, const Node& detection, FalconScale scale, NameSearch& search) {
  Reading reading;
  OddParts odd;
  const FalconFields fields(detection, odd);
  auto& finding = reading.finding;
  finding.source = Source::falcon;
  finding.product = "crowdstrike-falcon";
  finding.id = fields.text({"detectid", "compositeid"});
  if (finding.id.empty()) {
    return std::unexpected(detection.error("has neither a DetectId nor a CompositeId",
                                           "every detection has one; export the event or the alert again, as it came"));
  }
  finding.title = fields.text({"detectname", "name", "displayname", "technique"});
  finding.severity = severity_of(fields, scale);
  finding.account = account_of(fields);
  finding.updated_at = fields.text({"updatedtimestamp", "timestamp", "createdtimestamp"});

  Candidates candidates(record, search);
  take_indicators(fields, candidates);
  take_observed(fields, {"dnsrequests"}, {"domainname"}, candidates);
  take_observed(fields, {"networkaccesses"}, {"remoteaddress"}, candidates);
  search_texts(fields, candidates);
  finding.candidates = candidates.finish();
  Connections connections(record);
  fields.each({"networkaccesses"}, [&](const Node& access) { connections.take_access(access); });
  finding.connections = connections.finish();
  reading.overflowed = candidates.overflowed();
  reading.odd_parts = odd.count;
  reading.first_odd_part = std::move(odd.first);
  return reading;
}

bool ends_in_nocase(std::string_view text, std::string_view lower_case_end) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
  return text.size() >= lower_case_end.size() &&
         std::ranges::equal(text.substr(text.size() - lower_case_end.size()), lower_case_end, same);
}

}  // namespace

bool is_detection_event(std::string_view event_type) {
  constexpr std::string_view epp = "epp";
  if (!ends_in_nocase(event_type, detection_event)) return false;
  const auto before = event_type.substr(0, event_type.size() - detection_event.size());
  return before.empty() || (before.size() == epp.size() && ends_in_nocase(before, epp));
}

Result<Reading> read_falcon_event(const Node& record, NameSearch& search) {
  OddParts ignored;
  const FalconFields top(record, ignored);
  const auto envelope = top.object({"metadata"});
  const auto event = top.object({"event"});
  if (!envelope || !event) {
    return std::unexpected(
        record.error("is an event without metadata or event", "pass it on as the stream gave it, with both"));
  }
  const FalconFields metadata(*envelope, ignored);
  const std::string type = metadata.text({"eventtype"});
  if (type.empty()) {
    return std::unexpected(record.error("has no eventType in its metadata", "pass the event on as the stream gave it"));
  }
  if (!is_detection_event(type)) {
    return std::unexpected(
        record.error(fmt::format("is a Falcon event of the type \"{}\", which carries no detection that is read",
                                 printable(type, 60)),
                     "DetectionSummaryEvent and EppDetectionSummaryEvent are read; leave the others out"));
  }
  const bool legacy = type.size() == detection_event.size();
  IW_TRY(auto reading, read_detection(record, *event, legacy ? FalconScale::five : FalconScale::hundred, search));
  reading.finding.updated_at = format_milliseconds(metadata.number({"eventcreationtime"}));
  return reading;
}

Result<Reading> read_falcon_alert(const Node& record, NameSearch& search) {
  return read_detection(record, record, FalconScale::hundred, search);
}

}  // namespace intelwall::findings
