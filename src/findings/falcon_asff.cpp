#include "findings/falcon_asff.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "findings/asff_text.hpp"
#include "findings/falcon_fields.hpp"
#include "findings/falcon_host.hpp"
#include "findings/readers.hpp"
#include "findings/severity.hpp"

namespace intelwall::findings {
namespace {

using Json = nlohmann::json;

// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
constexpr std::size_t id_limit = 512, title_limit = 256, description_limit = 1024, type_limit = 256, url_limit = 2048;
constexpr std::size_t process_name_limit = 64, process_path_limit = 512, original_limit = 64, protocol_limit = 16;
constexpr std::size_t network_domain_limit = 128, indicator_limit = 512, most_indicators = 5;
constexpr std::string_view id_prefix = "crowdstrike:crowdstrike-falcon:";

using Words = std::initializer_list<std::string_view>;

/// A scalar's whole text; text() of the fields keeps only the beginning.
std::string whole_text(const FalconFields& fields, Words words) {
  const auto node = fields.find(words);
  return node && node->is(Kind::string) ? std::string(node->text()) : fields.text(words);
}

/// Prose or a command line within `limit`, cut between words: half a name would be another name. The mark's space tells
/// readers that this is no single word.
std::string cut_between_words(std::string_view whole, std::size_t limit) {
  constexpr std::string_view mark = " \xe2\x80\xa6";  // …
  std::string text = asff_text(whole, std::size_t{16} << 10);
  if (text.size() <= limit) return text;
  limit -= mark.size();
  const auto end = text.find_last_of(' ', limit);
  return bounded(text, end == std::string::npos ? limit : end).append(mark);
}

struct Names {
  std::vector<std::string> ioc, observed;
  std::string ioc_text;  ///< how the first indicator was written
};
Names names_in(const Finding& finding) {
  Names names;
  for (const auto& candidate : finding.candidates) {
    if (!candidate.domain) continue;
    const bool ioc = candidate.evidence.grade == Grade::ioc;
    if (ioc && names.ioc.empty()) names.ioc_text = candidate.text;
    (ioc ? names.ioc : names.observed).push_back(candidate.domain->name.text());
  }
  return names;
}

struct Technique {
  std::string tactic, technique;
};
/// The detection's own, else the first of its MITRE list.
Technique technique_of(const FalconFields& fields) {
  Technique found{fields.text({"tactic"}), fields.text({"technique"})};
  fields.each({"mitreattack"}, [&](const Node& item) {
    if (!item.is(Kind::object)) return;
    const FalconFields attack(item, fields.odd());
    if (found.tactic.empty()) found.tactic = attack.text({"tactic"});
    if (found.technique.empty()) found.technique = attack.text({"technique"});
  });
  return found;
}

/// ASFF's own taxonomy (namespace/category/classifier), and the gateway's, which its users' filters know.
Json types_of(const Technique& technique) {
  const auto plain = [](std::string text) {
    std::ranges::replace(text, '/', ' ');
    return text;
  };
  std::string path = "TTPs";
  for (const auto* part : {&technique.tactic, &technique.technique}) {
    if (part->empty()) break;
    path += "/" + plain(*part);
  }
  Json types = Json::array({asff_text(path, type_limit), "Namespace: TTPs"});
  if (!technique.tactic.empty()) types.push_back(asff_text("Category: " + technique.tactic, type_limit));
  if (!technique.technique.empty()) types.push_back(asff_text("Classifier: " + technique.technique, type_limit));
  return types;
}

std::string address_key(const char* side, const std::string& address) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) return fmt::format("{}IpV4", side);
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return fmt::format("{}IpV6", side);
  return {};
}

