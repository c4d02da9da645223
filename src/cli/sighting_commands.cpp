#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/hunt.hpp"
#include "app/hunt_intake.hpp"
#include "app/sightings.hpp"
#include "cli/command.hpp"
#include "os/stop_signals.hpp"

namespace intelwall::cli {
namespace {

using Json = nlohmann::json;

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

void print_seen(const app::Seen& seen) {
  const auto known = seen.watched_by.empty() ? app::Context4{} : app::read_context(seen.watched_by.front().context);
  const auto who = known.actors.empty() ? known.families : known.actors;
  print(fmt::format("{}  {:<15} {:<30} {:>4} times{}  {:<6} {}\n", format_time(seen.last), seen.workload, seen.domain,
                    seen.count, seen.blocked == 0 ? "" : fmt::format(" ({} blocked)", seen.blocked),
                    intel::to_string(seen.confidence()), printable(who, 60)));
}

void print_unreadable(const hunt::ScanReport& report) {
  for (const auto& line : report.unreadable_lines) std::fputs(fmt::format("intelwall: {}\n", line).c_str(), stderr);
  if (report.unreadable > report.unreadable_lines.size())
    std::fputs(fmt::format("intelwall: {} lines could not be read\n", report.unreadable).c_str(), stderr);
}

int run_list(const Global& global) {
  app::Context context;
  if (auto loaded = load_settings(global, context); !loaded) return report(global, loaded.error());
  auto ledger = app::open_ledger(context);
  if (!ledger) return report(global, ledger.error());
  const auto all = ledger->sightings(10'000);
  if (!all) return report(global, all.error());
  if (global.output() == Output::json) {
    Json out = Json::array();
    for (const auto& each : *all) out.push_back(app::to_json(each));
    print_json({{"sightings", std::move(out)}});
    return done;
  }
  for (const auto& each : *all)
    print(fmt::format("{}  {:<15} {:<30} {:>4} times since {}\n", format_time(each.last), each.workload, each.domain,
                      each.count, format_time(each.first)));
  if (all->empty()) print("no sightings yet: `intelwall sightings follow LOG` records them\n");
  return done;
}

int run_scan(const Global& global, const std::vector<std::string>& logs) {
  app::Context context;
  if (auto loaded = load_settings(global, context); !loaded) return report(global, loaded.error());
  auto ledger = app::open_ledger(context);
  if (!ledger) return report(global, ledger.error());
  const auto watched = app::watched_domains(*ledger);
  if (!watched) return report(global, watched.error());
  const bool draws = ::isatty(STDERR_FILENO) == 1;
  const auto outcome = app::scan_logs(context, *ledger, *watched, logs, [&](std::uint64_t bytes, std::uint64_t size) {
    if (draws && size > 0)
      std::fputs(fmt::format("\r{:3d} % of {} MB ", bytes * 100 / size, size >> 20).c_str(), stderr);
  });
  if (draws) std::fputs("\r\x1b[K", stderr);
  if (!outcome) return report(global, outcome.error());
  print_unreadable(outcome->report);
  if (global.output() == Output::json) {
    Json out = Json::array();
    for (const auto& each : outcome->seen) out.push_back(app::to_json(each));
    print_json(
        {{"watched", watched->size()}, {"sightings", std::move(out)}, {"report", app::to_json(outcome->report)}});
  } else {
    for (const auto& each : outcome->seen) print_seen(each);
    print(fmt::format("{} lines with {} names, {} of them watched ({} domains are)\n", outcome->report.lines,
                      outcome->report.names, outcome->report.hits, watched->size()));
    if (watched->empty()) print("no hunt keeps a domain yet: `intelwall hunt add` and `intelwall hunt run`\n");
  }
  return outcome->report.unreadable > 0 ? in_part : done;
}

int report_step(const Global& global, const app::FollowOutcome& step) {
  print_unreadable(step.report);
  if (global.output() == Output::json) {
    for (const auto& each : step.seen) print(app::to_json(each).dump() + "\n");
  } else {
    for (const auto& each : step.seen) print_seen(each);
  }
  std::fflush(stdout);
  if (step.not_raised)
    std::fputs(fmt::format("intelwall: recorded, but no finding: {}\n", step.not_raised->to_text()).c_str(), stderr);
  if (step.no_instances)
    std::fputs(
        fmt::format("intelwall: findings name addresses, not instances: {}\n", step.no_instances->to_text()).c_str(),
        stderr);
  for (const auto& each : step.not_accepted)
    std::fputs(fmt::format("intelwall: finding not accepted: {}\n", each).c_str(), stderr);
  return step.not_raised || !step.not_accepted.empty() || step.report.unreadable > 0 ? in_part : done;
}

struct FollowFlags {
  std::vector<std::string> logs;
  bool once = false;
  bool no_findings = false;
};

int run_follow(const Global& global, const FollowFlags& flags) {
  app::Context context;
  if (auto loaded = load_settings(global, context); !loaded) return report(global, loaded.error());
  auto ledger = app::open_ledger(context);
  if (!ledger) return report(global, ledger.error());
  app::LogFollower follower(context, *ledger, flags.logs,
                            flags.no_findings ? app::LogFollower::Findings::leave : app::LogFollower::Findings::raise);
  // Asked between steps only, so that a step is whole when the process ends.
  const os::StopSignals signals;
  const auto stop = signals.token();
  for (;;) {
    const auto step = follower.step();
    if (!step) return report(global, step.error());
    const int code = report_step(global, *step);
    if (flags.once) return code;
    os::pause(std::chrono::seconds{1}, stop);
    if (stop.stop_requested()) return done;
  }
}

}  // namespace

void add_sighting_commands(CLI::App& root, Global& global, Action& action) {
  auto* command = add_command(root, "sightings", "Who talked to a watched domain",
                              "  intelwall sightings                              what was recorded, newest first\n"
                              "  intelwall sightings follow /var/log/suricata/eve.json\n"
                              "  intelwall sightings scan alerts-*.log.gz --json  the logs of the past\n"
                              "\nLogs: Suricata's eve.json, Network Firewall's alert and TLS logs, Route 53 Resolver "
                              "query logs;\nplain, gz or zst.");
  command->require_subcommand(0, 1);
  command->callback([&global, &action, command] {
    if (command->get_subcommands().empty()) action = [&global] { return run_list(global); };
  });

  auto logs = std::make_shared<std::vector<std::string>>();
  auto* scan = add_command(*command, "scan", "Look through the logs of the past; records nothing",
                           "  intelwall sightings scan eve.json.1 eve.json.2.gz\n"
                           "  aws s3 cp s3://logs/… - | intelwall sightings scan - --json\n");
  scan->add_option("LOG", *logs, "files, or - for standard input")->required();
  scan->callback([&global, &action, logs] { action = [&global, logs] { return run_scan(global, *logs); }; });

  auto flags = std::make_shared<FollowFlags>();
  auto* follow = add_command(
      *command, "follow", "Record sightings from growing logs, and raise a finding for each workload and domain",
      "  intelwall sightings follow /var/log/suricata/eve.json\n"
      "  intelwall sightings follow alert.log --once      what is new since the last time, for a timer\n"
      "\nReads on where it ended, over rotations and restarts. Findings are raised once and updated.");
  follow->add_option("LOG", flags->logs, "files that grow")->required();
  follow->add_flag("--once", flags->once, "read what is there, then end");
  follow->add_flag("--no-findings", flags->no_findings, "record only, without Security Hub");
  follow->callback([&global, &action, flags] { action = [&global, flags] { return run_follow(global, *flags); }; });
}

}  // namespace intelwall::cli
