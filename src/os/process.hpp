#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace intelwall::os {

struct ProcessResult {
  int exit_code = 0;  ///< 128 + signal for a killed one
  std::string out;
  std::string err;
};

struct RunOptions {
  std::string input = {};
  std::map<std::string, std::string> extra_env = {};
  std::chrono::milliseconds time_out{60'000};  ///< then SIGKILL to its group and an `unavailable` error
  std::size_t max_output = 16u << 20;
};

/// Runs argv[0] (looked up on our own PATH), no shell. A non-zero exit is a result, not an error. It leads a process
/// group of its own and has only the three standard descriptors. What it leaves running in the background is not waited
/// for.
Result<ProcessResult> run(const std::vector<std::string>& argv, const RunOptions& options = {});

/// A long-running child in a session of its own, output appended to a file. Not killed by the destructor: whoever holds
/// it calls stop().
struct SpawnOptions {
  enum class Inherits { our_environment, nothing };
  std::filesystem::path output = {};  ///< empty: /dev/null
  Inherits inherits = Inherits::our_environment;
  std::map<std::string, std::string> extra_env = {};
};
Result<pid_t> spawn(const std::vector<std::string>& argv, const SpawnOptions& options = {});
bool is_running(pid_t pid);
/// SIGTERM, then SIGKILL after `grace`; waits until gone. Works for children and for others' processes.
void stop(pid_t pid, std::chrono::milliseconds grace = std::chrono::milliseconds{3'000});

}  // namespace intelwall::os
