#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/domain_set.hpp"
#include "intel/list_reader.hpp"
#include "rules/compile.hpp"
#include "rules/decompile.hpp"

namespace intelwall::app {

/// How many refused names are too many: a share of all, or a number.
struct ErrorLimit {
  double share = 0.01;
  std::optional<std::uint64_t> count = std::nullopt;  ///< instead of the share
  bool allows(std::uint64_t refused, std::uint64_t all) const;
};
/// "1%", "0.5%" or "20".
Result<ErrorLimit> parse_error_limit(std::string_view text);

/// How far the reading is: bytes of all files (0 when a size is not known) and domains so far.
struct ReadProgress {
  std::uint64_t consumed = 0;
  std::uint64_t size = 0;
  std::uint64_t domains = 0;
};
using OnProgress = std::function<void(const ReadProgress&)>;

struct CompileListsRequest {
  std::vector<std::string> files;  ///< paths; "-" is standard input
  intel::ListOptions list;
  ErrorLimit max_errors;
  rules::CompileOptions options;  ///< but prior and previous
  std::filesystem::path output;
  std::optional<std::filesystem::path> previous;
  std::optional<std::filesystem::path> prior;  ///< popular names; the shipped ones unless given
};

struct CompileListsOutcome {
  intel::ListReport read;
  std::optional<rules::CompileResult> compiled;  ///< written, if there is no failure
  std::optional<Error> failure;
};

/// Lists → rules → a folder of them with manifest.json, replaced as a whole. What was read before a failure is told
/// with it.
CompileListsOutcome compile_lists(const CompileListsRequest& request, const OnProgress& on_progress = {});

/// manifest.json, as DESIGN.md has it.
nlohmann::json manifest_of(const CompileListsRequest& request, const CompileListsOutcome& outcome);

/// All files of a folder that `rules compile` wrote, but its manifest, by name.
Result<std::vector<rules::CompiledFile>> read_compiled(const std::filesystem::path& directory);
/// The set that a folder enforces.
Result<rules::Decompiled> decompile_directory(const std::filesystem::path& directory);

/// A list for matching names against it.
Result<DomainSet> read_set(const std::vector<std::string>& files, const intel::ListOptions& options,
                           intel::ListReport& report, const OnProgress& on_progress = {});

}  // namespace intelwall::app
