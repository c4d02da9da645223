#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/falcon.hpp"
#include "app/feed.hpp"
#include "app/intel.hpp"
#include "aws/json_text.hpp"
#include "cli/command.hpp"
#include "cli/fql_report.hpp"
#include "cli/preview_report.hpp"
#include "cli/progress_line.hpp"

namespace intelwall::cli {

namespace {

using Json = nlohmann::json;

struct Flags {
  std::string filter;
  std::string old_date = "30d";
  // search
  std::string text;
  std::string sort = "_marker|desc";
  std::size_t limit = 10;
  std::size_t sample = 10'000;
  // pull
  std::string output;
  std::size_t page_size = 5'000;
  bool without_relations = false;
  bool anew = false;
};

/// The filter, or the exit code after it was told what is wrong: no call has been made then.
std::expected<fql::Filter, int> read_filter(const Global& global, const Flags& flags) {
  const auto options = parse_old_date(flags.old_date);
  if (!options) return std::unexpected(report(global, options.error()));
  auto filter = fql::read(flags.filter, *options);
  if (!filter) return std::unexpected(report_fault(global, flags.filter, filter.error()));
  for (const auto& warning : filter->warnings) print_remark("warning", flags.filter, warning);
  return *std::move(filter);
}

int run_search(const Global& global, const Flags& flags) {
  const auto filter = read_filter(global, flags);
  if (!filter) return filter.error();
  app::Context context;
  const auto client = app::open_falcon(context);
  if (!client) return report(global, client.error());
  app::PreviewRequest request{.search = {.filter = *filter, .text = flags.text, .sort = flags.sort},
                              .sample = flags.sample};
  request.search.limit = flags.limit;
  request.search.deleted = falcon::deleted_as_asked(*filter);
  const auto preview = app::preview(falcon::Intel(*client), request, context.clock());
  if (!preview) return report(global, preview.error());
  if (global.output() == Output::json) {
    auto json = to_json(*preview);
    json["filter"] = filter->to_text(context.clock());
    print_json(json);
  } else {
    print(*preview);
  }
  return done;
}

int report_unreadable(std::uint64_t count, const std::string& reason) {
  if (count == 0) return done;
  std::fputs(
      fmt::format("intelwall: {} of what Falcon sent are no indicators; of the first: {}\n", count, reason).c_str(),
      stderr);
  return in_part;
}

int pull_to_stdout(const Global& global, const Flags& flags, const falcon::Intel& intel, const fql::Filter& filter) {
  const falcon::IndicatorQuery query{.filter = filter,
                                     .deleted = falcon::deleted_as_asked(filter),
                                     .relations = flags.without_relations ? falcon::IndicatorQuery::Relations::without
                                                                          : falcon::IndicatorQuery::Relations::included,
                                     .page_size = flags.page_size};
  const auto outcome = intel.pull(query, {}, [](const falcon::PulledPage& page) -> Result<void> {
    for (const auto line : page.lines) {
      if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::putchar('\n') == EOF)
        return fail(ErrorCode::system, "cannot be written", "standard output", "is the disk full, or the reader gone?");
    }
    return {};
  });
  if (!outcome) {
    Global text = global;  // lines of a pull are on stdout already
    text.json = false;
    return report(text, outcome.error());
  }
  return report_unreadable(outcome->unreadable, outcome->unreadable_reason);
}

int run_pull(const Global& global, const Flags& flags) {
  const auto filter = read_filter(global, flags);
  if (!filter) return filter.error();
  app::Context context;
  const auto client = app::open_falcon(context);
  if (!client) return report(global, client.error());
  const falcon::Intel intel(*client);
  if (flags.output == "-") return pull_to_stdout(global, flags, intel, *filter);
  app::PullRequest request{.filter = *filter, .output = flags.output, .page_size = flags.page_size};
  if (flags.without_relations) request.relations = falcon::IndicatorQuery::Relations::without;
  if (flags.anew) request.start = app::PullRequest::Start::anew;
  ProgressLine line;
  const auto outcome =
      app::pull_to_file(intel, request, context.clock(), [&](std::uint64_t written, std::uint64_t expected) {
        line.show([&] {
          return expected > 0 ? fmt::format("{} of {} indicators", written, expected)
                              : fmt::format("{} indicators", written);
        });
      });
  line.clear();
  if (!outcome) return report(global, outcome.error());
  if (global.output() == Output::json) {
    print_json({{"file", flags.output},
                {"written", outcome->written},
                {"resumed", outcome->resumed},
                {"unreadable", outcome->unreadable}});
  } else {
    std::fputs(
        fmt::format(
            "{} indicators in {}{}\n", outcome->written, printable(flags.output, 300),
            outcome->resumed > 0 ? fmt::format(", {} of them from a pull that had broken off", outcome->resumed) : "")
            .c_str(),
        stdout);
  }
  return report_unreadable(outcome->unreadable, outcome->unreadable_reason);
}

struct FeedFlags {
  app::FeedRequest request;
  std::string confidence = "medium";
};

int run_feed(const Global& global, const FeedFlags& flags) {
  constexpr std::size_t most_told = 20;
  app::Context context;
  app::FeedRequest request = flags.request;
  request.options.confidence = intel::confidence_named(flags.confidence);
  if (request.options.source.empty()) request.options.source = "feed";
  const auto outcome = app::convert_feed(context, request);
  if (!outcome) return report(global, outcome.error());
  const auto& read = outcome->read;
  for (std::size_t i = 0; i < std::min(most_told, read.refused.size()); ++i) {
    const auto& each = read.refused[i];
    const std::string line = each.line > 0 ? fmt::format(":{}", each.line) : "";
    std::fputs(fmt::format("intelwall: {}{}: {}\n", printable(each.file, 300), line, each.reason).c_str(), stderr);
  }
  if (read.refused_count > most_told)
    std::fputs(fmt::format("intelwall: and {} more\n", read.refused_count - most_told).c_str(), stderr);
  if (global.output() == Output::json) {
    print_json({{"file", request.output.string()},
                {"unchanged", outcome->is_unchanged},
                {"taken", read.taken},
                {"passed_over", read.passed_over},
                {"refused", read.refused_count}});
  } else if (outcome->is_unchanged) {
    std::fputs("the feed has not changed\n", stdout);
  } else {
    std::fputs(fmt::format("{} indicators in {}, {} passed over, {} refused\n", read.taken,
                           printable(request.output.string(), 300), read.passed_over, read.refused_count)
                   .c_str(),
               stdout);
  }
  return read.refused_count > 0 ? in_part : done;
}

}  // namespace

