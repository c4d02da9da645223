#include "cli/hunt_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/report.hpp"

namespace intelwall::cli {

namespace {

// A signal handler reaches nothing else.
std::atomic<bool> stopped = false;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void stop_on_signals() {
  struct sigaction action{};
  action.sa_handler = [](int) { stopped = true; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

/// At most a minute, so that a hunt that somebody adds meanwhile is seen.
void wait_until(Time at, const Clock& clock) {
  constexpr std::chrono::milliseconds step{100};
  const auto wait = std::clamp<std::chrono::seconds>(at - clock(), std::chrono::seconds{0}, std::chrono::minutes{1});
  for (std::chrono::milliseconds waited{0}; waited < std::max<std::chrono::milliseconds>(wait, step) && !stopped;
       waited += step)
    std::this_thread::sleep_for(step);
}

}  // namespace

int watch_hunts(const Global& global, app::Context& context, store::Ledger& ledger, app::RunRequest request) {
  stop_on_signals();
  while (!stopped) {
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
    wait_until(next, context.clock);
  }
  return done;
}

}  // namespace intelwall::cli
