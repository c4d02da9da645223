#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/doctor.hpp"
#include "cli/command.hpp"

namespace intelwall::cli {

namespace {

int run_doctor(const Global& global, const std::vector<std::string>& workloads) {
  app::Context context;
  if (auto ready = load_settings(global, context); !ready) return report(global, ready.error());
  std::vector<app::IpPrefix> ranges;
  for (const auto& text : workloads) {
    auto range = app::IpPrefix::parse(text);
    if (!range) {
      auto error = range.error();
      error.code = ErrorCode::usage;
      return report(global, error);
    }
    ranges.push_back(*std::move(range));
  }
  const auto diagnosis = app::doctor(context, ranges);
  if (global.output() == Output::json)
    print_json(app::to_json(diagnosis));
  else
    std::fputs(app::to_text(diagnosis).c_str(), stdout);
  return app::exit_code(diagnosis);
}

}  // namespace

void add_doctor_command(CLI::App& root, Global& global, Action& action) {
  auto workloads = std::make_shared<std::vector<std::string>>();
  auto* command =
      add_command(root, "doctor", "Everything that would make rules useless, each with what to do; reads only",
                  "  intelwall doctor\n"
                  "  intelwall doctor --workload 10.20.0.0/16 --workload 10.21.0.0/16 --json\n"
                  "\nExit code 0 all is well, 3 warnings, 1 problems.");
  command->add_option("--workload", *workloads, "an address range that the firewall must protect; may be repeated");
  command->callback(
      [&global, &action, workloads] { action = [&global, workloads] { return run_doctor(global, *workloads); }; });
}

}  // namespace intelwall::cli
