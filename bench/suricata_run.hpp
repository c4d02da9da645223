#pragma once

// The real Suricata over a capture, on one thread, with nothing written but alerts.

#include "measure.hpp"

namespace intelwall::bench {

constexpr const char* suricata = "/usr/bin/suricata";

/// What every run has: no statistics, memory for half a million flows. HOME_NET is 10.0.0.0/8.
inline constexpr std::string_view suricata_settings = R"(%YAML 1.1
---
vars:
  address-groups: {HOME_NET: "[10.0.0.0/8]", EXTERNAL_NET: "any"}
stats: {enabled: no}
outputs:
  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [alert]}
logging: {default-log-level: info, outputs: [{console: {enabled: yes}}]}
app-layer:
  protocols:
    tls: {enabled: yes, detection-ports: {dp: 443}}
    http: {enabled: yes}
    dns: {tcp: {enabled: yes, detection-ports: {dp: 53}}, udp: {enabled: yes, detection-ports: {dp: 53}}}
detect: {profile: medium, sgh-mpm-context: auto, prefilter: {default: mpm}}
flow: {memcap: 512mb, hash-size: 65536, prealloc: 10000}
stream: {memcap: 512mb, checksum-validation: no, inline: auto, reassembly: {memcap: 1gb, depth: 1mb}}
)";

struct EngineRun {
  Usage used;
  std::size_t loaded = 0;  ///< rules
  std::size_t alerts = 0;
};

inline std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// The number in "<number><after>".
inline std::size_t number_before(std::string_view log, std::string_view after) {
  const auto end = log.find(after);
  if (end == std::string_view::npos) return 0;
  auto begin = end;
  while (begin > 0 && log[begin - 1] >= '0' && log[begin - 1] <= '9') --begin;
  return std::stoul(std::string(log.substr(begin, end - begin)));
}

inline EngineRun run_suricata(const std::filesystem::path& rules, const std::filesystem::path& capture) {
  const auto folder = work_folder() / fmt::format("engine-{}", own_binary().filename().native());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  need(os::replace_file(folder / "suricata.yaml", suricata_settings));
  EngineRun run;
  run.used = run_measured({suricata, "-v", "-c", folder / "suricata.yaml", "-S", rules, "-l", folder, "-r", capture,
                           "-k", "none", "--simulate-ips", "--runmode", "single"},
                          folder / "log");
  // A measuring process stays small: what it reads is little (see run_measured).
  const auto log = need(os::read_file(folder / "log"));
  if (run.used.exit_code != 0) give_up(log);
  run.loaded = number_before(log, " rules successfully loaded");
  if (const auto failed = number_before(log, " rules failed"); failed != 0) give_up(log);
  run.alerts = count_of(need(os::read_file(folder / "eve.json")), "\"event_type\":\"alert\"");
  return run;
}

}  // namespace intelwall::bench
