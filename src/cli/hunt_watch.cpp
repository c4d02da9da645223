#include "cli/hunt_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/report.hpp"
#include "os/stop_signals.hpp"

namespace intelwall::cli {

namespace {

/// At most a minute, so that a hunt that somebody adds meanwhile is seen.
std::chrono::milliseconds time_until(Time at, const Clock& clock) {
  constexpr std::chrono::milliseconds least{100};
  const auto wait = std::clamp<std::chrono::seconds>(at - clock(), std::chrono::seconds{0}, std::chrono::minutes{1});
  return std::max<std::chrono::milliseconds>(wait, least);
}

}  // namespace

int watch_hunts(const Global& global, app::Context& context, store::Ledger& ledger, app::RunRequest request) {
  const os::StopSignals signals;
  const auto stop = signals.token();
  while (!stop.stop_requested()) {
    const auto now = context.clock();
    request.which = app::RunRequest::Which::due;
    // Lists of names that must stay untouched may change while we run.
    auto guards = app::load_guardrails(context);
    auto outcome = guards ? app::run_hunts(context, ledger, request)
                          : Result<app::RunOutcome>(std::unexpected(std::move(guards).error()));
    request.reach = app::RunRequest::Reach::as_due;
    auto next = now + std::chrono::minutes{1};
    if (!outcome) {
      std::fputs(fmt::format("intelwall: {}\n", outcome.error().to_text()).c_str(), stderr);
    } else {
      if (!outcome->hunts.empty() || !outcome->complete() || !outcome->sync.unchanged) {
        if (global.output() == Output::text) std::fputs((format_time(now) + "\n").c_str(), stdout);
        report_run(global, *outcome, app::Mode::write);
        std::fflush(stdout);
      }
      if (outcome->next) next = *outcome->next;
    }
    os::pause(time_until(next, context.clock), stop);
  }
  return done;
}

}  // namespace intelwall::cli
