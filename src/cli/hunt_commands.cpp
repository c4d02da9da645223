#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/falcon.hpp"
#include "app/hunt.hpp"
#include "app/hunt_source.hpp"
#include "app/intel.hpp"
#include "app/report.hpp"
#include "cli/command.hpp"
#include "cli/fql_report.hpp"
#include "cli/hunt_watch.hpp"
#include "cli/preview_report.hpp"

namespace intelwall::cli {

namespace {

using Json = nlohmann::json;

struct Flags {
  std::string name, filter, source = app::falcon_source, every = "1h", full_every = "1d", action = "alert",
                            protocols = "tls,http", min_confidence = "low", expires = "auto";
  std::vector<std::string> exclude = app::default_excluded_types();
  std::size_t limit = 0;
  std::size_t show = 20;
  bool all = false, watch = false, full = false, plan = false, history = false;
};

Result<std::chrono::seconds> interval(const std::string& text, const char* option) {
  auto parsed = parse_lifetime(text);
  if (parsed && *parsed) return **parsed;
  return fail(ErrorCode::usage, "\"" + printable(text, 40) + "\" is no interval", option, "for example 15m, 1h or 1d");
}

Result<store::Hunt> hunt_from(const Flags& flags) {
  store::Hunt hunt{.name = flags.name, .source = flags.source, .filter = flags.filter, .limit = flags.limit};
  IW_TRY(hunt.every, interval(flags.every, "--every"));
  IW_TRY(hunt.full_every, interval(flags.full_every, "--full-every"));
  IW_TRY(hunt.action, parse_action(flags.action));
  IW_TRY(hunt.protocols, parse_protocols(flags.protocols));
  IW_TRY(hunt.min_confidence, store::parse_confidence(flags.min_confidence));
  for (const auto& type : flags.exclude)
    if (!type.empty() && type != "none") hunt.excluded_types.push_back(type);
  hunt.expiry = flags.expires;
  return hunt;
}

/// The settings and the ledger that they name.
struct Desk {
  app::Context context;
  std::optional<store::Ledger> ledger;
};
Result<void> open(const Global& global, Desk& desk) {
  IW_CHECK(load_settings(global, desk.context));
  IW_TRY(auto ledger, app::open_ledger(desk.context));
  desk.ledger.emplace(std::move(ledger));
  return {};
}
Result<void> open_with_firewall(const Global& global, Desk& desk) {
  IW_CHECK(open(global, desk));
  IW_CHECK(app::load_guardrails(desk.context));
  return app::open_firewall(desk.context);
}

std::string about(const store::Hunt& hunt) {
  return fmt::format("{} every {} s from {}{}", to_string(hunt.action), hunt.every.count(), printable(hunt.source, 80),
                     hunt.filter.empty() ? "" : ": " + printable(hunt.filter, 200));
}

int run_add(const Global& global, const Flags& flags) {
  // FQL is checked before anything else is touched, with its caret line.
  if (!flags.filter.empty()) {
    const auto filter = fql::read(flags.filter);
    if (!filter) return report_fault(global, flags.filter, filter.error());
    for (const auto& warning : filter->warnings) print_remark("warning", flags.filter, warning);
  }
  auto hunt = hunt_from(flags);
  if (!hunt) return report(global, hunt.error());
  Desk desk;
  if (auto ready = open(global, desk); !ready) return report(global, ready.error());
  const auto added = app::add_hunt(desk.context, *desk.ledger, *std::move(hunt));
  if (!added) return report(global, added.error());
  if (global.output() == Output::json) {
    print_json(app::to_json(*added));
  } else {
    std::fputs(fmt::format("hunt {}: {}\n`intelwall hunt run {}` runs it now; `intelwall hunt run --all --watch` keeps "
                           "the schedule\n",
                           added->name, about(*added), added->name)
                   .c_str(),
               stdout);
  }
  return done;
}

int run_list(const Global& global, const Flags&) {
  Desk desk;
  if (auto ready = open(global, desk); !ready) return report(global, ready.error());
  const auto hunts = desk.ledger->hunts();
  if (!hunts) return report(global, hunts.error());
  Json all = Json::array();
  std::string text;
  const auto now = desk.context.clock();
  for (const auto& hunt : *hunts) {
    const auto progress = desk.ledger->progress(hunt.id);
    if (!progress) return report(global, progress.error());
    const auto kept = desk.ledger->kept_count(hunt.id);
    if (!kept) return report(global, kept.error());
    auto json = app::to_json(hunt);
    json["kept"] = *kept;
    json["state"] = app::to_json(*progress, hunt, now);
    all.push_back(std::move(json));
    text += fmt::format("{:<24} {:>9} kept  next run {}  {}\n", hunt.name, *kept,
                        format_time(std::max(now, app::next_run(hunt, *progress, now))), about(hunt));
    if (!progress->last_error.empty())
      text += fmt::format("  failed {} times: {}\n", progress->failures, printable(progress->last_error, 300));
  }
  if (hunts->empty()) text = "there are no hunts yet: `intelwall hunt add --help`\n";
  if (global.output() == Output::json) {
    print_json({{"hunts", all}});
  } else {
    std::fputs(text.c_str(), stdout);
  }
  return done;
}

int run_show(const Global& global, const Flags& flags) {
  Desk desk;
  if (auto ready = open(global, desk); !ready) return report(global, ready.error());
  const auto hunt = desk.ledger->hunt(flags.name);
  if (!hunt && !flags.history) return report(global, hunt.error());
  if (flags.history) {
    const auto history = desk.ledger->history(flags.name, flags.show);
    if (!history) return report(global, history.error());
    if (!hunt && history->empty()) return report(global, hunt.error());
    Json gone = Json::array();
    for (const auto& each : *history) {
      gone.push_back(app::to_json(each));
      if (global.output() == Output::text)
        std::fputs(fmt::format("{:<40} {:<10} {} to {}  {}\n", each.domain, to_string(each.why),
                               format_time(each.since), format_time(each.until), printable(each.context, 80))
                       .c_str(),
                   stdout);
    }
    if (global.output() == Output::json) print_json({{"name", flags.name}, {"history", gone}});
    return done;
  }
  const auto progress = desk.ledger->progress(hunt->id);
  if (!progress) return report(global, progress.error());
  const auto count = desk.ledger->kept_count(hunt->id);
  if (!count) return report(global, count.error());
  const auto kept = desk.ledger->kept(hunt->id, flags.show);
  if (!kept) return report(global, kept.error());
  const auto now = desk.context.clock();
  auto json = app::to_json(*hunt);
  json["kept"] = *count;
  json["state"] = app::to_json(*progress, *hunt, now);
  json["domains"] = Json::array();
  for (const auto& each : *kept) json["domains"].push_back(app::to_json(each));
  if (global.output() == Output::json) {
    print_json(json);
    return done;
  }
  const auto time = [](Time at) { return at == Time{} ? std::string("never") : format_time(at); };
  auto text = fmt::format("hunt {}: {}\n  {} kept · last run {} · last full run {} · next run {}\n", hunt->name,
                          about(*hunt), *count, time(progress->last_run), time(progress->last_full),
                          format_time(std::max(now, app::next_run(*hunt, *progress, now))));
  if (!progress->last_error.empty()) text += fmt::format("  failed: {}\n", printable(progress->last_error, 400));
  for (const auto& each : *kept)
    text += fmt::format("  {:<40} {:<10} until {}  {}\n", each.domain, to_string(each.facts.confidence),
                        each.facts.expires == 0 ? "it is unlisted" : format_time(store::from_stamp(each.facts.expires)),
                        printable(each.context, 80));
  if (*count > kept->size()) text += fmt::format("  … and {} more (--show N)\n", *count - kept->size());
  std::fputs(text.c_str(), stdout);
  return done;
}

int run_run(const Global& global, const Flags& flags) {
  if (flags.name.empty() != flags.all)
    return report(global, {ErrorCode::usage, "name one hunt, or say --all", "hunt run", {}});
  if (flags.watch && flags.plan) return report(global, {ErrorCode::usage, "a plan is made once", "--plan", {}});
  Desk desk;
  if (auto ready = open_with_firewall(global, desk); !ready) return report(global, ready.error());
  app::RunRequest request;
  if (!flags.name.empty()) request.names = {flags.name};
  if (flags.full) request.reach = app::RunRequest::Reach::full;
  if (flags.plan) request.mode = app::Mode::plan;
  if (flags.watch) return watch_hunts(global, desk.context, *desk.ledger, request);
  const auto outcome = app::run_hunts(desk.context, *desk.ledger, request);
  if (!outcome) return report(global, outcome.error());
  return report_run(global, *outcome, request.mode);
}

/// Of two enforcement points, what one took stands, whatever the other did.
int report_sync(const app::SyncOutcome& sync) {
  const int first = report_enforcement(sync.enforcement);
  if (!sync.dns) return first;
  const int second = report_enforcement(sync.dns->enforcement);
  if (!sync.has_rules) return second;
  return first == done && second == done ? done : in_part;
}

int run_rm(const Global& global, const Flags& flags) {
  Desk desk;
  if (auto ready = open_with_firewall(global, desk); !ready) return report(global, ready.error());
  const auto sync = app::remove_hunt(desk.context, *desk.ledger, flags.name, app::Mode::write);
  if (!sync) return report(global, sync.error());
  if (global.output() == Output::json) {
    print_json({{"removed", flags.name}, {"sync", app::to_json(*sync)}});
  } else {
    std::fputs(fmt::format("hunt {} is gone; `intelwall hunt show {} --history` has what it kept\n{}", flags.name,
                           flags.name, app::to_text(*sync))
                   .c_str(),
               stdout);
  }
  return report_sync(*sync);
}

int run_preview(const Global& global, const Flags& flags) {
  store::Hunt hunt{.name = flags.name, .source = app::falcon_source, .filter = flags.filter};
  Desk desk;
  if (flags.name.empty() == flags.filter.empty())
    return report(global,
                  {ErrorCode::usage, "name a hunt, or give a filter", "hunt preview", "--fql \"type:'domain'\""});
  if (!flags.filter.empty()) {
    const auto filter = fql::read(flags.filter);
    if (!filter) return report_fault(global, flags.filter, filter.error());
    for (const auto& warning : filter->warnings) print_remark("warning", flags.filter, warning);
    if (auto ready = load_settings(global, desk.context); !ready) return report(global, ready.error());
  } else {
    if (auto ready = open(global, desk); !ready) return report(global, ready.error());
    const auto known = desk.ledger->hunt(flags.name);
    if (!known) return report(global, known.error());
    hunt = *known;
    if (!app::asks_falcon(hunt))
      return report(global, {ErrorCode::usage, "only what asks Falcon can be previewed", "hunt " + hunt.name,
                             "`intelwall hunt run " + hunt.name + " --plan` says what the list would change"});
  }
  const auto filter = app::filter_of(hunt);
  if (!filter) return report(global, filter.error());
  const auto client = app::open_falcon(desk.context);
  if (!client) return report(global, client.error());
  app::PreviewRequest request{.search = {.filter = *filter, .text = {}, .sort = "_marker|desc"}};
  request.search.limit = flags.show;
  const auto preview = app::preview(falcon::Intel(*client), request, desk.context.clock());
  if (!preview) return report(global, preview.error());
  if (global.output() == Output::json) {
    auto json = to_json(*preview);
    json["filter"] = filter->to_text(desk.context.clock());
    print_json(json);
  } else {
    print(*preview);
  }
  return done;
}

}  // namespace

int report_run(const Global& global, const app::RunOutcome& outcome, app::Mode mode) {
  auto plan = outcome.sync.enforcement.plan;
  if (outcome.sync.dns) std::ranges::copy(outcome.sync.dns->enforcement.plan.steps, std::back_inserter(plan.steps));
  if (global.output() == Output::json) {
    print_json(app::to_json(outcome));
  } else {
    for (const auto& hunt : outcome.hunts)
      if (!hunt.failure) std::fputs(app::to_text(hunt).c_str(), stdout);
    if (!outcome.sync_failure) std::fputs(app::to_text(outcome.sync).c_str(), stdout);
    if (mode == app::Mode::plan && !outcome.sync_failure && !(outcome.sync.unchanged && plan.empty()))
      std::fputs(app::to_text(plan).c_str(), stdout);
  }
  std::size_t failures = 0;
  for (const auto& hunt : outcome.hunts) {
    if (!hunt.failure) continue;
    ++failures;
    std::fputs(fmt::format("intelwall: hunt {}: {}\n", hunt.hunt, hunt.failure->to_text()).c_str(), stderr);
  }
  if (outcome.sync_failure) {
    std::fputs(fmt::format("intelwall: {}\n", outcome.sync_failure->to_text()).c_str(), stderr);
    return failed;
  }
  if (const int code = report_sync(outcome.sync); code != done) return code;
  if (failures > 0) return failures == outcome.hunts.size() ? failed : in_part;
  return mode == app::Mode::plan && !plan.empty() ? changes : done;
}

void add_hunt_commands(CLI::App& root, Global& global, Action& action) {
  auto* hunt = add_command(root, "hunt", "Keep the firewall watching for the domains of a query or a list",
                           "  intelwall hunt preview --fql \"targets:'Technology'+malicious_confidence:'high'\"\n"
                           "  intelwall hunt add apt --fql \"targets:'Technology'+malicious_confidence:'high'\"\n"
                           "  intelwall hunt run apt\n"
                           "  intelwall hunt run --all --watch                 keeps the schedule, for a service\n"
                           "  intelwall hunt show apt --history                what it kept once, and why not now");
  hunt->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  const auto add = [&](const std::string& name, const std::string& description, const std::string& examples,
                       int (*run)(const Global&, const Flags&)) {
    auto* command = add_command(*hunt, name, description, examples);
    command->callback(
        [&global, &action, flags, run] { action = [&global, flags, run] { return run(global, *flags); }; });
    return command;
  };

  auto* adding = add("add", "Add a hunt; nothing is asked of its source before the first run",
                     "  intelwall hunt add apt --fql \"type:'domain'+last_updated:>'{now-30d}'\" --every 15m\n"
                     "  intelwall hunt add feed --source https://lists.example/bad.txt.gz --action drop\n"
                     "\nAn action of drop or reject blocks without asking anybody; alert only tells.",
                     run_add);
  adding->add_option("NAME", flags->name, "a-z, 0-9 and -")->required();
  adding->add_option("--fql", flags->filter, "which indicators of Falcon; without a type, domains");
  adding->add_option("--source", flags->source, "falcon, a file or an https URL of a list")->capture_default_str();
  adding->add_option("--every", flags->every, "between two runs")->capture_default_str();
  adding->add_option("--full-every", flags->full_every, "between two that see what stopped matching")
      ->capture_default_str();
  adding->add_option("--action", flags->action, "alert, drop or reject")->capture_default_str();
  adding->add_option("--protocols", flags->protocols, "any of tls, http, dns")->capture_default_str();
  adding->add_option("--limit", flags->limit, "at most so many domains, the surest and newest (0: all)");
  adding->add_option("--min-confidence", flags->min_confidence, "high, medium, low or unverified")
      ->capture_default_str();
  adding->add_option("--exclude", flags->exclude, "domain types to leave out, or none")
      ->delimiter(',')
      ->capture_default_str();
  adding
      ->add_option("--expires", flags->expires,
                   "after the last update: auto (high 60d, medium 120d, low 180d, unverified 30d), a lifetime, never")
      ->capture_default_str();

  add("list", "All hunts with what they keep and when they run next", "  intelwall hunt list --json", run_list);

  auto* show = add("show", "One hunt, its state and what it keeps",
                   "  intelwall hunt show apt --show 100\n"
                   "  intelwall hunt show apt --history --json",
                   run_show);
  show->add_option("NAME", flags->name)->required();
  show->add_option("--show", flags->show, "how many domains")->capture_default_str();
  show->add_flag("--history", flags->history, "what left, when and why: revoked, unlisted, expired, unwanted, refused");

  auto* run = add("run", "Ask the source now and bring the firewall up to date",
                  "  intelwall hunt run apt --full\n"
                  "  intelwall hunt run --all --watch\n"
                  "  intelwall hunt run apt --max-removals 1          once, when a feed really did shrink\n"
                  "\nExit code 3 when some hunts failed and others ran, 1 when none did; what is live stays.",
                  run_run);
  run->add_option("NAME", flags->name);
  run->add_flag("--all", flags->all, "every hunt");
  run->add_flag("--watch", flags->watch, "stay, and run each hunt when it is due");
  run->add_flag("--full", flags->full, "see also what stopped matching");
  run->add_flag("--plan", flags->plan, "say what would be written to the firewall; the ledger moves on nevertheless");

  add("rm", "Remove a hunt: its domains leave the firewall and stay in the history", "  intelwall hunt rm apt", run_rm)
      ->add_option("NAME", flags->name)
      ->required();

  auto* preview = add("preview", "Count, newest indicators and facets of a query",
                      "  intelwall hunt preview --fql \"actors:'FANCYBEAR'\" --show 5", run_preview);
  preview->add_option("NAME", flags->name, "a hunt");
  preview->add_option("--fql", flags->filter, "a filter that is no hunt yet");
  preview->add_option("--show", flags->show, "how many indicators")->capture_default_str();
}

}  // namespace intelwall::cli
