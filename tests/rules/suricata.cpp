#include "rules/suricata.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::testing {
namespace {

/// Checksums are validated: the capture's are right, and an engine that does not see its packets would match nothing.
constexpr const char* configuration = R"(%YAML 1.1
---
vars:
  address-groups: {HOME_NET: "[10.0.0.0/8]", EXTERNAL_NET: "!$HOME_NET"}
stats: {enabled: no}
outputs:
  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [alert, drop: {alerts: no, flows: all}]}
logging: {default-log-level: info, outputs: [{console: {enabled: yes}}]}
app-layer:
  protocols:
    tls: {enabled: yes, detection-ports: {dp: 443}}
    http: {enabled: yes}
    dns: {tcp: {enabled: yes, detection-ports: {dp: 53}}, udp: {enabled: yes, detection-ports: {dp: 53}}}
stream: {checksum-validation: yes, inline: auto}
)";

/// The number in "<number><after>".
std::size_t number_before(const std::string& log, std::string_view after) {
  const auto end = log.find(after);
  if (end == std::string::npos) return 0;
  auto begin = end;
  while (begin > 0 && log[begin - 1] >= '0' && log[begin - 1] <= '9') --begin;
  std::size_t number = 0;
  std::from_chars(log.data() + begin, log.data() + end, number);
  return number;
}

void read_events(const std::string& text, SuricataRun& run) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto event = nlohmann::json::parse(text.substr(at, end - at));
    at = end + 1;
    const bool from_client = event.value("src_ip", "") == Pcap::client_address;
    const auto port = event.at(from_client ? "src_port" : "dest_port").get<std::uint16_t>();
    if (event.at("event_type") == "alert") run.hits[port].insert(event["alert"]["signature_id"].get<std::uint32_t>());
    if (event.at("event_type") == "drop") run.blocked.insert(port);
  }
}

}  // namespace

Result<SuricataRun> run_suricata(const std::string& name, const std::string& rules, const Pcap* capture) {
  const auto folder = std::filesystem::path(INTELWALL_BINARY_DIR) / "suricata-runs" / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  IW_CHECK(os::replace_file(folder / "suricata.yaml", configuration));
  IW_CHECK(os::replace_file(folder / "test.rules", rules));
  std::vector<std::string> argv = {suricata_path,         "-v", "-c",  folder / "suricata.yaml", "-S",
                                   folder / "test.rules", "-l", folder};
  if (capture == nullptr) {
    argv.emplace_back("-T");
  } else {
    IW_CHECK(os::replace_file(folder / "test.pcap", capture->bytes()));
    argv.insert(argv.end(), {"-r", folder / "test.pcap", "--simulate-ips", "--runmode", "single"});
  }
  IW_TRY(const auto process, os::run(argv));
  SuricataRun run;
  run.exit_code = process.exit_code;
  run.log = process.out + process.err;
  run.loaded = number_before(run.log, " rules successfully loaded");
  run.failed = number_before(run.log, " rules failed");
  if (capture != nullptr) {
    IW_TRY(const auto events, os::read_file(folder / "eve.json"));
    read_events(events, run);
  }
  return run;
}

}  // namespace intelwall::testing
