#include "os/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <system_error>
#include <thread>

#include "os/descriptor.hpp"

namespace intelwall::os {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string reason(int error) {
  return std::generic_category().message(error);
}

/// What a child starts with: its descriptors, a clean signal state and a group or session of its own.
class Launch {
 public:
  enum class Leads { group, session };

  using Inherits = SpawnOptions::Inherits;

  Launch(Leads leads, const std::map<std::string, std::string>& extra_env,
         Inherits inherits = Inherits::our_environment) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    const int own = leads == Leads::session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
    ::posix_spawnattr_setflags(&attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | own));
    make_environment(extra_env, inherits);
  }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;
  ~Launch() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void give(int descriptor, int as) { ::posix_spawn_file_actions_adddup2(&actions_, descriptor, as); }
  void open(int as, const char* path, int flags) {
    ::posix_spawn_file_actions_addopen(&actions_, as, path, flags, 0644);
  }

  Result<pid_t> start(const std::vector<std::string>& argv) {
    IW_ASSERT(!argv.empty());
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    std::vector<char*> arguments;
    arguments.reserve(argv.size() + 1);
    for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const int error =
        ::posix_spawnp(&pid, arguments.front(), &actions_, &attributes_, arguments.data(), environment_.data());
    if (error == 0) return pid;
    const ErrorCode code = error == ENOENT ? ErrorCode::not_found : ErrorCode::system;
    return fail(code, fmt::format("cannot start {}: {}", printable(argv.front()), reason(error)), "",
                error == ENOENT ? "install it, or put it on PATH" : "");
  }

 private:
  void make_environment(const std::map<std::string, std::string>& extra, Inherits inherits) {
    for (const auto& [name, value] : extra) own_.push_back(fmt::format("{}={}", name, value));
    char** const ours = inherits == Inherits::nothing ? nullptr : environ;
    for (char** inherited = ours; inherited != nullptr && *inherited != nullptr; ++inherited) {
      const std::string_view entry(*inherited);
      if (!extra.contains(std::string(entry.substr(0, entry.find('='))))) environment_.push_back(*inherited);
    }
    for (std::string& entry : own_) environment_.push_back(entry.data());
    environment_.push_back(nullptr);
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  std::vector<std::string> own_;
  std::vector<char*> environment_;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorCode::system, "cannot make a pipe: " + reason(errno));
  Pipe made{.read = Descriptor(ends[0]), .write = Descriptor(ends[1])};
  ::fcntl(made.read.get(), F_SETFL, O_NONBLOCK);
  return made;
}

