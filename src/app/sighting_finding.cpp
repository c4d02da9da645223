#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/hunt_intake.hpp"
#include "app/sightings.hpp"
#include "findings/asff_text.hpp"

namespace intelwall::app {
namespace {

using Json = nlohmann::json;
using findings::asff_text;

const char* label_of(store::Confidence confidence) {
  switch (confidence) {
    case store::Confidence::high:
      return "HIGH";
    case store::Confidence::medium:
      return "MEDIUM";
    case store::Confidence::low:
      return "LOW";
    case store::Confidence::unverified:
      break;
  }
  return "INFORMATIONAL";
}

bool is_v4(const std::string& address) {
  return !address.empty() && address.find_first_not_of("0123456789.") == std::string::npos;
}
bool is_v6(const std::string& address) {
  return address.contains(':') && address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos;
}

Json resource_of(const Seen& seen, const findings::AsffTarget& hub) {
  if (!seen.instance.empty())
    return {{"Type", "AwsEc2Instance"},
            {"Id", fmt::format("arn:{}:ec2:{}:{}:instance/{}", hub.partition, hub.region, hub.account, seen.instance)},
            {"Partition", hub.partition},
            {"Region", hub.region}};
  return {{"Type", "Other"},
          {"Id", asff_text(seen.workload, 512)},
          {"Partition", hub.partition},
          {"Region", hub.region},
          {"Details", {{"Other", {{"Address", asff_text(seen.workload, 1024)}}}}}};
}

void put(Json& fields, const char* name, const std::string& text) {
  if (auto value = asff_text(text, 2048); !value.empty()) fields[fmt::format("intelwall/{}", name)] = std::move(value);
}

}  // namespace

std::string sighting_finding_id(const std::string& workload, const std::string& domain) {
  return fmt::format("{}{}/{}", sighting_finding_prefix, workload, domain);
}

Json sighting_finding(const Seen& seen, const findings::AsffTarget& hub, Time now) {
  const auto known = seen.watched_by.empty() ? Context4{} : read_context(seen.watched_by.front().context);
  const auto hunt = seen.watched_by.empty() ? std::string("none") : seen.watched_by.front().hunt;
  const auto who = known.actors.empty() ? known.families : known.actors;
  const char* confidence = intel::to_string(seen.confidence());

  Json fields = Json::object();
  put(fields, "hunt", hunt);
  put(fields, "actors", known.actors);
  put(fields, "malware_families", known.families);
  put(fields, "threat_types", known.threat_types);
  put(fields, "kill_chains", known.kill_chains);
  put(fields, "malicious_confidence", confidence);
  put(fields, "count", fmt::format("{}", seen.count));
  put(fields, "blocked", fmt::format("{}", seen.blocked));
  put(fields, "name", seen.name);
  put(fields, "batches", seen.batches);

  Json network = {{"Direction", "OUT"}, {"DestinationDomain", asff_text(seen.name, 128)}};
  if (is_v4(seen.workload)) network["SourceIpV4"] = seen.workload;
  if (is_v6(seen.workload)) network["SourceIpV6"] = seen.workload;
  if (is_v4(seen.destination)) network["DestinationIpV4"] = seen.destination;
  if (is_v6(seen.destination)) network["DestinationIpV6"] = seen.destination;
  if (seen.destination_port != 0) network["DestinationPort"] = seen.destination_port;

  const Json severity = {{"Label", label_of(seen.confidence())}};
  const Json types = {"TTPs/Command and Control"};
  return {{"SchemaVersion", "2018-10-08"},
          {"Id", asff_text(sighting_finding_id(seen.workload, seen.domain), 512)},
          {"ProductArn",
           fmt::format("arn:{0}:securityhub:{1}:{2}:product/{2}/default", hub.partition, hub.region, hub.account)},
          {"GeneratorId", asff_text("intelwall/hunt/" + hunt, 512)},
          {"AwsAccountId", hub.account},
          {"Types", types},
          {"CreatedAt", format_time(seen.first)},
          {"UpdatedAt", format_time(now)},
          {"FirstObservedAt", format_time(seen.first)},
          {"LastObservedAt", format_time(seen.last)},
          {"Severity", severity},
          {"FindingProviderFields", {{"Severity", severity}, {"Types", types}}},
          {"Title", asff_text(fmt::format("{} contacted {}{}", seen.workload, seen.domain,
                                          who.empty() ? std::string() : fmt::format(" ({})", who)),
                              256)},
          {"Description",
           asff_text(fmt::format(
                         "The firewall saw {} contact {} {} time{} over {}, last at {}. Hunt {} watches {}: "
                         "confidence {}{}{}. Press \"intelwall block\" to block it.",
                         seen.workload, seen.name, seen.count, seen.count == 1 ? "" : "s", hunt::to_string(seen.kind),
                         format_time(seen.last), hunt, seen.domain, confidence,
                         known.actors.empty() ? std::string() : fmt::format(", actors {}", known.actors),
                         known.families.empty() ? std::string() : fmt::format(", malware families {}", known.families)),
                     1024)},
          {"RecordState", "ACTIVE"},
          {"Resources", Json::array({resource_of(seen, hub)})},
          {"Network", std::move(network)},
          {"ThreatIntelIndicators", Json::array({{{"Type", "DOMAIN"},
                                                  {"Value", seen.domain},
                                                  {"Category", "COMMAND_AND_CONTROL"},
                                                  {"LastObservedAt", format_time(seen.last)},
                                                  {"Source", asff_text("intelwall hunt " + hunt, 64)}}})},
          {"ProductFields", std::move(fields)}};
}

Json to_json(const Seen& seen) {
  Json hunts = Json::array();
  for (const auto& kept : seen.watched_by) {
    const auto known = read_context(kept.context);
    hunts.push_back({{"hunt", kept.hunt},
                     {"confidence", intel::to_string(kept.facts.confidence)},
                     {"actors", known.actors},
                     {"malware_families", known.families},
                     {"threat_types", known.threat_types}});
  }
  return {{"workload", seen.workload},
          {"instance", seen.instance.empty() ? Json() : Json(seen.instance)},
          {"domain", seen.domain},
          {"name", seen.name},
          {"protocol", hunt::to_string(seen.kind)},
          {"destination", seen.destination},
          {"destination_port", seen.destination_port},
          {"first_seen", format_time(seen.first)},
          {"last_seen", format_time(seen.last)},
          {"count", seen.count},
          {"blocked", seen.blocked},
          {"confidence", intel::to_string(seen.confidence())},
          {"hunts", std::move(hunts)}};
}

Json to_json(const store::Sighting& sighting) {
  return {{"workload", sighting.workload},
          {"domain", sighting.domain},
          {"first_seen", format_time(sighting.first)},
          {"last_seen", format_time(sighting.last)},
          {"count", sighting.count},
          {"finding", sighting.finding}};
}

Json to_json(const hunt::ScanReport& report) {
  return {{"bytes", report.bytes}, {"lines", report.lines},           {"names", report.names},
          {"hits", report.hits},   {"unreadable", report.unreadable}, {"unreadable_lines", report.unreadable_lines}};
}

}  // namespace intelwall::app
