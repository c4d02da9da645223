#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "app/context.hpp"
#include "app/forward.hpp"
#include "cli/command.hpp"
#include "os/stop_signals.hpp"

namespace intelwall::cli {

namespace {

using Steady = std::chrono::steady_clock;

struct Flags {
  std::string source = "streams", severity = "low", older_than = "21d", exclude_clouds, from = "oldest";
  std::string app_id = "intelwall", filter = "product:'epp'", poll = "15s", state_dir;
  double rate = 10, burst = 30;
  bool once = false;
};

Result<int> parse_severity(const std::string& word) {
  constexpr std::array words{"informational", "low", "medium", "high", "critical"};
  for (std::size_t i = 0; i < words.size(); ++i)
    if (word == words[i] || word == std::to_string(i + 1)) return static_cast<int>(i) + 1;
  return fail(ErrorCode::usage, fmt::format("\"{}\" is no severity", printable(word, 40)), "--severity",
              "use informational, low, medium, high or critical (or 1 to 5)");
}

Result<falcon::Position> parse_from(const std::string& word) {
  if (word == "newest") return falcon::Position{falcon::Position::From::newest, 0};
  if (word == "oldest") return falcon::Position{};
  falcon::Position position;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), position.offset);
  if (fault == std::errc() && end == word.data() + word.size() && !word.empty()) return position;
  return fail(ErrorCode::usage, fmt::format("\"{}\" is no place to begin", printable(word, 40)), "--from",
              "use oldest, newest, or the offset of the first event wanted");
}

Result<std::chrono::seconds> parse_time_option(const std::string& text, const char* option) {
  auto time = parse_lifetime(text);
  if (time && *time) return **time;
  return fail(ErrorCode::usage, fmt::format("\"{}\" is no time", printable(text, 40)), option,
              "for example 90s, 12h or 21d");
}

Result<app::ForwardOptions> parse(const Flags& flags, const aws::Environment& env) {
  using Options = app::ForwardOptions;
  Options options;
  options.source = flags.source == "alerts" ? Options::Source::alerts : Options::Source::streams;
  options.until = flags.once ? Options::Until::caught_up : Options::Until::stopped;
  IW_TRY(options.filter.severity, parse_severity(flags.severity));
  options.filter.age.reset();
  if (flags.older_than != "never") {
    IW_TRY(options.filter.age, parse_time_option(flags.older_than, "--older-than"));
  }
  for (std::size_t from = 0; from < flags.exclude_clouds.size();) {
    const auto comma = std::min(flags.exclude_clouds.find(',', from), flags.exclude_clouds.size());
    IW_TRY(const auto cloud, findings::parse_host_cloud(flags.exclude_clouds.substr(from, comma - from)));
    options.filter.excluded_clouds.insert(cloud);
    from = comma + 1;
  }
  IW_TRY(options.begin, parse_from(flags.from));
  IW_TRY(options.poll, parse_time_option(flags.poll, "--poll"));
  options.app_id = flags.app_id;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (flags.app_id.empty() || flags.app_id.size() > 32 || !std::ranges::all_of(flags.app_id, fits))
    return fail(ErrorCode::usage, fmt::format("\"{}\" is no application id", printable(flags.app_id, 40)), "--app-id",
                "use 1 to 32 letters, digits, - and _");
  options.alert_filter = flags.filter;
  options.state_directory =
      flags.state_dir.empty() ? app::default_state_directory(env) : std::filesystem::path(flags.state_dir);
  options.calls_a_second = flags.rate;
  options.burst = flags.burst;
  return options;
}

nlohmann::json to_json(const app::ForwardReport& report) {
  const auto& done = report.forwarded;
  return {{"records", done.records},
          {"detections", done.detections},
          {"accepted", done.sink.accepted},
          {"already_there", done.sink.already},
          {"merged", done.merged},
          {"left_out", {{"severity", done.below}, {"age", done.too_old}, {"cloud", done.excluded}}},
          {"unreadable", done.unreadable},
          {"rejected", done.sink.rejected},
          {"calls", done.sink.calls},
          {"stream",
           {{"damages", report.read.damages},
            {"damaged_bytes", report.read.damaged_bytes},
            {"connections", report.read.connections},
            {"discoveries", report.read.discoveries},
            {"refreshes", report.read.refreshes}}}};
}

std::string to_text(const app::ForwardReport& report) {
  const auto& done = report.forwarded;
  std::string text = fmt::format("{} records, {} detections: {} findings accepted, {} there already", done.records,
                                 done.detections, done.sink.accepted, done.sink.already + done.merged);
  const auto add = [&](std::uint64_t count, const char* what) {
    if (count > 0) text += fmt::format(", {} {}", count, what);
  };
  add(done.below, "below the severity");
  add(done.too_old, "too old");
  add(done.excluded, "of excluded clouds");
  add(done.unreadable, "unreadable");
  add(done.sink.rejected, "rejected");
  add(report.read.damages, "damaged places in the streams");
  return text;
}

