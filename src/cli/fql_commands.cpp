#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/report.hpp"
#include "cli/command.hpp"
#include "cli/fql_report.hpp"
#include "intel/fql.hpp"
#include "intel/fql_lines.hpp"
#include "intel/fql_moment.hpp"

namespace intelwall::cli {

namespace {

struct Flags {
  std::string filter;
  std::string file;
  std::string now;
  std::string old_date = "30d";
};

/// What the flags say, besides the filter itself.
struct Terms {
  Time now;
  fql::ParseOptions options;
};

Result<Time> parse_now(const std::string& text) {
  if (text.empty()) return system_now();
  if (const auto moment = fql::parse_moment(text)) return Time{std::chrono::seconds{moment->first.seconds}};
  std::int64_t seconds = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr std::int64_t year_9999 = 253'402'300'799;
  if (fault == std::errc{} && end == text.data() + text.size() && seconds >= 0 && seconds <= year_9999)
    return Time{std::chrono::seconds{seconds}};
  return fail(ErrorCode::usage, fmt::format("'{}' is no time", printable(text, 60)), "--now",
              "write 2026-11-24T14:03:04Z, 2026-11-24 or seconds since 1970");
}

Result<Terms> read_terms(const Flags& flags) {
  IW_TRY(const Time now, parse_now(flags.now));
  IW_TRY(const auto options, parse_old_date(flags.old_date));
  return Terms{.now = now, .options = options};
}

nlohmann::json to_json(const std::vector<fql::Remark>& warnings) {
  auto list = nlohmann::json::array();
  for (const auto& each : warnings)
    list.push_back({{"column", each.column}, {"message", each.message}, {"hint", each.hint}});
  return list;
}

nlohmann::json to_json(const fql::Expression& expression) {
  if (expression.kind != fql::Expression::Kind::condition) {
    auto parts = nlohmann::json::array();
    for (const auto& part : expression.parts) parts.push_back(to_json(part));
    return {{expression.kind == fql::Expression::Kind::all ? "all" : "any", std::move(parts)}};
  }
  const fql::Filter alone{.root = expression, .warnings = {}};
  return {{"condition", alone.to_text()}};
}

int run_check(const Global& global, const Flags& flags) {
  const auto terms = read_terms(flags);
  if (!terms) return report(global, terms.error());
  const auto filter = fql::read(flags.filter, terms->options);
  if (!filter) return report_fault(global, flags.filter, filter.error());
  for (const auto& warning : filter->warnings) print_remark("warning", flags.filter, warning);
  if (global.output() == Output::json) {
    print_json({{"ok", true},
                {"canonical", filter->to_text()},
                {"resolved", filter->to_text(terms->now)},
                {"warnings", to_json(filter->warnings)}});
  } else {
    std::fputs((filter->to_text() + "\n").c_str(), stdout);
  }
  return done;
}

int run_explain(const Global& global, const Flags& flags) {
  const auto terms = read_terms(flags);
  if (!terms) return report(global, terms.error());
  const auto filter = fql::read(flags.filter, terms->options);
  if (!filter) return report_fault(global, flags.filter, filter.error());
  for (const auto& warning : filter->warnings) print_remark("warning", flags.filter, warning);
  const auto words = fql::explain(*filter, terms->now);
  if (global.output() == Output::json) {
    print_json({{"words", words},
                {"tree", to_json(filter->root)},
                {"canonical", filter->to_text()},
                {"resolved", filter->to_text(terms->now)},
                {"warnings", to_json(filter->warnings)}});
  } else {
    std::fputs(words.c_str(), stdout);
  }
  return done;
}

int run_eval(const Global& global, const Flags& flags) {
  constexpr std::uint64_t most_told = 20;
  const auto terms = read_terms(flags);
  if (!terms) return report(global, terms.error());
  const auto filter = fql::read(flags.filter, terms->options);
  if (!filter) return report_fault(global, flags.filter, filter.error());
  const auto file = intel::open_unpacked(flags.file);
  if (!file) return report(global, file.error());

  for (const auto& warning : filter->warnings) print_remark("warning", flags.filter, warning);
  fql::Matcher matcher(*filter, terms->now);
  std::uint64_t refused = 0;
  const auto take = [](std::string_view line) {
    const bool written = std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::putchar('\n') != EOF;
    return written ? fql::Next::go_on : fql::Next::stop;
  };
  const auto refuse = [&](std::uint64_t number, const std::string& reason) {
    if (++refused <= most_told)
      std::fputs(fmt::format("intelwall: {}:{}: {}\n", printable(file->name), number, reason).c_str(), stderr);
  };
  const auto outcome = fql::match_lines(*file->bytes, matcher, take, refuse);
  if (refused > most_told)
    std::fputs(
        fmt::format("intelwall: {}: {} more lines could not be read\n", printable(file->name), refused - most_told)
            .c_str(),
        stderr);
  if (!outcome) return report(global, outcome.error());
  if (outcome->unreadable == 0) return done;
  return outcome->objects == 0 ? failed : in_part;
}

}  // namespace

void print_remark(std::string_view kind, const std::string& filter, const fql::Remark& remark) {
  std::fputs(fmt::format("{}: FQL column {}: {}{}\n{}", kind, remark.column, remark.message,
                         remark.hint.empty() ? "" : " (" + remark.hint + ")", fql::caret_lines(filter, remark.column))
                 .c_str(),
             stderr);
}

int report_fault(const Global& global, const std::string& filter, const fql::Remark& fault) {
  print_remark("intelwall", filter, fault);
  if (global.output() == Output::json) {
    const Error error{ErrorCode::invalid_input, fault.message, fmt::format("FQL column {}", fault.column), fault.hint};
    print_json({{"ok", false}, {"column", fault.column}, {"error", app::to_json(error)}});
  }
  return failed;
}

Result<fql::ParseOptions> parse_old_date(const std::string& text) {
  const auto age = parse_lifetime(text);
  if (age && *age) return fql::ParseOptions{.old_date = **age};
  return fail(ErrorCode::usage, fmt::format("'{}' is no age", printable(text, 60)), "--old-date",
              "write a number and s, m, h, d or w, as in 30d");
}

void add_fql_commands(CLI::App& root, Global& global, Action& action) {
  auto* fql = add_command(root, "fql", "Check, explain and try filters in the Falcon Query Language",
                          "  intelwall fql check \"type:'domain'+malicious_confidence:'high'\"\n"
                          "  intelwall fql explain \"type:'domain',type:'url'+deleted:false\"\n"
                          "  intelwall fql eval \"targets:'Technology'+last_updated:>'now-30d'\" indicators.jsonl");
  fql->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  const auto add = [&](const std::string& name, const std::string& description, const std::string& examples,
                       int (*run)(const Global&, const Flags&)) {
    auto* command = add_command(*fql, name, description, examples);
    command->add_option("FQL", flags->filter, "the filter; quotes round the whole of it are taken off")->required();
    command->add_option("--now", flags->now, "what relative dates count from (the present)");
    command->add_option("--old-date", flags->old_date, "how long ago {old_date} is")->capture_default_str();
    command->callback(
        [&global, &action, flags, run] { action = [&global, flags, run] { return run(global, *flags); }; });
    return command;
  };
  add("check", "Say whether a filter is FQL, and print it in its canonical form",
      "  intelwall fql check \"type:'domain' AND deleted:false\"      says where and why not", run_check);
  add("explain", "A filter in words, with what is probably not meant",
      "  intelwall fql explain \"status:'new'+severity_name:'High',severity_name:'Critical'\"", run_explain);
  add("eval", "Print the lines of a file of JSON objects that a filter matches",
      "  intelwall fql eval \"type:'domain'\" indicators.jsonl.zst\n"
      "  intelwall fql eval \"published_date:>'{now-7d}'\" - --now 2026-11-24 < indicators.jsonl\n"
      "\nLines stay as they are. Exit code 3 when some lines could not be read, 1 when none could.",
      run_eval)
      ->add_option("FILE", flags->file, "JSON lines, plain, .gz or .zst; - for standard input")
      ->required();
}

}  // namespace intelwall::cli
