#pragma once

// What benchmarks of the lab with packets share: settings for it, and Suricata's own share of a change.

#include <chrono>
#include <functional>

#include "app/context.hpp"
#include "firewalls/suricata_socket.hpp"
#include "lab/lab.hpp"
#include "measure.hpp"
#include "os/process.hpp"

namespace intelwall::bench {

/// Wall time: what a responder waits.
inline double milliseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

inline app::Context context_of_the_lab() {
  const auto variables = need(lab::environment());
  app::Context context;
  context.env = [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  context.settings = need(app::load_settings(context.env, {}, {})).settings;
  context.settings.actor = "bench";
  need(app::load_guardrails(context));
  need(app::open_firewall(context));
  return context;
}

inline std::filesystem::path live_rules() {
  return lab::state_directory() / "rules/policy.rules";
}
inline std::string live_rules_text() {
  return need(os::read_file(live_rules(), 1U << 30U));
}

/// Suricata's own two steps, test and reload, from the rules `before` to those in force. It goes back to `before`
/// first, because Suricata keeps the pattern database of rules that did not change, and reloading the same file twice
/// would be quicker than any change can be.
inline double engine_milliseconds(const std::string& before) {
  const auto directory = lab::state_directory();
  const auto reload = [&] {
    need(firewalls::engine_command(directory / "run/suricata.socket", "reload-rules", std::chrono::seconds{300}));
  };
  const auto rules = live_rules_text();
  need(os::replace_file(live_rules(), before));
  reload();
  need(os::replace_file(live_rules(), rules));
  return milliseconds([&] {
    const auto test =
        need(os::run({"suricata", "-T", "--simulate-ips", "-c", (directory / "rules/suricata.yaml").string(), "-S",
                      live_rules().string(), "-l", (directory / "logs").string()},
                     {.time_out = std::chrono::minutes{5}}));
    if (test.exit_code != 0) give_up(test.err);
    reload();
  });
}

}  // namespace intelwall::bench
