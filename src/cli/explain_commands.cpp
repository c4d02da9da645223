#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/explain.hpp"
#include "cli/command.hpp"

namespace intelwall::cli {

namespace {

int run_explain(const Global& global, const std::string& domain, const std::string& log) {
  app::Context context;
  if (auto ready = load_settings(global, context); !ready) return report(global, ready.error());
  if (auto ready = app::load_guardrails(context); !ready) return report(global, ready.error());
  if (auto ready = app::open_firewall(context); !ready) return report(global, ready.error());
  const auto explanation = app::explain(context, domain, log.empty() ? std::nullopt : std::optional(log));
  if (!explanation) return report(global, explanation.error());
  for (const auto& each : explanation->searched)
    if (each.failure) std::fputs(("intelwall: " + each.where + ": " + each.failure->to_text() + "\n").c_str(), stderr);
  if (global.output() == Output::json)
    print_json(app::to_json(*explanation));
  else
    std::fputs(app::to_text(*explanation).c_str(), stdout);
  return app::exit_code(*explanation);
}

}  // namespace

void add_explain_command(CLI::App& root, Global& global, Action& action) {
  struct Flags {
    std::string domain, log;
  };
  auto flags = std::make_shared<Flags>();
  auto* command = add_command(
      root, "explain", "Why a domain is blocked, or why not: from detection to finding to rule to last drop",
      "  intelwall explain evil.com\n"
      "  intelwall explain www.evil.com --log alert.json.gz --json\n"
      "\nReads the rule groups, Security Hub and the log; keeps nothing and writes nothing. Exit code 0 answered, 3\n"
      "something could not be asked, 1 the firewall could not.");
  command->add_option("DOMAIN", flags->domain, "a name as people write it, a URL, defanged")->required();
  command->add_option("--log", flags->log,
                      "Network Firewall's alert log (JSON lines, also .gz and .zst) for the last drops");
  command->callback([&global, &action, flags] {
    action = [&global, flags] { return run_explain(global, flags->domain, flags->log); };
  });
}

}  // namespace intelwall::cli
