#pragma once

// The real Suricata over a capture, inline rules simulated: what it logs, by client port.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "lab/data_plane_config.hpp"
#include "lab/policy_compiler.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::testing {

/// A directory that ends with the test.
struct TemporaryDirectory {
  std::filesystem::path path;
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "intelwall-test-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

inline bool has_suricata() {
  static const bool found = os::run({"suricata", "-V"}).has_value();
  return found;
}

struct Alert {
  std::uint32_t sid = 0;  ///< the group's own
  std::string message;
  bool blocked = false;
  auto operator<=>(const Alert&) const = default;
};

struct Replay {
  std::map<std::uint16_t, std::vector<Alert>> alerts;  ///< by client port, in the order of the log
  std::set<std::uint16_t> dropped;                     ///< client ports of flows of which a packet was dropped
  bool logged(std::uint16_t port, std::uint32_t sid) const {
    const auto found = alerts.find(port);
    return found != alerts.end() && std::ranges::count(found->second, sid, &Alert::sid) > 0;
  }
};

/// Runs `pcap` through the compiled policy. Fails the test when the engine does not load exactly the rules it was
/// given.
inline Replay replay(const lab::CompiledPolicy& policy, const std::string& pcap) {
  TemporaryDirectory directory;
  const auto& path = directory.path;
  const lab::EngineConfig config{path, path / "policy.rules", {}, policy.order, policy.stream_exception, {}, {}};
  auto yaml = lab::suricata_yaml(config);
  const auto types = yaml.find("        - alert:");
  yaml.insert(types, "        - drop: {alerts: yes, flows: all}\n");
  EXPECT_TRUE(os::replace_file(path / "suricata.yaml", yaml));
  EXPECT_TRUE(os::replace_file(config.rules, policy.rules));
  EXPECT_TRUE(os::replace_file(path / "in.pcap", pcap));
  const auto run = os::run({"suricata", "-v", "-c", path / "suricata.yaml", "-r", path / "in.pcap", "--simulate-ips",
                            "-k", "none", "--runmode", "single", "-l", path});
  EXPECT_TRUE(run) << run.error().to_text();
  const auto loaded = std::to_string(policy.rule_count) + " rules successfully loaded, 0 rules failed";
  EXPECT_TRUE((run->out + run->err).contains(loaded)) << run->out << run->err << policy.rules;

  Replay result;
  const auto log = os::read_file(path / "eve.json");
  EXPECT_TRUE(log);
  std::string_view rest = *log;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto event = nlohmann::json::parse(line);
    const bool from_client = event.value("src_port", 0) >= 1024;
    const auto port = event.value(from_client ? "src_port" : "dest_port", std::uint16_t{0});
    if (event["event_type"] == "drop") result.dropped.insert(port);
    if (event["event_type"] != "alert") continue;
    const auto& alert = event["alert"];
    const auto sid = alert["signature_id"].get<std::uint32_t>();
    const auto origin = policy.origins.find(sid);
    if (origin == policy.origins.end()) {
      ADD_FAILURE() << "a silent rule was logged: " << line;
      continue;
    }
    EXPECT_EQ(alert["signature"], origin->second.message);
    result.alerts[port].push_back({origin->second.sid, origin->second.message, alert["action"] == "blocked"});
  }
  return result;
}

}  // namespace intelwall::testing