/// A line a second on a terminal, a line a minute in a log.
class Progress {
 public:
  void show(const app::ForwardReport& report) {
    const auto now = Steady::now();
    if (now - shown_ < (terminal_ ? std::chrono::seconds(1) : std::chrono::seconds(60))) return;
    shown_ = now;
    const std::lock_guard lock(mutex_);
    std::fputs(
        fmt::format("{}{}{}", terminal_ ? "\r\x1b[K" : "intelwall: ", to_text(report), terminal_ ? "" : "\n").c_str(),
        stderr);
    open_line_ = terminal_;
  }
  void tell(const Error& error) {
    const std::lock_guard lock(mutex_);
    end_line();
    std::fputs(fmt::format("intelwall: {}\n", error.to_text()).c_str(), stderr);
  }
  void end() {
    const std::lock_guard lock(mutex_);
    end_line();
  }

 private:
  void end_line() {
    if (std::exchange(open_line_, false)) std::fputs("\n", stderr);
  }

  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::mutex mutex_;
  bool open_line_ = false;
  Steady::time_point shown_ = Steady::now();
};

int run_forward(const Global& global, const Flags& flags) {
  const os::StopSignals signals;
  app::Context context;
  if (auto loaded = load_settings(global, context); !loaded) return report(global, loaded.error());
  const auto options = parse(flags, context.env);
  if (!options) return report(global, options.error());
  if (auto connected = app::connect(context); !connected) return report(global, connected.error());
  Progress progress;
  const auto forwarded = app::forward(context, *options,
                                      {.tell = [&](const Error& error) { progress.tell(error); },
                                       .progress = [&](const app::ForwardReport& so_far) { progress.show(so_far); }},
                                      signals.token());
  progress.end();
  if (!forwarded) return report(global, forwarded.error());
  if (global.output() == Output::json) {
    print_json(to_json(*forwarded));
  } else {
    std::fputs((to_text(*forwarded) + "\n").c_str(), stdout);
  }
  return forwarded->forwarded.unreadable + forwarded->forwarded.sink.rejected > 0 ? in_part : done;
}

}  // namespace

void add_forward_command(CLI::App& root, Global& global, Action& action) {
  auto flags = std::make_shared<Flags>();
  auto* command =
      add_command(root, "forward", "Falcon's detections as findings into Security Hub, as they come",
                  "  intelwall forward                                until it is stopped; goes on where it was\n"
                  "  intelwall forward --once --json                  what is there now, with counts\n"
                  "  intelwall forward --severity high --older-than 7d --exclude-clouds Azure,GCP\n"
                  "  intelwall forward --source alerts --filter \"product:'epp'+ioc_type:'domain'\"\n"
                  "\nReads FALCON_CLIENT_ID, FALCON_CLIENT_SECRET and FALCON_CLOUD or FALCON_BASE_URL. Scopes: Event "
                  "streams: Read\n"
                  "(or Alerts: Read), Hosts: Read. Exit code 3 when a detection could not be read or was rejected.");
  command->add_option("--source", flags->source, "streams, or alerts where there are no event streams (streams)")
      ->check(CLI::IsMember({"streams", "alerts"}));
  command->add_flag("--once", flags->once, "end when nothing more comes");
  command->add_option("--severity", flags->severity, "leave out what is below: informational … critical (low)");
  command->add_option("--older-than", flags->older_than, "leave out what is older, never for nothing (21d)");
  command->add_option("--exclude-clouds", flags->exclude_clouds,
                      "leave out hosts in these: AWS,Azure,GCP,unrecognized");
  command->add_option("--from", flags->from,
                      "where to begin without a saved position: oldest, newest, OFFSET (oldest)");
  command->add_option("--app-id", flags->app_id, "Falcon gives its streams to one reader of each (intelwall)");
  command->add_option("--filter", flags->filter, "which alerts, in FQL (product:'epp')");
  command->add_option("--poll", flags->poll, "time between two looks at the alerts (15s)");
  command->add_option("--state-dir", flags->state_dir, "where positions are kept (/var/lib/intelwall)");
  command->add_option("--rate", flags->rate, "calls of BatchImportFindings a second (10, AWS's quota)")
      ->check(CLI::Range(0.1, 10'000.0));
  command->add_option("--burst", flags->burst, "and at once (30)")->check(CLI::Range(1.0, 10'000.0));
  command->callback([&global, &action, flags] { action = [&global, flags] { return run_forward(global, *flags); }; });
}

}  // namespace intelwall::cli
