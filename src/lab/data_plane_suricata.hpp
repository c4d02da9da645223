#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lab/data_plane.hpp"

namespace intelwall::lab {

struct SuricataOptions {
  std::filesystem::path rules_directory;  ///< suricata.yaml, policy.rules, policy.good
  std::filesystem::path log_directory;    ///< eve.json, suricata.log
  std::filesystem::path socket;
  std::string network_namespace;  ///< where it runs
  std::string inside, outside;    ///< its two interfaces there
  std::string hosts_namespace;    ///< of those whose connections pass it; empty: there are none to list
  std::string program = "suricata";
  std::function<void()> before_reload;  ///< for tests: a fault between the writing of the rules and their reload
};

/// A real Suricata between two interfaces. When it does not run nothing passes: it is the only bridge. A supervisor
/// restarts it with the last good rules when it ends, and once a second compares what it has loaded with what it must
/// have.
class SuricataPlane : public DataPlane {
 public:
  /// What a rule in force under `sid` came from. A sid keeps its meaning over reloads: each load has numbers of its
  /// own.
  virtual std::optional<CompiledPolicy::Origin> origin_of(std::uint32_t sid) const = 0;
  virtual std::filesystem::path events() const = 0;  ///< eve.json
  virtual int process() const = 0;                   ///< its pid; 0 while it is down
};

/// Starts the engine without rules and waits until packets pass. The destructor ends it.
Result<std::unique_ptr<SuricataPlane>> start_suricata(SuricataOptions options);

}  // namespace intelwall::lab
