#include "lab/demo.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "lab/cloud.hpp"
#include "lab/demo_steps.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

Result<void> step_down(Demo& demo) {
  const auto directory = state_directory();
  IW_CHECK(down());
  IW_TRY(const auto namespaces, os::run({"ip", "netns", "list"}));
  // Every process of the lab carries the state directory in its command line.
  IW_TRY(const auto processes, os::run({"pgrep", "-af", directory.string()}));
  const bool no_namespace = namespaces.out.find("iw-") == std::string::npos;
  const bool no_process = processes.exit_code == 1;
  const bool no_file = !std::filesystem::exists(directory);
  demo.add("lab down: no namespace, process or file is left", no_namespace && no_process && no_file,
           fmt::format("namespaces: {}\nprocesses: {}\n{}: {}", no_namespace ? "none" : namespaces.out,
                       no_process ? "none" : processes.out, directory.string(), no_file ? "gone" : "STILL THERE"));
  return {};
}

Result<void> connect(Demo& demo) {
  IW_TRY(demo.environment, environment());
  demo.environment["INTELWALL_ALLOW_LIST"] = (state_directory() / "demo-allow.txt").string();
  // The demo's own commands act on what the functions act on.
  if (const auto& stack = demo.options.stack; stack && stack->parameters.contains("DnsFirewallRuleGroupId"))
    demo.environment["INTELWALL_DNS_FIREWALL"] = stack->parameters.at("DnsFirewallRuleGroupId");
  const auto variables = demo.environment;
  demo.session.env = [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  demo.session.http = aws::make_curl_client();
  demo.session.credentials = aws::default_credentials(demo.session.env);
  demo.session.region = region;
  return {};
}

Result<bool> finish(const Demo& demo) {
  bool ok = !demo.steps.empty();
  Json steps = Json::array();
  for (const auto& step : demo.steps) {
    ok = ok && step.ok;
    steps.push_back(
        {{"scenario", step.scenario}, {"name", step.name}, {"ok", step.ok}, {"proof", printable(step.proof, 16'384)}});
  }
  std::fputs(
      fmt::format("\n{}: {} steps, {:.2f} s from the sensor's event and {:.2f} s from the action to the first refused "
                  "connection\n",
                  ok ? "every proof holds" : "NOT every proof holds", demo.steps.size(), demo.seconds_from_event,
                  demo.seconds_to_block)
          .c_str(),
      stdout);
  if (demo.options.json) {
    const Json report = {{"ok", ok},
                         {"seconds_to_block", demo.seconds_to_block},
                         {"seconds_from_event", demo.seconds_from_event},
                         {"steps", std::move(steps)}};
    IW_CHECK(os::replace_file(*demo.options.json, report.dump(2) + "\n"));
  }
  return ok;
}

}  // namespace

Result<bool> demo(const DemoOptions& options) {
  std::fputs("Scenario 1: a sensor's detection ends in dropped packets\n\n", stdout);
  std::fflush(stdout);
  UpOptions start{.self = options.self};
  if (options.stack) start.stack = with_demo_parameters(*options.stack);
  IW_CHECK(up(start));
  Demo demo{.options = options, .environment = {}, .session = {}, .steps = {}, .finding_id = {}, .decision_id = {}};
  Result<void> result = connect(demo);
  if (result) {
    const auto forwarding = Forwarding::start(demo);
    if (!forwarding) result = std::unexpected(forwarding.error());
    for (const auto step : {step_before, step_respond, step_dropped, step_log, step_explain, step_hostile,
                            step_homograph, step_unblock, step_resolver}) {
      if (!result) break;
      result = step(demo);
    }
    if (result && options.repeat > 0) result = step_repeat(demo, options.repeat);
  }
  if (result) {
    std::fputs("\nScenario 2: a query keeps the firewall watching, and sightings come back\n\n", stdout);
    demo.scenario = 2;
    result = options.stack ? scenario_functions(demo) : scenario_hunt(demo);
  }
  if (!result) demo.add("the demo could go on", false, result.error().to_text());
  if (options.after == DemoOptions::After::down) {
    if (auto end = step_down(demo); !end) demo.add("lab down", false, end.error().to_text());
  } else {
    std::fputs("the lab stays up: `intelwall lab down` ends it\n", stdout);
  }
  return finish(demo);
}

}  // namespace intelwall::lab
