#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "firewalls/suricata.hpp"
#include "firewalls/suricata_socket.hpp"
#include "rules/compile.hpp"

// What a change of a Suricata's rules is made of.
namespace intelwall::firewalls {

using LoadedBySensor = std::map<std::filesystem::path, LoadedRules>;

/// The engine's own words about the first thing it did not like, from its output.
std::string first_complaint(const std::string& output);

/// How many rules the engine loads from a rule file's text.
std::size_t rules_in(const std::string& text);

/// What each sensor has loaded. A sensor that does not answer could not be told of a change either.
Result<LoadedBySensor> ask_sensors(const SuricataOptions& options);

/// The engine's own test of these files alone, with the variables and options of its configuration. The first is the
/// rule file; others are what it loads. `refused` with the engine's words.
Result<void> test_rules(const SuricataOptions& options, const std::vector<rules::CompiledFile>& files);

/// Reloads every sensor, and compares what it has loaded with what it must have: what it had `before`, less the old
/// rules and with the new ones, and not one more that is refused.
Result<LoadedBySensor> reload_sensors(const SuricataOptions& options, const LoadedBySensor& before,
                                      std::size_t old_rules, std::size_t new_rules);

/// Writes a rule file in which `old` stands (nothing: there is none yet) and reloads every sensor. Where that fails,
/// the rules before are in force again, as the error says. The file before stays beside as "<file>.good".
Result<LoadedBySensor> put_in_force(const SuricataOptions& options, const std::filesystem::path& file,
                                    const std::optional<std::string>& old, const std::string& text,
                                    const LoadedBySensor& before);

}  // namespace intelwall::firewalls
