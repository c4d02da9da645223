#pragma once

#include <filesystem>
#include <string>

#include "lab/policy_compiler.hpp"

namespace intelwall::lab {

/// What a Suricata of the lab is told. The files it names lie in `directory`.
struct EngineConfig {
  std::filesystem::path directory;  ///< eve.json, suricata.log
  std::filesystem::path rules;      ///< the rule file
  std::filesystem::path socket;     ///< of commands; empty: none
  EngineOrder order = EngineOrder::action;
  StreamException stream_exception = StreamException::drop;
  std::string inside, outside;  ///< interfaces to copy packets between; empty: no live traffic (-T, -r)
};

/// The suricata.yaml for it.
std::string suricata_yaml(const EngineConfig& config);

}  // namespace intelwall::lab