/// The first access, and the indicator as the name behind it.
Json network_of(const FalconFields& fields, const Names& names) {
  Json network = Json::object();
  bool taken = false;
  fields.each({"networkaccesses"}, [&](const Node& item) {
    if (taken || !item.is(Kind::object)) return;
    taken = true;
    const FalconFields access(item, fields.odd());
    // Falcon counts 0 outbound, 1 inbound; the source is the side that opened the connection.
    const bool inbound = access.text({"connectiondirection"}) == "1";
    network["Direction"] = inbound ? "IN" : "OUT";
    if (auto protocol = asff_text(access.text({"protocol"}), protocol_limit); !protocol.empty())
      network["Protocol"] = std::move(protocol);
    const auto put = [&](const char* side, Words address_words, Words port_words) {
      const std::string address = access.text(address_words);
      if (const auto key = address_key(side, address); !key.empty()) network[key] = address;
      constexpr double highest = 65'535;
      const auto port = access.number(port_words);
      if (port && *port >= 0 && *port <= highest && std::floor(*port) == *port)
        network[fmt::format("{}Port", side)] = static_cast<int>(*port);
    };
    put(inbound ? "Destination" : "Source", {"localaddress"}, {"localport"});
    put(inbound ? "Source" : "Destination", {"remoteaddress"}, {"remoteport"});
  });
  if (!names.ioc.empty() && names.ioc.front().size() <= network_domain_limit) {
    network.emplace("Direction", "OUT");
    network["DestinationDomain"] = names.ioc.front();
  }
  return network;
}

Json indicators_of(const Names& names) {
  Json list = Json::array();
  for (std::size_t i = 0; i < std::min(names.ioc.size(), most_indicators); ++i) {
    const bool url = i == 0 && names.ioc_text.contains("://") && names.ioc_text.size() < indicator_limit &&
                     asff_text(names.ioc_text, indicator_limit) == names.ioc_text;
    list.push_back({{"Type", url ? "URL" : "DOMAIN"},
                    {"Value", url ? names.ioc_text : names.ioc[i]},
                    {"Source", "CrowdStrike Falcon"}});
  }
  return list;
}

void put_mitre(const FalconFields& fields, AsffProductFields& out) {
  constexpr std::size_t per_attack = 5;
  std::size_t number = 0;
  fields.each({"mitreattack"}, [&](const Node& item) {
    if (!item.is(Kind::object) || out.room() < per_attack) return;
    const FalconFields attack(item, fields.odd());
    const auto put = [&](const char* name, Words words) {
      out.put(fmt::format("MitreAttack/{}/{}", number, name), attack.text(words));
    };
    put("Tactic", {"tactic"});
    put("TacticID", {"tacticid"});
    put("Technique", {"technique"});
    put("TechniqueID", {"techniqueid"});
    put("PatternID", {"patternid"});
    ++number;
  });
}

Json product_fields_of(const FalconFields& fields, const std::string& customer, const Names& names) {
  AsffProductFields out;
  const auto put = [&](const char* name, Words words) { out.put(name, whole_text(fields, words)); };
  const auto put_line = [&](const char* name, std::string_view line) {
    out.put(name, cut_between_words(line, AsffProductFields::value_limit));
  };
  out.put("cid", customer.empty() ? fields.text({"cid"}) : customer);
  put("IOCType", {"ioctype"});
  // Half a URL may name another host.
  const std::string value = whole_text(fields, {"iocvalue"});
  if (value.size() <= AsffProductFields::value_limit) {
    out.put("IOCValue", value);
  } else if (!names.ioc.empty()) {
    out.put("IOCValue", names.ioc.front());
  }
  put("FileName", {"filename"});
  put("FilePath", {"filepath"});
  put("SHA256String", {"sha256string", "sha256"});
  put("SHA1String", {"sha1string", "sha1"});
  put("MD5String", {"md5string", "md5"});
  put("ParentImageFileName", {"parentimagefilename"});
  put("GrandParentImageFileName", {"grandparentimagefilename"});
  put("AssociatedFile", {"associatedfile"});
  put("PatternDispositionDescription", {"patterndispositiondescription"});
  put("DetectName", {"detectname", "name", "displayname"});
  put("Tactic", {"tactic"});
  put("Technique", {"technique"});
  put("Objective", {"objective"});
  put_line("CommandLine", whole_text(fields, {"commandline", "cmdline"}));
  for (const auto& [name, words, holder] :
       {std::tuple{"ParentCommandLine", "parentcommandline", "parentdetails"},
        std::tuple{"GrandParentCommandLine", "grandparentcommandline", "grandparentdetails"}}) {
    std::string line = whole_text(fields, {words});
    if (const auto process = fields.object({holder}); line.empty() && process)
      line = whole_text(FalconFields(*process, fields.odd()), {"cmdline", "commandline"});
    put_line(name, line);
  }
  out.put_list("IOCDomains", names.ioc.size() > most_indicators ? names.ioc : std::vector<std::string>{});
  out.put_list("ObservedDomains", names.observed);
  put_mitre(fields, out);
  return out.take();
}

