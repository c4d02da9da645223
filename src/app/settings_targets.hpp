#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

#include "app/settings.hpp"

// Parts of the settings that are checked in several places.
namespace intelwall::app {

/// Name or ARN.
Result<void> check_firewall(const std::string& text);
Result<std::string> parse_role_arn(const std::string& text);
Result<std::string> parse_external_id(const std::string& text);

/// The list under `targets:`. All faults go to `errors`, with their lines.
std::vector<Target> read_targets(const YAML::Node& node, const std::string& file, std::vector<Error>& errors);

}  // namespace intelwall::app