/// The child's standard input as a file in memory: neither side can block on it, and no SIGPIPE can come of it.
Result<Descriptor> make_input(std::string_view bytes) {
  Descriptor file(::memfd_create("intelwall-input", MFD_CLOEXEC));
  if (!file.is_open()) return fail(ErrorCode::system, "cannot hold a program's input: " + reason(errno));
  while (!bytes.empty()) {
    const ssize_t put = ::write(file.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(ErrorCode::system, "cannot hold a program's input: " + reason(errno));
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

/// Takes what a pipe holds now, little more than `limit` in all; closes it at its end.
void drain(Descriptor& pipe, std::string& into, std::size_t limit) {
  std::array<char, 65'536> buffer{};
  while (pipe.is_open() && into.size() <= limit) {
    const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return pipe.reset();
    into.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// A started child of run(); killed with its group and reaped when it is left behind.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ == 0) return;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  /// Its exit code once it is over.
  Result<std::optional<int>> poll() {
    int status = 0;
    const pid_t got = ::waitpid(pid_, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) return std::optional<int>{};
    const pid_t pid = std::exchange(pid_, 0);
    if (got < 0) return fail(ErrorCode::system, fmt::format("lost process {}: {}", pid, reason(errno)));
    return std::optional(exit_code(status));
  }

 private:
  pid_t pid_;
};

}  // namespace

Result<ProcessResult> run(const std::vector<std::string>& argv, const RunOptions& options) {
  IW_TRY(Pipe out, make_pipe());
  IW_TRY(Pipe err, make_pipe());
  IW_TRY(const Descriptor input, make_input(options.input));
  Launch launch(Launch::Leads::group, options.extra_env);
  launch.give(input.get(), STDIN_FILENO);
  launch.give(out.write.get(), STDOUT_FILENO);
  launch.give(err.write.get(), STDERR_FILENO);
  IW_TRY(const pid_t pid, launch.start(argv));
  Child child(pid);
  out.write.reset();
  err.write.reset();

  const auto deadline = steady_clock::now() + options.time_out;
  ProcessResult result;
  milliseconds pause{1};
  for (;;) {
    // First whether it is over, then what it wrote: what it leaves in the pipes is never missed, and a grandchild that
    // keeps them open holds nobody up.
    IW_TRY(const std::optional<int> code, child.poll());
    drain(out.read, result.out, options.max_output);
    drain(err.read, result.err, options.max_output);
    if (result.out.size() + result.err.size() > options.max_output) {
      return fail(ErrorCode::protocol,
                  fmt::format("{} printed more than {} bytes", printable(argv.front()), options.max_output));
    }
    if (code) {
      result.exit_code = *code;
      return result;
    }
    if (steady_clock::now() >= deadline) {
      return fail(ErrorCode::unavailable, fmt::format("{} did not end within {} ms and was killed",
                                                      printable(argv.front()), options.time_out.count()));
    }
    std::array<pollfd, 2> waiting{pollfd{.fd = out.read.get(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = err.read.get(), .events = POLLIN, .revents = 0}};
    const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(pause.count()));
    pause = ready > 0 ? milliseconds{1} : std::min(pause * 2, milliseconds{32});
  }
}

Result<pid_t> spawn(const std::vector<std::string>& argv, const SpawnOptions& options) {
  Launch launch(Launch::Leads::session, options.extra_env, options.inherits);
  Descriptor output(options.output.empty()
                        ? ::open("/dev/null", O_WRONLY | O_CLOEXEC)
                        : ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!output.is_open()) {
    return fail(ErrorCode::system, "cannot open it: " + reason(errno), printable(options.output.native()));
  }
  launch.open(STDIN_FILENO, "/dev/null", O_RDONLY);
  launch.give(output.get(), STDOUT_FILENO);
  launch.give(output.get(), STDERR_FILENO);
  return launch.start(argv);
}

bool is_running(pid_t pid) {
  if (pid <= 0) return false;
  if (::waitpid(pid, nullptr, WNOHANG) == pid) return false;
  if (::kill(pid, 0) != 0 && errno == ESRCH) return false;
  // A zombie of another parent answers signals but does nothing any more. The state stands behind the last ')' of stat,
  // because the program's name in front of it may hold anything (proc(5)).
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(stat, line)) return true;
  const std::size_t end_of_name = line.rfind(')');
  return end_of_name == std::string::npos || end_of_name + 2 >= line.size() ||
         (line[end_of_name + 2] != 'Z' && line[end_of_name + 2] != 'X');
}

void stop(pid_t pid, milliseconds grace) {
  if (pid <= 1 || !is_running(pid)) return;
  const auto gone_by = [&](steady_clock::time_point deadline) {
    for (milliseconds pause{1}; is_running(pid); pause = std::min(pause * 2, milliseconds{50})) {
      if (steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(pause);
    }
    return true;
  };
  ::kill(pid, SIGTERM);
  if (gone_by(steady_clock::now() + grace)) return;
  // What spawn() started leads a session: with the leader killed, its workers would stay behind.
  ::kill(::getsid(pid) == pid ? -pid : pid, SIGKILL);
  gone_by(steady_clock::now() + std::chrono::seconds{10});  // one stuck in the kernel is not worth waiting for
}

}  // namespace intelwall::os
