#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "firewalls/firewall.hpp"

namespace intelwall::firewalls {

/// A Suricata of one's own: one rule file, read by one or several running engines (sensors) on this host.
struct SuricataOptions {
  std::filesystem::path rules_file;  ///< the record; must stand under `rule-files` of each sensor's configuration
  std::filesystem::path config = "/etc/suricata/suricata.yaml";  ///< for the engine's own test of the rules
  std::vector<std::filesystem::path> sockets = {"/var/run/suricata-command.socket"};  ///< command socket of each sensor
  std::string program = "suricata";
  double max_removals = 0.2;  ///< share of our decisions that one unattended change may remove
  Clock clock = system_now;   ///< tells when the cut of a connection is over
};

/// The rule file is the record, as the rule groups are on Network Firewall; lines of others in it stay byte for byte.
///
/// A reload answers "done" whatever it loaded, and a missing or cut file opens the firewall. So a change is tested by
/// the engine first, written beside and renamed, reloaded, and then the number of rules that each sensor has loaded is
/// compared with what it must be; when one differs, the last good file is put back and reloaded. The file before the
/// last change stays beside as "<rules_file>.good". Writers on this host wait for each other by a lock file.
///
/// cut() rejects what comes next of a connection by rules on its both ends, in "<rules_file's stem>-cuts.rules", for
/// five minutes; the first apply() after that takes them out.
///
/// apply() returns when all sensors run the change; verify() asks whether they still answer. Thread-safe, keeps nothing
/// between calls.
std::unique_ptr<Firewall> make_suricata(SuricataOptions options);

}  // namespace intelwall::firewalls
