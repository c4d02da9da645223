#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/report.hpp"
#include "app/respond.hpp"
#include "cli/command.hpp"
#include "os/file.hpp"

namespace intelwall::cli {

namespace {

void print_finding(const app::JudgedFinding& judged) {
  const auto& finding = judged.finding;
  std::fputs(fmt::format("{}  {}\n", printable(finding.id, 200), printable(finding.title, 100)).c_str(), stdout);
  if (judged.candidates.empty()) std::fputs("  names no domain\n", stdout);
  for (const auto& each : judged.candidates) {
    const auto name = each.candidate.domain ? each.candidate.domain->name.text() : printable(each.candidate.text, 80);
    std::fputs(fmt::format("  {:<6} {}\n", to_string(each.judgement.verdict), name).c_str(), stdout);
    std::fputs(fmt::format("         {} ({})\n", printable(each.candidate.evidence.path, 160),
                           to_string(each.candidate.evidence.grade))
                   .c_str(),
               stdout);
    for (const auto& reason : each.judgement.reasons)
      std::fputs(fmt::format("         {} [{}]\n", reason.text, reason.code).c_str(), stdout);
  }
  if (judged.unserved) std::fputs(fmt::format("  {}\n", judged.unserved->to_text()).c_str(), stdout);
  if (judged.target) std::fputs(fmt::format("  served by {}\n", printable(*judged.target, 256)).c_str(), stdout);
  if (!judged.cut) return;
  const auto& cut = *judged.cut;
  const auto words = cut.failure ? fmt::format("were not cut: {}", cut.failure->to_text())
                     : cut.result == firewalls::Cut::Result::cut ? fmt::format("cut: {}", cut.ended)
                                                                 : fmt::format("not cut: {}", to_string(cut.result));
  std::fputs(fmt::format("  open connections {}\n", words).c_str(), stdout);
}

int run_ingest(const Global& global, const std::string& file, bool dry_run) {
  app::Context context;
  if (auto loaded = load_settings(global, context); !loaded) return report(global, loaded.error());
  if (auto loaded = app::load_guardrails(context); !loaded) return report(global, loaded.error());
  const auto bytes = file == "-" ? os::read_stdin() : os::read_file(file);
  if (!bytes) return report(global, bytes.error());
  const auto mode = dry_run ? app::Mode::plan : app::Mode::write;
  const auto outcome = app::respond(context, *bytes, mode);
  if (!outcome) return report(global, outcome.error());

  if (outcome->press_unknown)
    std::fputs(fmt::format("intelwall: {}\n", outcome->press_unknown->to_text()).c_str(), stderr);
  for (const auto& error : outcome->unreadable)
    std::fputs(fmt::format("intelwall: {}\n", error.to_text()).c_str(), stderr);
  for (const auto& error : outcome->notes_not_written)
    std::fputs(fmt::format("intelwall: no note on the finding: {}\n", error.to_text()).c_str(), stderr);
  if (global.output() == Output::json) {
    print_json(app::to_json(*outcome));
  } else {
    for (const auto& judged : outcome->findings) print_finding(judged);
    if (outcome->records == 0) std::fputs("there is no finding in this input\n", stdout);
    if (mode == app::Mode::write)
      for (const auto& step : outcome->enforcement.plan.steps)
        std::fputs(fmt::format("{} {}: {} added, {} removed\n", to_string(step.kind), step.target, step.added.size(),
                               step.removed.size())
                       .c_str(),
                   stdout);
  }
  report_enforcement(outcome->enforcement);
  return app::exit_code(*outcome);
}

}  // namespace

void add_finding_commands(CLI::App& root, Global& global, Action& action) {
  struct Flags {
    std::string file;
    bool dry_run = false;
  };
  auto flags = std::make_shared<Flags>();
  auto* command = add_command(
      root, "ingest", "Read findings, decide about their domains, and act",
      "  intelwall ingest findings.json --dry-run         verdicts with their reasons, nothing written\n"
      "  aws securityhub get-findings … | intelwall ingest - --json\n"
      "\nReads ASFF (one, a list, a BatchImportFindings body), GuardDuty findings, EventBridge events, JSON lines.\n"
      "Exit code 0 also when all is refused, 3 when some records could not be read, 1 when none could.");
  command->add_option("FILE", flags->file, "a file, or - for standard input")->required();
  command->add_flag("--dry-run", flags->dry_run, "decide only: no call is made, nothing is written");
  command->callback([&global, &action, flags] {
    action = [&global, flags] { return run_ingest(global, flags->file, flags->dry_run); };
  });
}

}  // namespace intelwall::cli
