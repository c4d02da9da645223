#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "lab/lab.hpp"
#include "lab/lab_internet.hpp"
#include "lab/lab_state.hpp"
#include "lab/network.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

/// What a program on the workload must know: the lab's CA, and that no proxy of the host can be reached.
std::map<std::string, std::string> workload_environment(const std::filesystem::path& directory) {
  const auto ca = ca_file(directory).string();
  std::map<std::string, std::string> variables = {
      {"CURL_CA_BUNDLE", ca}, {"SSL_CERT_FILE", ca}, {"REQUESTS_CA_BUNDLE", ca}};
  for (const auto* name : {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}) {
    variables[name] = "";
  }
  return variables;
}

Result<void> on_workload(const std::function<Result<void>()>& work) {
  const auto directory = state_directory();
  IW_TRY(const auto state, read_state(directory));
  if (state.data_plane != UpOptions::Plane::real) {
    return fail(ErrorCode::not_found, "this lab has no workload: it was started with --no-data-plane", {},
                "run `intelwall lab down`, then `intelwall lab up`");
  }
  return in_namespace(workload_namespace, resolver_file(directory), work);
}

/// Runs with our own standard input, output and terminal.
Result<int> run_attached(const std::vector<std::string>& argv, const std::map<std::string, std::string>& variables) {
  std::vector<std::string> entries;
  entries.reserve(variables.size());
  for (const auto& [name, value] : variables) entries.push_back(fmt::format("{}={}", name, value));
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!variables.contains(std::string(*entry, std::string_view(*entry).find('=')))) environment.push_back(*entry);
  }
  for (auto& entry : entries) environment.push_back(entry.data());
  environment.push_back(nullptr);
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  pid_t pid = 0;
  if (const int error = ::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environment.data());
      error != 0) {
    return fail(error == ENOENT ? ErrorCode::not_found : ErrorCode::system,
                fmt::format("cannot start {}: {}", printable(argv[0]), std::generic_category().message(error)));
  }
  // Ctrl-C is for the command; we stay to tell how it ended.
  const auto interrupt = ::signal(SIGINT, SIG_IGN);
  const auto quit = ::signal(SIGQUIT, SIG_IGN);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  ::signal(SIGINT, interrupt);
  ::signal(SIGQUIT, quit);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<int> exec(const std::vector<std::string>& argv) {
  if (argv.empty())
    return fail(ErrorCode::usage, "there is no command to run", {}, "intelwall lab exec -- curl https://…");
  int code = 0;
  const auto ran = on_workload([&]() -> Result<void> {
    IW_TRY(code, run_attached(argv, workload_environment(state_directory())));
    return {};
  });
  if (!ran) return std::unexpected(ran.error());
  return code;
}

Result<Captured> exec_captured(const std::vector<std::string>& argv) {
  if (argv.empty()) return fail(ErrorCode::usage, "there is no command to run");
  Captured captured;
  const auto ran = on_workload([&]() -> Result<void> {
    IW_TRY(auto result, os::run(argv, {.extra_env = workload_environment(state_directory())}));
    captured = {result.exit_code, std::move(result.out), std::move(result.err)};
    return {};
  });
  if (!ran) return std::unexpected(ran.error());
  return captured;
}

}  // namespace intelwall::lab
