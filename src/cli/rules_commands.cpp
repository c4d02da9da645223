#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/compile_lists.hpp"
#include "app/report.hpp"
#include "cli/command.hpp"
#include "cli/progress_line.hpp"
#include "intel/line_reader.hpp"

namespace intelwall::cli {

namespace {

using Json = nlohmann::json;

void show(ProgressLine& line, const app::ReadProgress& progress) {
  line.show([&] {
    std::string bar;
    if (progress.size > 0) {
      constexpr std::uint64_t width = 30;
      const auto filled = std::min(width, width * progress.consumed / progress.size);
      bar = fmt::format("[{:<{}}] {:>3} %  ", std::string(filled, '#'), width, 100 * progress.consumed / progress.size);
    }
    return fmt::format("{}{} domains", bar, progress.domains);
  });
}

void print_refused(const intel::ListReport& read) {
  constexpr std::size_t most = 20;
  for (std::size_t i = 0; i < std::min(most, read.refused.size()); ++i) {
    const auto& each = read.refused[i];
    std::fputs(fmt::format("intelwall: {}:{}: {}\n", printable(each.file), each.line, each.reason).c_str(), stderr);
  }
  if (read.refused_count > most)
    std::fputs(fmt::format("intelwall: {} more are refused\n", read.refused_count - most).c_str(), stderr);
}

struct CompileFlags {
  app::CompileListsRequest request;
  std::string format = "packed";
  std::string max_errors = "1%";
  std::string label = "list";
  std::vector<std::string> variables;
  bool no_jit = false;
};

Result<void> read_flags(const Global& global, CompileFlags& flags) {
  auto& options = flags.request.options;
  const auto named = [](auto result, const char* flag) {
    if (!result) {
      result.error().code = ErrorCode::usage;
      if (result.error().place.empty()) result.error().place = flag;
    }
    return result;
  };
  app::Context context;
  IW_CHECK(load_settings(global, context));
  options.action = context.settings.action;
  options.protocols = context.settings.protocols;
  IW_TRY(options.format, named(rules::parse_compile_format(flags.format), "--format"));
  IW_TRY(flags.request.max_errors, app::parse_error_limit(flags.max_errors));
  options.label = RuleText(flags.label);
  if (flags.no_jit) options.jit = rules::Jit::off;
  for (const auto& variable : flags.variables) {
    const auto equals = variable.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorCode::usage, fmt::format("'{}' sets no variable", printable(variable, 60)), "--variable",
                  "write HOME_NET=10.0.0.0/8");
    options.variables[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  return {};
}

void print_compiled(const app::CompileListsOutcome& outcome, const app::CompileListsRequest& request) {
  const auto& compiled = *outcome.compiled;
  std::fputs(fmt::format("{} domains: {} kept, {} covered by a parent, {} twice, {} left out, {} refused\n"
                         "{} rules of capacity {} in {} groups, {:.1f} MB: {}\n",
                         outcome.read.taken, compiled.kept, compiled.covered, compiled.duplicates,
                         compiled.left_out.size(), outcome.read.refused_count, compiled.rules, compiled.capacity,
                         compiled.groups.size(), static_cast<double>(compiled.bytes) / 1e6, request.output.native())
                 .c_str(),
             stdout);
  if (!request.previous) return;
  std::fputs(fmt::format("{} rules and {} whole groups are as in {}\n", compiled.kept_rules, compiled.kept_groups,
                         request.previous->native())
                 .c_str(),
             stdout);
}

int run_compile(const Global& global, CompileFlags flags) {
  if (auto read = read_flags(global, flags); !read) return report(global, read.error());
  ProgressLine line;
  const auto outcome = app::compile_lists(flags.request, [&line](const app::ReadProgress& progress) {
    if (progress.size > 0 && progress.consumed >= progress.size) return line.show_now("compiling");
    show(line, progress);
  });
  line.clear();
  print_refused(outcome.read);
  if (outcome.failure) {
    if (global.output() != Output::json) return report(global, *outcome.failure);
    Global text = global;
    text.json = false;
    const int code = report(text, *outcome.failure);
    auto json = app::manifest_of(flags.request, outcome);
    json["error"] = app::to_json(*outcome.failure);
    print_json(json);
    return code;
  }
  if (global.output() == Output::json) {
    print_json(app::manifest_of(flags.request, outcome));
  } else {
    print_compiled(outcome, flags.request);
  }
  if (outcome.compiled->left_out.empty()) return done;
  std::fputs(fmt::format("intelwall: {} domains do not fit the budget; manifest.json names them\n",
                         outcome.compiled->left_out.size())
                 .c_str(),
             stderr);
  return in_part;
}

int run_match(const Global& global, const std::vector<std::string>& files, const intel::ListOptions& options) {
  if (std::ranges::find(files, "-") != files.end())
    return report(global,
                  Error{ErrorCode::usage, "names come from standard input, so the list cannot", "FILE", "name a file"});
  intel::ListReport read;
  ProgressLine line;
  const auto set =
      app::read_set(files, options, read, [&line](const app::ReadProgress& progress) { show(line, progress); });
  line.clear();
  print_refused(read);
  if (!set) return report(global, set.error());

  auto input = intel::open_unpacked("-");
  if (!input) return report(global, input.error());
  intel::LineReader lines(*input->bytes);
  std::uint64_t no_names = 0;
  std::uint64_t names = 0;
  Json hits = Json::array();
  std::string out;
  for (;;) {
    const auto next = lines.next();
    if (!next) return report(global, next.error());
    if (!*next) break;
    const auto begin = (*next)->text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) continue;
    const std::string_view text = (*next)->text.substr(begin, (*next)->text.find_last_not_of(" \t") - begin + 1);
    const auto name = parse_domain(text);
    ++names;
    if (!name || (*next)->too_long) {
      ++no_names;
      continue;
    }
    const auto match = set->find(name->name);
    if (!match) continue;
    if (global.output() == Output::json) {
      hits.push_back({{"name", text}, {"entry", match->name}, {"scope", to_string(match->scope)}});
      continue;
    }
    fmt::format_to(std::back_inserter(out), "{}\t{}\n", text, match->name);
    if (out.size() < 65'536 && ::isatty(STDOUT_FILENO) != 1) continue;
    std::fwrite(out.data(), 1, out.size(), stdout);
    out.clear();
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  if (global.output() == Output::json) print_json({{"names", names}, {"no_names", no_names}, {"hits", hits}});
  if (no_names > 0) std::fputs(fmt::format("intelwall: {} lines are no names\n", no_names).c_str(), stderr);
  return done;
}

int run_decompile(const Global& global, const std::string& directory) {
  const auto read = app::decompile_directory(directory);
  if (!read) return report(global, read.error());
  const auto& domains = read->domains;
  if (global.output() == Output::json) {
    Json all = Json::array();
    for (std::size_t i = 0; i < domains.size(); ++i)
      all.push_back({{"domain", domains.name(i)}, {"scope", to_string(domains.scope(i))}});
    print_json({{"format", rules::to_string(read->format)}, {"domains", std::move(all)}});
    return done;
  }
  std::string out;
  for (std::size_t i = 0; i < domains.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}\t{}\n", domains.name(i), to_string(domains.scope(i)));
  std::fwrite(out.data(), 1, out.size(), stdout);
  return done;
}

int run_diff(const Global& global, const std::string& before, const std::string& after) {
  const auto old_set = app::decompile_directory(before);
  if (!old_set) return report(global, old_set.error());
  const auto new_set = app::decompile_directory(after);
  if (!new_set) return report(global, new_set.error());
  const auto& a = old_set->domains;
  const auto& b = new_set->domains;
  Json added = Json::array();
  Json removed = Json::array();
  std::string out;
  const auto tell = [&](const rules::DomainTable& table, std::size_t i, char sign) {
    fmt::format_to(std::back_inserter(out), "{} {}\t{}\n", sign, table.name(i), to_string(table.scope(i)));
    if (global.output() == Output::json)
      (sign == '+' ? added : removed).push_back({{"domain", table.name(i)}, {"scope", to_string(table.scope(i))}});
  };
  // Both are sorted by name, with each name once.
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    const int order = i == a.size() ? 1 : j == b.size() ? -1 : a.name(i).compare(b.name(j));
    const bool differ = order != 0 || a.scope(i) != b.scope(j);
    if (order <= 0 && differ) tell(a, i, '-');
    if (order >= 0 && differ) tell(b, j, '+');
    if (order <= 0) ++i;
    if (order >= 0) ++j;
  }
  if (global.output() == Output::json) {
    print_json({{"added", added}, {"removed", removed}});
  } else {
    std::fwrite(out.data(), 1, out.size(), stdout);
  }
  return done;
}

void add_compile(CLI::App& rules, Global& global, Action& action) {
  auto flags = std::make_shared<CompileFlags>();
  auto& request = flags->request;
  const CLI::Range positive(std::size_t{1}, std::numeric_limits<std::size_t>::max() / 2, "POSITIVE");
  auto* command = add_command(
      rules, "compile", "Write a list of domains as rules that fit a firewall policy",
      "  intelwall rules compile feed.txt.zst -o rules           a million domains in one policy\n"
      "  intelwall rules compile hosts.txt feed.csv --column domain -o rules --action alert --json\n"
      "  intelwall intel pull FQL -o - | intelwall rules compile - -o rules --format dataset\n"
      "\nReads a name a line, hosts files, .csv, .tsv and .jsonl, each also packed as .gz or .zst. FILE.rules and\n"
      "manifest.json are replaced as a whole. Exit code 3: some domains do not fit the budget.");
  command->add_option("FILE", request.files, "lists, or - for standard input")->required();
  command->add_option("-o,--output", request.output, "the folder for the rules")->required();
  command->add_option("--format", flags->format, "packed, suricata, domain-list or dataset (packed)");
  add_setting(*command, global, "action");
  add_setting(*command, global, "protocols");
  command->add_option("--max-rules", request.options.max_rules, "capacity units of all groups together (30000)")
      ->check(positive);
  command->add_option("--max-groups", request.options.max_groups, "rule groups (20)")->check(positive);
  command->add_option("--max-group-bytes", request.options.max_group_bytes, "bytes of a group (2000000)")
      ->check(positive);
  command->add_option("--max-errors", flags->max_errors, "refused names that are too many: a share or a number (1%)");
  command->add_option("--column", request.list.column, "of tables: a number from 1, or a name in the header (1)");
  command->add_option("--previous", request.previous,
                      "the folder of an earlier run, whose groups and cuts stay where they fit");
  command->add_option("--prior", request.prior, "popular names, the most popular first (those shipped)");
  command->add_option("--source", request.options.source, "where flows come from ($HOME_NET)");
  command->add_option("--variable", flags->variables, "a variable of the rules, as in HOME_NET=10.0.0.0/8");
  command->add_option("--label", flags->label, "the word for this list in every rule's message (list)");
  command->add_flag("--no-jit", flags->no_jit, "ask the engine not to compile regexes: loads in half the time");
  command->callback([&global, &action, flags] { action = [&global, flags] { return run_compile(global, *flags); }; });
}

}  // namespace

void add_rules_commands(CLI::App& root, Global& global, Action& action) {
  auto* rules = root.add_subcommand("rules", "Compile lists of domains into rules, and read them back");
  rules->require_subcommand(1);
  rules->fallthrough();
  add_compile(*rules, global, action);

  struct Flags {
    std::vector<std::string> files;
    intel::ListOptions list;
  };
  auto match = std::make_shared<Flags>();
  auto* match_command =
      add_command(*rules, "match", "Say which entry of a list covers each name on standard input",
                  "  cut -f1 dns.log | intelwall rules match feed.txt.zst     name TAB entry, a line per hit");
  match_command->add_option("FILE", match->files, "lists")->required();
  match_command->add_option("--column", match->list.column, "of tables: a number from 1, or a name in the header (1)");
  match_command->callback([&global, &action, match] {
    action = [&global, match] { return run_match(global, match->files, match->list); };
  });

  auto folders = std::make_shared<std::pair<std::string, std::string>>();
  auto* decompile = add_command(*rules, "decompile", "Give the set of domains that rules enforce, from the rules alone",
                                "  intelwall rules decompile rules                  domain TAB scope, a line each");
  decompile->add_option("DIR", folders->first, "a folder that `rules compile` wrote")->required();
  decompile->callback(
      [&global, &action, folders] { action = [&global, folders] { return run_decompile(global, folders->first); }; });

  auto* diff = add_command(*rules, "diff", "Tell in names what changed between two folders of rules",
                           "  intelwall rules diff rules.old rules             - domain TAB scope, + domain TAB scope");
  diff->add_option("BEFORE", folders->first, "a folder that `rules compile` wrote")->required();
  diff->add_option("AFTER", folders->second, "another")->required();
  diff->callback([&global, &action, folders] {
    action = [&global, folders] { return run_diff(global, folders->first, folders->second); };
  });
}

}  // namespace intelwall::cli
