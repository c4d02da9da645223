#include <fmt/format.h>

#include <optional>

#include "app/doctor.hpp"
#include "firewalls/suricata_socket.hpp"

namespace intelwall::app {

using Severity = Check::Severity;

std::vector<Check> examine_suricata(Context& context) {
  std::vector<Check> checks;
  const auto& options = context.settings.suricata;
  for (const auto& socket : options.sockets) {
    const auto loaded = firewalls::loaded_rules(socket);
    if (!loaded) {
      checks.push_back({Severity::problem, "sensor-silent", loaded.error().message + ": " + loaded.error().place,
                        "start it with unix-command enabled; suricata_sockets in the configuration names its socket"});
    } else if (loaded->failed > 0) {
      checks.push_back({Severity::warning, "sensor-refused-rules",
                        fmt::format("the sensor on {} refused {} rules and loaded {}", printable(socket.string(), 200),
                                    loaded->failed, loaded->loaded),
                        "its suricata.log names them"});
    } else {
      checks.push_back({Severity::ok,
                        "sensor",
                        fmt::format("the sensor on {} runs {} rules", printable(socket.string(), 200), loaded->loaded),
                        {}});
    }
  }
  const auto seen = context.firewall->observe();
  if (!seen) {
    checks.push_back({Severity::problem, "rule-file-unreadable", seen.error().message + ": " + seen.error().place,
                      "intelwall must be able to read and replace it"});
    return checks;
  }
  for (const auto& problem : seen->problems)
    checks.push_back({Severity::warning, "damaged-rule", problem.message + ": " + problem.place, problem.hint});
  checks.push_back({Severity::ok,
                    "blocks",
                    fmt::format("{} decisions stand in {}", seen->enforced.size(), options.rules_file.string()),
                    {}});
  return checks;
}

}  // namespace intelwall::app
