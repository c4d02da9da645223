#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "firewalls/suricata_socket.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::test {

/// A real Suricata that listens on the loopback device, reads one rule file and answers on a socket; ends with the
/// test. Needs root.
class SuricataSensor {
 public:
  explicit SuricataSensor(const std::filesystem::path& directory, const std::string& rule_files = "[intelwall.rules]")
      : directory_(directory) {
    std::filesystem::create_directories(directory_);
    const auto yaml = fmt::format(
        "%YAML 1.1\n---\n"
        "vars:\n  address-groups: {{HOME_NET: \"[10.0.0.0/8]\", EXTERNAL_NET: any}}\n"
        "default-log-dir: {0}\ndefault-rule-path: {1}\nrule-files: {2}\n"
        "unix-command: {{enabled: yes, filename: {0}/s.socket}}\nstats: {{enabled: no}}\noutputs: []\n"
        "logging: {{default-log-level: notice, outputs: [{{console: {{enabled: yes}}}}]}}\n"
        "app-layer:\n  protocols:\n    tls: {{enabled: yes}}\n    http: {{enabled: yes}}\n"
        "    dns: {{tcp: {{enabled: yes}}, udp: {{enabled: yes}}}}\n"
        "flow: {{memcap: 64mb, hash-size: 4096, prealloc: 100}}\nstream: {{memcap: 64mb}}\n"
        "af-packet: [{{interface: lo, threads: 1, cluster-id: 97, cluster-type: cluster_flow, ring-size: 200}}]\n",
        directory_.string(), directory_.parent_path().string(), rule_files);
    if (!os::replace_file(config(), yaml)) return;
    const auto pid =  // Packets over lo carry no checksums.
        os::spawn({"suricata", "-v", "-k", "none", "-c", config().string(), "--af-packet", "-l", directory_.string()},
                  {.output = log()});
    if (!pid) return;
    pid_ = *pid;
    for (int i = 0; i < 1'200 && os::is_running(pid_); ++i) {
      const auto words = os::read_file(log());
      if (words && words->contains("Engine started")) break;
      std::this_thread::sleep_for(std::chrono::milliseconds{25});
    }
  }
  SuricataSensor(const SuricataSensor&) = delete;
  SuricataSensor& operator=(const SuricataSensor&) = delete;
  ~SuricataSensor() { stop(); }

  void stop() {
    if (pid_ != 0) os::stop(pid_, std::chrono::milliseconds{100});
    pid_ = 0;
  }
  std::filesystem::path config() const { return directory_ / "suricata.yaml"; }
  std::filesystem::path socket() const { return directory_ / "s.socket"; }
  std::filesystem::path log() const { return directory_ / "out.log"; }
  std::size_t rules() const {
    const auto loaded = firewalls::loaded_rules(socket());
    return loaded ? loaded->loaded : 999'999;
  }

 private:
  std::filesystem::path directory_;
  pid_t pid_ = 0;
};

}  // namespace intelwall::test
