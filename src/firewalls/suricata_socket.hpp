#pragma once

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace intelwall::firewalls {

/// One command to Suricata over its Unix socket (protocol 0.2: JSON objects, a line each; handshake first). Returns its
/// `message`. Errors: `unavailable` when nobody answers in time, `protocol` for what is no answer or not "OK".
Result<nlohmann::json> engine_command(const std::filesystem::path& socket, const std::string& command,
                                      std::chrono::milliseconds time_out);

/// Many commands in one conversation, each a whole object ("command", "arguments"); ends at the first that is refused.
Result<void> engine_commands(const std::filesystem::path& socket, const std::vector<nlohmann::json>& commands,
                             std::chrono::milliseconds time_out);

struct LoadedRules {
  std::size_t loaded = 0;
  std::size_t failed = 0;
  bool operator==(const LoadedRules&) const = default;
};
/// "ruleset-stats"
Result<LoadedRules> loaded_rules(const std::filesystem::path& socket);

}  // namespace intelwall::firewalls
