#pragma once

#include <memory>
#include <string>

#include "lab/policy_compiler.hpp"
#include "lab/tcp_flows.hpp"

namespace intelwall::lab {

struct DataPlaneHealth {
  enum class State { running, degraded, down, absent };
  State state = State::absent;
  std::string detail;  ///< one sentence, e.g. why the last load was put back
  std::size_t rules_loaded = 0;
};
const char* to_string(DataPlaneHealth::State state);

/// The engine that packets pass. Thread-safe.
class DataPlane {
 public:
  virtual ~DataPlane() = default;
  /// The engine's own test of the rules, before anything is accepted. The error carries the engine's words.
  virtual Result<void> test(const CompiledPolicy& policy) = 0;
  /// Puts the rules in force: file written beside and renamed, reload, then what is loaded is compared with what must
  /// be. When they differ the last good file is loaded again and the error says so. Never returns success for less than
  /// all.
  virtual Result<void> load(const CompiledPolicy& policy) = 0;
  virtual DataPlaneHealth health() = 0;
  /// The TCP connections that pass the engine now.
  virtual Result<std::vector<TcpFlow>> flows() = 0;
  /// Makes the engine forget these flows, as when they have timed out: what comes of them is midstream traffic, whose
  /// fate is the policy's StreamException. Returns when that is in force.
  virtual Result<void> forget(const std::vector<TcpFlow>& flows) = 0;
};

}  // namespace intelwall::lab
