#include "lab/network.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <system_error>
#include <thread>

#include "os/descriptor.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

constexpr std::array<const char*, 3> namespaces = {workload_namespace, firewall_namespace, internet_namespace};

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::filesystem::path path_of(const std::string& name) {
  return std::filesystem::path("/run/netns") / name;
}

Result<void> must_run(const std::vector<std::string>& argv, const std::string& input = {}) {
  IW_TRY(const auto result, os::run(argv, {.input = input}));
  if (result.exit_code == 0) return {};
  return fail(ErrorCode::system, fmt::format("{} failed: {}", argv.front(), printable(result.err, 300)));
}

Result<void> enter(const std::string& name) {
  const os::Descriptor target(::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!target.is_open()) {
    return fail(ErrorCode::not_found, fmt::format("there is no network namespace {}", name), {},
                "run `intelwall lab up`");
  }
  if (::setns(target.get(), CLONE_NEWNET) != 0) {
    return fail(ErrorCode::system, fmt::format("cannot enter network namespace {}: {}", name, reason(errno)));
  }
  return {};
}

/// A mount namespace of the calling thread's own, with `resolver` over /etc/resolv.conf.
Result<void> use_resolver(const std::filesystem::path& resolver) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) != 0 ||
      ::mount(resolver.c_str(), "/etc/resolv.conf", "none", MS_BIND, nullptr) != 0) {
    return fail(ErrorCode::system, fmt::format("cannot put the lab's resolver in place: {}", reason(errno)),
                "/etc/resolv.conf", "it must exist, be it empty");
  }
  return {};
}

Result<void> on_own_thread(const std::function<Result<void>()>& work) {
  Result<void> result;
  std::thread([&] { result = work(); }).join();
  return result;
}

Result<void> set_up_end(const char* interface, const std::string& commands) {
  IW_CHECK(must_run({"ethtool", "-K", interface, "rx", "off", "tx", "off", "sg", "off", "tso", "off", "gso", "off",
                     "gro", "off", "rxvlan", "off", "txvlan", "off"}));
  if (commands.empty()) return {};
  return must_run({"ip", "-batch", "-"}, commands);
}

Result<void> build() {
  std::string commands;
  for (const auto* name : namespaces) commands += fmt::format("netns add {}\n", name);
  IW_CHECK(must_run({"ip", "-batch", "-"}, commands));

  // IPv6 off before an interface comes up: its neighbour discovery would be traffic nobody asked for.
  for (const auto* name : namespaces) {
    IW_CHECK(in_namespace(name, [] {
      return must_run({"sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"});
    }));
  }
  IW_CHECK(must_run({"ip", "-batch", "-"}, fmt::format("link add eth0 netns {0} type veth peer name {2} netns {1}\n"
                                                       "link add eth0 netns {4} type veth peer name {3} netns {1}\n",
                                                       workload_namespace, firewall_namespace, inside_interface,
                                                       outside_interface, internet_namespace)));
  struct End {
    const char *name, *interface, *setup;
  };
  const auto address = [](const char* own, const char* other_network) {
    return fmt::format("link set lo up\nlink set eth0 up\naddr add {} dev eth0\nroute add {} dev eth0\n", own,
                       other_network);
  };
  // The resolver's address is at home here, and whoever asks it has the workload's.
  const auto workload =
      address("10.94.0.10/24", "default") +
      fmt::format(
          "addr add {0}/32 dev lo\nroute replace local {0} dev lo table local proto kernel scope host src {1}\n",
          resolver_address, workload_address);
  const auto internet = address("198.51.100.80/24", "10.94.0.0/24");
  const auto bridge =
      fmt::format("link set {0} up promisc on\nlink set {1} up promisc on\n", inside_interface, outside_interface);
  const End ends[] = {{workload_namespace, "eth0", workload.c_str()},
                      {internet_namespace, "eth0", internet.c_str()},
                      {firewall_namespace, inside_interface, bridge.c_str()},
                      {firewall_namespace, outside_interface, ""}};
  for (const auto& end : ends) {
    const auto set_up = in_namespace(end.name, [&] { return set_up_end(end.interface, end.setup); });
    IW_CHECK(set_up);
  }
  return {};
}

}  // namespace

Result<void> in_namespace(const std::string& name, const std::function<Result<void>()>& work) {
  return on_own_thread([&]() -> Result<void> {
    IW_CHECK(enter(name));
    return work();
  });
}

Result<void> in_namespace(const std::string& name, const std::filesystem::path& resolver,
                          const std::function<Result<void>()>& work) {
  return on_own_thread([&]() -> Result<void> {
    IW_CHECK(enter(name));
    IW_CHECK(use_resolver(resolver));
    return work();
  });
}

std::vector<std::string> existing_namespaces() {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto* name : namespaces) {
    if (std::filesystem::exists(path_of(name), ignored)) found.emplace_back(name);
  }
  return found;
}

std::vector<int> processes_in(const std::string& name) {
  std::vector<int> found;
  struct stat target{};
  if (::stat(path_of(name).c_str(), &target) != 0) return found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto text = entry.path().filename().string();
    int pid = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), pid).ptr != text.data() + text.size()) continue;
    struct stat own{};
    if (::stat((entry.path() / "ns/net").c_str(), &own) == 0 && own.st_ino == target.st_ino &&
        own.st_dev == target.st_dev) {
      found.push_back(pid);
    }
  }
  return found;
}

Result<void> can_create_network() {
  if (::geteuid() != 0) {
    return fail(ErrorCode::denied, "the lab's network needs root", {},
                "run it with sudo, or inside `unshare -Urnm`, or bring it up with --no-data-plane");
  }
  for (const auto* program : {"ip", "ethtool", "sysctl"}) {
    if (const auto found = os::run({program, "--version"}); !found) {
      return fail(ErrorCode::not_found, fmt::format("the lab needs the program {}", program), {}, "run scripts/setup");
    }
  }
  return {};
}

Result<void> create_network() {
  IW_CHECK(can_create_network());
  if (const auto there = existing_namespaces(); !there.empty()) {
    return fail(ErrorCode::conflict, fmt::format("network namespace {} is there already", there.front()), {},
                "run `intelwall lab down`");
  }
  auto built = build();
  if (!built) {
    if (const auto undone = remove_network(); !undone) {
      built.error().message += "; and not all of it could be undone: " + undone.error().message;
    }
    if (::access("/run/netns", W_OK) != 0 && ::access("/run", W_OK) != 0) {
      built.error().hint = "inside `unshare -Urnm`, first run `mount -t tmpfs tmpfs /run`";
    }
  }
  return built;
}

Result<void> remove_network() {
  for (const auto& name : existing_namespaces()) {
    // A process may start another one meanwhile: look again until none is left.
    for (int round = 0; round < 20; ++round) {
      const auto pids = processes_in(name);
      if (pids.empty()) break;
      for (const int pid : pids) os::stop(pid);
    }
    IW_CHECK(must_run({"ip", "netns", "delete", name}));
  }
  return {};
}

}  // namespace intelwall::lab
