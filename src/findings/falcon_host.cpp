#include "findings/falcon_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "findings/asff_text.hpp"

namespace intelwall::findings {
namespace {

using Json = nlohmann::json;

constexpr std::size_t detail_limit = 1024;
constexpr std::size_t region_limit = 16;

/// The gateway's name of a detail, the Hosts API's key, and how events spell it.
struct Detail {
  const char* name;
  const char* key;
  std::initializer_list<std::string_view> words;
};
const std::array<Detail, 16>& details() {
  static const std::array<Detail, 16> all{
      {{"Hostname", "hostname", {"hostname", "computername"}},
       {"AID", "device_id", {"deviceid", "agentid", "sensorid"}},
       {"Platform", "platform_name", {"platformname"}},
       {"ExternalIP", "external_ip", {"externalip"}},
       {"LocalIP", "local_ip", {"localip"}},
       {"MACAddress", "mac_address", {"macaddress"}},
       {"Domain", "machine_domain", {"machinedomain", "logondomain"}},
       {"AgentVersion", "agent_version", {"agentversion"}},
       {"LastSeenTimestamp", "last_seen", {"lastseen"}},
       {"OSVersion", "os_version", {"osversion"}},
       {"DeviceTags", "tags", {"tags"}},
       {"SiteName", "site_name", {"sitename"}},
       {"OrganizationalUnit", "ou", {"ou"}},
       {"CloudProvider", "service_provider", {"serviceprovider"}},
       {"CloudAccountId", "service_provider_account_id", {"serviceprovideraccountid"}},
       {"InstanceId", "instance_id", {"instanceid"}}}};
  return all;
}

bool is_nocase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// "us-east-1" of the zone "us-east-1a"; empty where it is none.
std::string region_of_zone(std::string_view zone) {
  if (zone.size() < 4 || zone.size() > region_limit || zone.back() < 'a' || zone.back() > 'z') return {};
  zone.remove_suffix(1);
  const bool fits =
      std::ranges::all_of(zone, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  return fits && zone.back() >= '0' && zone.back() <= '9' ? std::string(zone) : std::string();
}

}  // namespace

const char* to_string(HostCloud cloud) {
  switch (cloud) {
    case HostCloud::aws:
      return "AWS";
    case HostCloud::azure:
      return "Azure";
    case HostCloud::gcp:
      return "GCP";
    case HostCloud::unrecognized:
      break;
  }
  return "unrecognized";
}

Result<HostCloud> parse_host_cloud(std::string_view name) {
  for (const auto cloud : {HostCloud::aws, HostCloud::azure, HostCloud::gcp, HostCloud::unrecognized})
    if (is_nocase(name, to_string(cloud))) return cloud;
  return fail(ErrorCode::usage, fmt::format("\"{}\" is no cloud that a sensor tells", printable(name, 40)), {},
              "use AWS, Azure, GCP or unrecognized, separated by commas");
}

HostCloud cloud_of(const Json& device) {
  const std::string provider = text_of_device(device, "service_provider");  // "AWS_EC2_V2"
  for (const auto cloud : {HostCloud::aws, HostCloud::azure, HostCloud::gcp}) {
    const std::string_view name = to_string(cloud);
    if (is_nocase(std::string_view(provider).substr(0, name.size()), name)) return cloud;
  }
  return HostCloud::unrecognized;
}

std::string text_of_device(const Json& device, const char* key) {
  if (!device.is_object()) return {};
  const auto found = device.find(key);
  if (found == device.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number_integer()) return found->dump();
  if (!found->is_array()) return {};
  std::string list;  // tags, organizational units
  for (const auto& item : *found)
    if (item.is_string()) list += (list.empty() ? "" : ", ") + item.get_ref<const std::string&>();
  return list;
}

Json device_in(const FalconFields& detection) {
  Json device = Json::object();
  const auto holder = detection.object({"device"});
  for (const auto& detail : details()) {
    std::string text = holder ? FalconFields(*holder, detection.odd()).text(detail.words) : std::string();
    if (text.empty()) text = detection.text(detail.words);
    if (!text.empty()) device[detail.key] = std::move(text);
  }
  if (holder)
    if (auto zone = FalconFields(*holder, detection.odd()).text({"zonegroup"}); !zone.empty())
      device["zone_group"] = std::move(zone);
  return device;
}

Json host_resource(const Json& device, const std::string& finding_id, const AsffTarget& target) {
  constexpr std::size_t id_limit = 512;
  Json other = Json::object();
  for (const auto& detail : details())
    if (auto text = asff_text(text_of_device(device, detail.key), detail_limit); !text.empty())
      other[detail.name] = std::move(text);
  const std::string instance = asff_text(text_of_device(device, "instance_id"), id_limit);
  const std::string aid = asff_text(text_of_device(device, "device_id"), id_limit);
  const std::string unknown = asff_text("UnknownInstanceId:" + finding_id, id_limit);
  Json resource{{"Type", "Other"}, {"Id", aid.empty() ? unknown : aid}, {"Region", target.region}};
  if (cloud_of(device) == HostCloud::aws) {
    const std::string region = region_of_zone(text_of_device(device, "zone_group"));
    resource = {{"Type", "AwsEc2Instance"},
                {"Id", instance.empty() ? unknown : instance},
                {"Partition", target.partition},
                {"Region", region.empty() ? target.region : region}};
  }
  if (!other.empty()) resource["Details"]["Other"] = std::move(other);
  return resource;
}

}  // namespace intelwall::findings
