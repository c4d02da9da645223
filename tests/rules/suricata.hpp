#pragma once

// Runs the real Suricata over a rule file and a capture, both written by the test.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/result.hpp"
#include "rules/pcap.hpp"

namespace intelwall::testing {

inline constexpr const char* suricata_path = "/usr/bin/suricata";
inline bool have_suricata() {
  return std::filesystem::exists(suricata_path);
}

struct SuricataRun {
  int exit_code = 0;
  std::size_t loaded = 0, failed = 0;                     ///< rules, as its log counts them
  std::map<std::uint16_t, std::set<std::uint32_t>> hits;  ///< client port of a flow → sids that matched
  std::set<std::uint16_t> blocked;                        ///< client ports of flows with a packet dropped
  std::string log;
};

/// `capture` nothing: only loads the rules (suricata -T). HOME_NET is 10.0.0.0/8. `name` is a directory for the files.
Result<SuricataRun> run_suricata(const std::string& name, const std::string& rules, const Pcap* capture);

}  // namespace intelwall::testing