Json process_of(const FalconFields& fields) {
  Json process = Json::object();
  if (auto name = asff_text(whole_text(fields, {"filename"}), process_name_limit); !name.empty())
    process["Name"] = std::move(name);
  if (auto path = asff_text(whole_text(fields, {"filepath"}), process_path_limit); !path.empty())
    process["Path"] = std::move(path);
  constexpr double end_of_9999 = 253'402'300'799;
  const auto started = fields.number({"processstarttime"});
  if (started && *started > 0 && *started <= end_of_9999)
    process["LaunchedAt"] = format_time(Time(std::chrono::seconds(static_cast<std::int64_t>(*started))));
  return process;
}

struct Severity {
  std::string label;
  int number;
  std::string original;
};
/// Where it is not told it counts as critical for filters, as in the gateway, and stands as medium on the finding.
Severity severity_of(const FalconFields& fields, const std::string& label) {
  std::string original = fields.text({"severityname"});
  if (original.empty()) original = fields.text({"severity"});
  const auto rank = severity_rank(label);
  if (!rank) return {"MEDIUM", static_cast<int>(severity_labels.size()), asff_text(original, original_limit)};
  return {label, static_cast<int>(*rank) + 1, asff_text(original, original_limit)};
}

Result<std::string> finding_id(const Node& detection, const std::string& id) {
  const bool fits = id.size() <= id_limit - id_prefix.size() && asff_text(id, id_limit) == id;
  if (!fits)
    return std::unexpected(
        detection.error("has an id that cannot be a finding's: longer than 481 bytes, or with control "
                        "characters",
                        "tell CrowdStrike; the detection is not forwarded"));
  return std::string(id_prefix) + id;
}

/// What a detection says, whichever way it came.
Result<FalconDraft> draft(const Node& detection, const Reading& reading, const std::string& customer) {
  OddParts odd;
  const FalconFields fields(detection, odd);
  FalconDraft out;
  IW_TRY(out.id, finding_id(detection, reading.finding.id));
  const Names names = names_in(reading.finding);
  const Severity severity = severity_of(fields, reading.finding.severity);
  out.severity = severity.number;
  out.device = device_in(fields);
  out.aid = fields.text({"agentid", "sensorid"});
  if (out.aid.empty()) out.aid = text_of_device(out.device, "device_id");

  std::string description =
      cut_between_words(whole_text(fields, {"description", "detectdescription"}), description_limit);
  if (description.empty()) description = "A detection of CrowdStrike Falcon";
  Json label{{"Label", severity.label}};
  if (!severity.original.empty()) label["Original"] = severity.original;
  const Json types = types_of(technique_of(fields));

  out.asff = {{"SchemaVersion", "2018-10-08"},
              {"Id", out.id},
              {"GeneratorId", "Falcon Host"},
              {"RecordState", "ACTIVE"},
              {"Severity", label},
              {"Types", types},
              {"FindingProviderFields", {{"Severity", label}, {"Types", types}}},
              {"Description", std::move(description)},
              {"ProductFields", product_fields_of(fields, customer, names)}};
  const auto put = [&](const char* name, Json value) {
    if (!value.empty()) out.asff[name] = std::move(value);
  };
  put("Process", process_of(fields));
  put("Network", network_of(fields, names));
  put("ThreatIntelIndicators", indicators_of(names));
  const std::string link = whole_text(fields, {"falconhostlink"});
  if (link.starts_with("https://") && link.size() <= url_limit && asff_text(link, url_limit) == link)
    out.asff["SourceUrl"] = link;
  return out;
}

/// An id of another form stays out of the title, which readers search for domains.
std::string title_of(const char* kind, const std::string& id) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (!std::ranges::all_of(id, fits)) return "Falcon Alert";
  return asff_text(fmt::format("Falcon Alert. {}: {}", kind, id), title_limit);
}

/// "…04.123000457Z": milliseconds, and below them the event's place in its feed.
std::string event_time(std::int64_t milliseconds, std::uint64_t offset) {
  constexpr std::uint64_t below = 1'000'000;
  constexpr std::int64_t second = 1000;
  std::string text = format_time(Time(std::chrono::seconds(milliseconds / second)));
  text.insert(text.size() - 1, fmt::format(".{:03}{:06}", milliseconds % second, offset % below));
  return text;
}

}  // namespace