void add_intel_commands(CLI::App& root, Global& global, Action& action) {
  auto* intel =
      add_command(root, "intel", "Look at and fetch Falcon Intel's indicators by a filter",
                  "  intelwall intel search \"type:'domain'+malicious_confidence:'high'+targets:'Technology'\"\n"
                  "  intelwall intel pull \"type:'domain'+last_updated:>'now-30d'\" -o indicators.jsonl\n"
                  "\nThe keys are in FALCON_CLIENT_ID and FALCON_CLIENT_SECRET, of an API client with the scope\n"
                  "\"Indicators (Falcon Intelligence): Read\"; the cloud in FALCON_CLOUD (us-1, us-2, eu-1, …).");
  intel->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  const auto add = [&](const std::string& name, const std::string& description, const std::string& examples,
                       int (*run)(const Global&, const Flags&)) {
    auto* command = add_command(*intel, name, description, examples);
    command->add_option("FQL", flags->filter, "the filter (docs/fql.md); `fql check` and `fql explain` help")
        ->required();
    command->add_option("--old-date", flags->old_date, "how long ago {old_date} is")->capture_default_str();
    command->callback(
        [&global, &action, flags, run] { action = [&global, flags, run] { return run(global, *flags); }; });
    return command;
  };
  auto* search =
      add("search", "How many indicators a filter finds, the first of them, and what they are",
          "  intelwall intel search \"actors:'SALTYSPIDER'\"\n"
          "  intelwall intel search \"type:'domain'\" --text login --sort \"published_date|asc\" --limit 50\n"
          "  intelwall intel search \"type:'domain'\" --json | jq .facets.actors\n",
          run_search);
  search->add_option("--text", flags->text, "keep only those with this text anywhere in them");
  search->add_option("--sort", flags->sort, "PROPERTY|asc or PROPERTY|desc")->capture_default_str();
  search->add_option("--limit", flags->limit, "how many to show")->capture_default_str()->check(CLI::Range(1, 10'000));
  search->add_option("--sample", flags->sample, "count facets over this many at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 49'999));
  auto* pull =
      add("pull", "Write all indicators that a filter finds to a file, a line each as Falcon gives them",
          "  intelwall intel pull \"malicious_confidence:'high'\" -o high.jsonl\n"
          "  intelwall intel pull \"deleted:true\" -o gone.jsonl       deleted ones come only where the filter asks\n"
          "  intelwall intel pull \"type:'domain'\" -o - | intelwall rules compile - -o groups\n"
          "\nThe file is there when it is whole. After a failure, the same command goes on where it broke off.",
          run_pull);
  pull->add_option("-o,--output", flags->output, "the file, or - for standard output")->required();
  pull->add_option("--page-size", flags->page_size, "indicators a call")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  pull->add_flag("--without-relations", flags->without_relations, "leave out what indicators are related to");
  pull->add_flag("--anew", flags->anew, "begin at the beginning also after a pull that broke off");
  auto feed = std::make_shared<FeedFlags>();
  auto* convert = add_command(
      *intel, "feed", "Turn a feed beside Falcon into indicators, a line each as Falcon gives them",
      "  intelwall intel feed https://feeds.example/bundle.json --source partner -o partner.jsonl\n"
      "  intelwall intel feed misp-export.json --confidence high -o misp.jsonl\n"
      "  intelwall intel feed names.csv.gz -o names.jsonl && intelwall fql eval \"type:'domain'\" names.jsonl\n"
      "\nLists of names, hosts, CSV, TSV, JSON lines, STIX 2 bundles and MISP exports, known by their content.\n"
      "A feed at a URL is fetched only when it has changed. Exit code 3 when some entries cannot be used.");
  convert->add_option("FEED", feed->request.place, "a file, - for standard input, or an https address")->required();
  convert->add_option("-o,--output", feed->request.output, "the file")->required();
  convert->add_option("--source", feed->request.options.source, "what to call it in each indicator (feed)");
  convert->add_option("--confidence", feed->confidence, "of entries that say nothing about it")
      ->capture_default_str()
      ->check(CLI::IsMember({"high", "medium", "low", "unverified"}));
  convert->add_option("--column", feed->request.options.list.column, "of a table: its number or its name");
  convert->callback([&global, &action, feed] { action = [&global, feed] { return run_feed(global, *feed); }; });
}

}  // namespace intelwall::cli
