#pragma once

// What benchmarks measure with: the CPU time and the peak memory of this or a child process, medians, and a folder
// beside the binary for what they make.

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "os/file.hpp"

namespace intelwall::bench {

inline double median(std::vector<double> values) {
  IW_ASSERT(!values.empty());
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

[[noreturn]] inline void give_up(std::string_view why) {
  std::fputs(fmt::format("bench: {}\n", why).c_str(), stderr);
  std::exit(1);
}
template <class T>
T need(Result<T> result) {
  if (!result) give_up(result.error().to_text());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// Of this process: all its threads.
inline double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
/// Of children that have ended.
inline double children_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
/// Resident, of this process so far.
inline double peak_megabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

struct Usage {
  int exit_code = 0;
  double user = 0, system = 0;  ///< seconds of CPU
  double peak_mb = 0;           ///< resident
  double cpu() const { return user + system; }
};

inline Usage wait_for(pid_t pid) {
  int status = 0;
  rusage used{};
  if (::wait4(pid, &status, 0, &used) != pid) give_up("a child is lost");
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .user = seconds(used.ru_utime),
          .system = seconds(used.ru_stime),
          .peak_mb = static_cast<double>(used.ru_maxrss) / 1024};
}

/// Runs argv with both outputs in a file. The kernel counts the memory of the process that starts it into its peak, so
/// whoever measures that must be small: see apart().
inline Usage run_measured(const std::vector<std::string>& argv, const std::filesystem::path& output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  std::vector<char*> raw;
  for (const auto& argument : argv) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  pid_t pid = 0;
  const int fault = ::posix_spawnp(&pid, raw[0], &actions, nullptr, raw.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (fault != 0) give_up("cannot start " + argv[0]);
  return wait_for(pid);
}

/// Does work in a process of its own, so that its memory is nobody else's.
template <class Work>
void apart(Work work) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) give_up("cannot fork");
  if (pid == 0) {
    work();
    std::fflush(nullptr);
    ::_exit(0);
  }
  if (wait_for(pid).exit_code != 0) give_up("the preparation failed");
}

inline std::filesystem::path own_binary() {
  return std::filesystem::read_symlink("/proc/self/exe");
}
/// build/release/bench
inline std::filesystem::path work_folder() {
  auto folder = own_binary().parent_path().parent_path() / "bench";
  std::filesystem::create_directories(folder);
  return folder;
}

inline nlohmann::json read_json(const std::filesystem::path& path) {
  auto json = nlohmann::json::parse(need(os::read_file(path)), nullptr, false);
  if (json.is_discarded()) give_up("this is no JSON: " + path.native());
  return json;
}
/// Figures for scripts/packing-docs.
inline void write_figures(std::string_view name, const nlohmann::json& figures) {
  need(os::replace_file(work_folder() / fmt::format("{}.json", name), figures.dump(1) + "\n"));
}

/// "ok" or what it is not.
inline std::string_view verdict(bool good) {
  return good ? "ok" : "MISSED";
}

}  // namespace intelwall::bench
