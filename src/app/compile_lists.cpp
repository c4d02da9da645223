#include "app/compile_lists.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <system_error>

#include "os/directory.hpp"
#include "os/file.hpp"

namespace intelwall::app {
namespace {

using Json = nlohmann::json;

constexpr std::string_view manifest_name = "manifest.json";

/// 001.rules, 001.json, a dataset's .lst and the manifest: what `rules compile` may replace.
bool is_ours(std::string_view name) {
  if (name == manifest_name || name.ends_with(".lst")) return true;
  const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  const std::string_view ending = name.substr(digits);
  return digits >= 3 && (ending == ".rules" || ending == ".json");
}

Result<void> read_lists(const std::vector<std::string>& files, const intel::ListOptions& options,
                        intel::ListReport& report, const intel::TakeDomain& take, const OnProgress& on_progress) {
  std::vector<intel::OpenedFile> opened;
  ReadProgress progress;
  bool all_sizes = true;
  for (const auto& file : files) {
    IW_TRY(intel::OpenedFile one, intel::open_unpacked(file));
    progress.size += one.size;
    all_sizes = all_sizes && one.size > 0;
    opened.push_back(std::move(one));
  }
  if (!all_sizes) progress.size = 0;
  std::uint64_t before = 0;
  for (auto& file : opened) {
    const auto tell = [&](std::uint64_t consumed) {
      progress.consumed = before + consumed;
      progress.domains = report.taken;
      if (on_progress) on_progress(progress);
    };
    IW_CHECK(intel::read_list(*file.bytes, file.name, options, report, take, tell));
    tell(file.bytes->consumed());
    before += file.bytes->consumed();
    file.bytes.reset();
  }
  return {};
}

Result<void> check_refusals(const intel::ListReport& read, const ErrorLimit& limit) {
  if (limit.allows(read.refused_count, read.taken + read.refused_count)) return {};
  return fail(ErrorCode::refused,
              fmt::format("{} of {} names are refused, which is more than --max-errors allows, so nothing is written",
                          read.refused_count, read.taken + read.refused_count),
              "", "correct the list, or allow more, as in --max-errors 5%");
}

Result<void> write_result(const CompileListsRequest& request, const CompileListsOutcome& outcome) {
  const std::string manifest = manifest_of(request, outcome).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  std::vector<os::NamedFile> files;
  for (const auto& data : outcome.compiled->data_files) files.push_back({data.name, data.content});
  for (const auto& group : outcome.compiled->groups) files.push_back({group.file.name, group.file.content});
  files.push_back({std::string(manifest_name), manifest});
  return os::replace_directory(request.output, files, is_ours);
}

Result<void> run(const CompileListsRequest& request, const OnProgress& on_progress, CompileListsOutcome& outcome) {
  rules::CompileOptions options = request.options;
  std::optional<rules::TrafficPrior> prior;
  if (request.prior) {
    IW_TRY(const std::string names, os::read_file(*request.prior));
    auto parsed = rules::TrafficPrior::from_names(names);
    if (!parsed) {
      parsed.error().place = fmt::format("{}{}{}", printable(request.prior->native()),
                                         parsed.error().place.empty() ? "" : ": ", parsed.error().place);
      return std::unexpected(std::move(parsed).error());
    }
    prior.emplace(*std::move(parsed));
    options.prior = &*prior;
  }
  std::vector<rules::CompiledFile> previous;
  if (request.previous) {
    IW_TRY(previous, read_compiled(*request.previous));
    options.previous = &previous;
  }
  rules::DomainTable table;
  IW_CHECK(read_lists(
      request.files, request.list, outcome.read,
      [&table](DomainSpec&& domain, std::uint32_t rank) { table.add(domain, rank); }, on_progress));
  IW_CHECK(check_refusals(outcome.read, request.max_errors));
  if (table.empty())
    return fail(ErrorCode::refused, "there is no domain in this input, so nothing is written", "",
                "an empty list never empties the rules; remove the folder if that is meant");
  IW_TRY(outcome.compiled, rules::compile(table, options));
  return write_result(request, outcome);
}

}  // namespace

bool ErrorLimit::allows(std::uint64_t refused, std::uint64_t all) const {
  if (count) return refused <= *count;
  return static_cast<double>(refused) <= share * static_cast<double>(all);
}

Result<ErrorLimit> parse_error_limit(std::string_view text) {
  const bool is_share = text.ends_with('%');
  const std::string_view number = text.substr(0, text.size() - (is_share ? 1 : 0));
  const auto fits = [&](const std::from_chars_result& read) {
    return read.ec == std::errc{} && read.ptr == number.data() + number.size();
  };
  ErrorLimit limit;
  double percent = 0;
  std::uint64_t count = 0;
  if (is_share &&
      fits(std::from_chars(number.data(), number.data() + number.size(), percent, std::chars_format::fixed)) &&
      percent >= 0 && percent <= 100) {
    limit.share = percent / 100;
    return limit;
  }
  if (!is_share && fits(std::from_chars(number.data(), number.data() + number.size(), count))) {
    limit.count = count;
    return limit;
  }
  return fail(ErrorCode::usage, fmt::format("'{}' is no limit of errors", printable(text, 40)), "--max-errors",
              "write a share, as in 1%, or a number");
}

CompileListsOutcome compile_lists(const CompileListsRequest& request, const OnProgress& on_progress) {
  CompileListsOutcome outcome;
  if (auto ran = run(request, on_progress, outcome); !ran) outcome.failure = std::move(ran).error();
  return outcome;
}

Json manifest_of(const CompileListsRequest& request, const CompileListsOutcome& outcome) {
  const auto& options = request.options;
  const auto& [read, compiled, failure] = outcome;
  Json refused = Json::array();
  for (const auto& each : read.refused)
    refused.push_back({{"text", each.text}, {"file", each.file}, {"line", each.line}, {"reason", each.reason}});
  Json json{{"domains_in", read.taken},
            {"passed_over", read.passed_over},
            {"refused_count", read.refused_count},
            {"refused", std::move(refused)}};
  if (!compiled) return json;
  Json protocols = Json::array();
  for (const auto protocol : options.protocols) protocols.push_back(to_string(protocol));
  Json left_out = Json::array();
  for (const auto& each : compiled->left_out)
    left_out.push_back({{"domain", each.domain}, {"scope", to_string(each.scope)}, {"rank", each.rank}});
  Json groups = Json::array();
  for (const auto& group : compiled->groups)
    groups.push_back(
        {{"file", group.file.name}, {"rules", group.rules}, {"bytes", group.bytes}, {"capacity", group.capacity}});
  Json data = Json::array();
  for (const auto& file : compiled->data_files) data.push_back(file.name);
  json.update({{"format", rules::to_string(options.format)},
               {"action", to_string(options.action)},
               {"protocols", std::move(protocols)},
               {"domains_kept", compiled->kept},
               {"covered", compiled->covered},
               {"duplicates", compiled->duplicates},
               {"left_out", std::move(left_out)},
               {"rules", compiled->rules},
               {"capacity", compiled->capacity},
               {"bytes", compiled->bytes},
               {"groups", std::move(groups)},
               {"data_files", std::move(data)}});
  if (options.format == rules::CompileFormat::packed) json["expected_cost_us"] = compiled->expected_cost;
  if (request.previous) json.update({{"kept_rules", compiled->kept_rules}, {"kept_groups", compiled->kept_groups}});
  return json;
}

Result<std::vector<rules::CompiledFile>> read_compiled(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().native();
    if (name != manifest_name && is_ours(name)) names.push_back(name);
  }
  if (error)
    return fail(error == std::errc::no_such_file_or_directory ? ErrorCode::not_found : ErrorCode::system,
                "cannot read it: " + error.message(), printable(directory.native()),
                "name a folder that `rules compile` wrote");
  std::ranges::sort(names);
  std::vector<rules::CompiledFile> files;
  for (const auto& name : names) {
    IW_TRY(std::string content, os::read_file(directory / name));
    files.push_back({name, std::move(content)});
  }
  if (files.empty())
    return fail(ErrorCode::not_found, "there are no rules in it", printable(directory.native()),
                "name a folder that `rules compile` wrote");
  return files;
}

Result<rules::Decompiled> decompile_directory(const std::filesystem::path& directory) {
  IW_TRY(const auto files, read_compiled(directory));
  auto read = rules::decompile(files);
  if (!read) read.error().place = printable((directory / read.error().place).native(), 300);
  return read;
}

Result<DomainSet> read_set(const std::vector<std::string>& files, const intel::ListOptions& options,
                           intel::ListReport& report, const OnProgress& on_progress) {
  rules::DomainTable table;
  IW_CHECK(read_lists(
      files, options, report, [&table](DomainSpec&& domain, std::uint32_t) { table.add(domain); }, on_progress));
  std::vector<DomainSet::Entry> entries;
  entries.reserve(table.size());
  for (std::size_t i = 0; i < table.size(); ++i)
    entries.push_back({table.name(i), table.scope(i), static_cast<std::uint32_t>(i)});
  return DomainSet::build(entries);
}

}  // namespace intelwall::app