struct FalconAsffWriter::Parts {
  simdjson::dom::parser parser;
  NameSearch search;
};

FalconAsffWriter::FalconAsffWriter(AsffTarget target, Clock clock)
    : target_(std::move(target)), clock_(std::move(clock)), parts_(std::make_unique<Parts>()) {}
FalconAsffWriter::~FalconAsffWriter() = default;

std::string falcon_product_arn(std::string_view partition, std::string_view region) {
  const char* account = partition == "aws-us-gov" ? "358431324613" : "517716713836";
  return fmt::format("arn:{}:securityhub:{}:{}:product/crowdstrike/crowdstrike-falcon", partition, region, account);
}

Result<FalconDraft> FalconAsffWriter::event(std::string_view json, std::uint64_t offset) {
  simdjson::dom::element root;
  if (const auto fault = parts_->parser.parse(json.data(), json.size()).get(root))
    return fail(ErrorCode::invalid_input, fmt::format("is no JSON ({})", simdjson::error_message(fault)));
  const Node record(root);
  IW_TRY(const auto reading, read_falcon_event(record, parts_->search));
  OddParts odd;
  const FalconFields top(record, odd);
  const auto event = top.object({"event"});
  const auto envelope = top.object({"metadata"});
  IW_ASSERT(event && envelope);
  const FalconFields metadata(*envelope, odd);
  IW_TRY(auto out, draft(*event, reading, metadata.text({"customeridstring"})));
  // A time that is missing or lies ahead would make every later update look old.
  const Time now = clock_();
  constexpr std::chrono::seconds slack{300};
  constexpr double second = 1000;
  const double latest = static_cast<double>((now + slack).time_since_epoch().count()) * second;
  double created = metadata.number({"eventcreationtime"}).value_or(0);
  if (!(created > 0) || created > latest) created = static_cast<double>(now.time_since_epoch().count()) * second;
  const auto milliseconds = static_cast<std::int64_t>(created);
  out.happened = Time(std::chrono::seconds(milliseconds / 1000));
  out.asff["CreatedAt"] = out.asff["UpdatedAt"] = event_time(milliseconds, offset);
  return out;
}

Result<FalconDraft> FalconAsffWriter::alert(std::string_view json) {
  simdjson::dom::element root;
  if (const auto fault = parts_->parser.parse(json.data(), json.size()).get(root))
    return fail(ErrorCode::invalid_input, fmt::format("is no JSON ({})", simdjson::error_message(fault)));
  const Node record(root);
  IW_TRY(const auto reading, read_falcon_alert(record, parts_->search));
  IW_TRY(auto out, draft(record, reading, {}));
  OddParts odd;
  const FalconFields fields(record, odd);
  std::string created = asff_time(fields.text({"createdtimestamp", "timestamp"}));
  std::string updated = asff_time(fields.text({"updatedtimestamp", "timestamp", "createdtimestamp"}));
  if (created.empty()) created = updated;
  if (updated.empty()) created = updated = event_time(clock_().time_since_epoch().count() * 1000, 0);
  out.happened = parse_time(updated).value_or(clock_());
  if (const auto confidence = fields.number({"confidence"}); confidence && *confidence >= 0 && *confidence <= 100)
    out.asff["Confidence"] = static_cast<int>(*confidence);
  out.asff["CreatedAt"] = std::move(created);
  out.asff["UpdatedAt"] = std::move(updated);
  return out;
}

Json FalconAsffWriter::finish(FalconDraft draft, const Json& device) const {
  if (device.is_object()) draft.device.update(device);
  Json finding = std::move(draft.asff);
  finding["ProductArn"] = falcon_product_arn(target_.partition, target_.region);
  finding["AwsAccountId"] = target_.account;
  Json resource = host_resource(draft.device, draft.id, target_);
  const bool instance = resource["Type"] == "AwsEc2Instance";
  finding["Title"] = title_of(instance ? "Instance" : "Host", resource["Id"]);
  if (const auto account = asff_text(text_of_device(draft.device, "service_provider_account_id"), original_limit);
      instance && !account.empty()) {
    const std::string more = " | AWS Account: " + account;
    const std::string text = finding["Description"];
    finding["Description"] = cut_between_words(text, description_limit - more.size()) + more;
  }
  finding["Resources"] = Json::array({std::move(resource)});
  return finding;
}

}  // namespace intelwall::findings
