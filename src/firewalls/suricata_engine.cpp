#include "firewalls/suricata_engine.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "os/file.hpp"
#include "os/process.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::firewalls {
namespace {

using namespace std::chrono_literals;

constexpr auto reload_patience = 300s;  // 100,000 rules take half a minute, and machines differ

/// Where the engine's test may write its own log; ends with the test.
class Scratch {
 public:
  static Result<Scratch> make() {
    std::string name = (std::filesystem::temp_directory_path() / "intelwall-rules-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      return fail(ErrorCode::system, fmt::format("cannot make a folder: {}", std::generic_category().message(errno)),
                  printable(name));
    return Scratch(name);
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

std::unexpected<Error> difference(const SuricataOptions& options, const std::filesystem::path& socket,
                                  const LoadedRules& was, const LoadedRules& now, const LoadedRules& wanted) {
  if (now == was)
    return fail(ErrorCode::protocol, "the sensor's rules did not change: it does not seem to read our rule file",
                printable(socket.string(), 200),
                fmt::format("add {} to rule-files in its suricata.yaml, restart it, and try again",
                            printable(options.rules_file.string(), 200)));
  return fail(ErrorCode::protocol,
              fmt::format("the sensor loaded {} rules and refused {}, instead of {} and {}", now.loaded, now.failed,
                          wanted.loaded, wanted.failed),
              printable(socket.string(), 200), "see its suricata.log");
}

Result<void> put_back(const SuricataOptions& options, const std::filesystem::path& file,
                      const std::filesystem::path& good, const std::optional<std::string>& old,
                      const LoadedBySensor& before) {
  std::error_code error;
  if (!old) {
    std::filesystem::remove(file, error);
  } else {
    const auto kept = os::read_file(good);
    error = std::make_error_code(std::errc::no_such_file_or_directory);
    if (kept && *kept == *old) std::filesystem::rename(good, file, error);
    if (error) IW_CHECK(os::replace_file(file, *old));
  }
  IW_CHECK(reload_sensors(options, before, 0, 0));
  return {};
}

}  // namespace

std::string first_complaint(const std::string& output) {
  const auto find = [&](std::string_view word) { return output.find(word); };
  auto at = find("error parsing signature");
  if (at == std::string::npos) at = find("Error: ");
  if (at == std::string::npos) at = find("<Error>");
  if (at == std::string::npos)
    return printable(output.substr(output.size() - std::min<std::size_t>(output.size(), 300)), 300);
  // A line before it often holds the reason: "Error: detect-content: …", then "error parsing signature …".
  const auto first = std::min(at, std::min(find("Error: "), find("<Error>")));
  const auto end =
      output.find('\n', output.find('\n', first) == std::string::npos ? first : output.find('\n', first) + 1);
  return printable(output.substr(first, end - first), 600);
}

std::size_t rules_in(const std::string& text) {
  return rules::parse_rules(text).rule_count();
}

Result<LoadedBySensor> ask_sensors(const SuricataOptions& options) {
  LoadedBySensor loaded;
  for (const auto& socket : options.sockets) {
    IW_TRY(loaded[socket], loaded_rules(socket));
  }
  return loaded;
}

Result<void> test_rules(const SuricataOptions& options, const std::vector<rules::CompiledFile>& files) {
  IW_TRY(const auto scratch, Scratch::make());
  for (const auto& file : files) IW_CHECK(os::replace_file(scratch.path() / file.name, file.content));
  IW_TRY(const auto ran, os::run({options.program, "-T", "-c", options.config.string(), "-S",
                                  (scratch.path() / files.front().name).string(), "-l", scratch.path().string()},
                                 {.time_out = reload_patience}));
  if (ran.exit_code == 0) return {};
  return fail(ErrorCode::refused,
              "Suricata refuses the rules, so nothing was written: " + first_complaint(ran.err + ran.out),
              printable(options.config.string(), 200), "`suricata -T -c` with the same configuration says more");
}

Result<LoadedBySensor> reload_sensors(const SuricataOptions& options, const LoadedBySensor& before,
                                      std::size_t old_rules, std::size_t new_rules) {
  LoadedBySensor loaded;
  for (const auto& [socket, was] : before) {
    IW_CHECK(engine_command(socket, "reload-rules", reload_patience));
    IW_TRY(const auto now, loaded_rules(socket));
    const LoadedRules wanted{was.loaded - std::min(was.loaded, old_rules) + new_rules, was.failed};
    if (now != wanted) return difference(options, socket, was, now, wanted);
    loaded[socket] = now;
  }
  return loaded;
}

Result<LoadedBySensor> put_in_force(const SuricataOptions& options, const std::filesystem::path& file,
                                    const std::optional<std::string>& old, const std::string& text,
                                    const LoadedBySensor& before) {
  const std::filesystem::path good = file.string() + ".good";
  // A second name of the rules in force, so that putting them back needs no space on a full disk.
  std::error_code ignored;
  std::filesystem::remove(good, ignored);
  std::filesystem::create_hard_link(file, good, ignored);
  IW_CHECK(os::replace_file(file, text));
  auto loaded = reload_sensors(options, before, rules_in(old.value_or("")), rules_in(text));
  if (loaded) return loaded;
  auto error = std::move(loaded).error();
  const auto back = put_back(options, file, good, old, before);
  error.message += back ? "; the rules before are in force again"
                        : fmt::format("; putting the rules before back failed too: {}", back.error().message);
  return std::unexpected(std::move(error));
}

}  // namespace intelwall::firewalls
