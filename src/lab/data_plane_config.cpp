#include "lab/data_plane_config.hpp"

#include <fmt/format.h>

namespace intelwall::lab {
namespace {

/// One side of the inline pair. Two threads that each read one interface and write the other.
std::string interface_entry(const std::string& interface, const std::string& copy_to, int cluster) {
  return fmt::format(
      "  - {{interface: {}, threads: 1, cluster-id: {}, cluster-type: cluster_flow, defrag: no, copy-mode: ips, "
      "copy-iface: {}, use-mmap: yes, tpacket-v3: no, ring-size: 20000}}\n",
      interface, cluster, copy_to);
}

/// Of packets whose connection's beginning was not seen. To go on with them, the engine must pick connections up
/// midstream.
std::string_view midstream(StreamException exception) {
  switch (exception) {
    case StreamException::drop:
      return "  midstream: no\n  midstream-policy: drop-flow\n";
    case StreamException::reject:
      return "  midstream: no\n  midstream-policy: reject\n";
    case StreamException::go_on:
      break;
  }
  return "  midstream: yes\n  midstream-policy: ignore\n";
}

/// A path as a YAML single-quoted scalar.
std::string quoted(const std::filesystem::path& path) {
  std::string text = "'";
  for (const char c : path.string()) {
    text += c;
    if (c == '\'') text += c;
  }
  return text + "'";
}

}  // namespace

std::string suricata_yaml(const EngineConfig& config) {
  std::string text = "%YAML 1.1\n---\n";
  // Rules come with their variables put in.
  text += "vars:\n  address-groups: {HOME_NET: \"any\", EXTERNAL_NET: \"any\"}\n";
  text += fmt::format("action-order: [{}]\n",
                      config.order == EngineOrder::strict ? "alert, drop, reject, pass" : "pass, drop, reject, alert");
  text += fmt::format("default-log-dir: {}\n", quoted(config.directory));
  text += fmt::format("default-rule-path: {}\nrule-files: [{}]\n", quoted(config.rules.parent_path()),
                      quoted(config.rules.filename()));
  text += config.socket.empty() ? std::string("unix-command: {enabled: no}\n")
                                : fmt::format("unix-command: {{enabled: yes, filename: {}}}\n", quoted(config.socket));
  text +=
      "stats: {enabled: no}\n"
      "outputs:\n"
      "  - eve-log:\n"
      "      enabled: yes\n"
      "      filetype: regular\n"
      "      filename: eve.json\n"
      "      types:\n"
      "        - alert: {metadata: {app-layer: yes, flow: yes, rule: {metadata: yes, raw: no}}}\n"
      "logging:\n"
      "  default-log-level: notice\n"
      "  outputs:\n"
      "    - console: {enabled: yes}\n"
      "app-layer:\n"
      "  protocols:\n"
      "    tls: {enabled: yes, detection-ports: {dp: 443}, ja3-fingerprints: yes}\n"
      "    http: {enabled: yes}\n"
      "    dns: {tcp: {enabled: yes, detection-ports: {dp: 53}}, udp: {enabled: yes, detection-ports: {dp: 53}}}\n"
      "packet-alert-max: 255\n"
      "detect: {profile: medium, sgh-mpm-context: auto, prefilter: {default: mpm}}\n"
      "mpm-algo: auto\n"
      "spm-algo: auto\n"
      "flow: {memcap: 256mb, hash-size: 65536, prealloc: 1000}\n"
      "stream:\n"
      "  memcap: 256mb\n"
      "  checksum-validation: no\n"
      "  inline: auto\n"
      "  reassembly: {memcap: 512mb, depth: 1mb, toserver-chunk-size: 2560, toclient-chunk-size: 2560}\n";
  if (!config.inside.empty()) {
    text += midstream(config.stream_exception);
    text += "af-packet:\n" + interface_entry(config.inside, config.outside, 99) +
            interface_entry(config.outside, config.inside, 98);
  }
  return text;
}

}  // namespace intelwall::lab
