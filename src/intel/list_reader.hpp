#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/domain_name.hpp"
#include "intel/byte_source.hpp"

namespace intelwall::intel {

/// How the lines of a list are to be read.
/// - plain: a name, what parse_domain() takes, or `=name` for the name without its subdomains; or as in a hosts file an
///   address and names, where the names of the machine itself (localhost and its like) are passed over. `#` at the
///   front or after a blank begins a comment, and so do `;`, `!` and `//` at the front.
/// - comma, tab: a column of a table, quoted as in RFC 4180. A first line whose cell is no domain but a word is its
///   header. Behind a name, without a column asked for, the word `exact` or `subdomains` says how far it reaches.
/// - json: an object a line, with its name in `indicator` (and `type`, where only `domain` counts) or in `domain`.
///   Objects of other types and those marked `deleted` are passed over.
enum class ListForm { plain, comma, tab, json };

/// By the name's ending: .csv, .tsv, .jsonl, .ndjson and .json, each also before .gz, .zst or .zstd; nothing for
/// others, of which the first line with something on it tells.
std::optional<ListForm> form_of_name(std::string_view name);
ListForm form_of_line(std::string_view line);

struct ListOptions {
  /// Of tables: a number from 1, or a name that the header has. The first unless given.
  std::optional<std::string> column;
  std::optional<ListForm> form;  ///< found out unless given
};

/// A line, or a name on it, that is no domain.
struct Refused {
  std::string text;
  std::string file;
  std::size_t line = 0;
  std::string reason;  ///< one sentence
};

/// What was in the lists, over all files.
struct ListReport {
  static constexpr std::size_t most_kept = 1'000;
  std::uint64_t taken = 0;
  std::uint64_t passed_over = 0;    ///< on purpose: other types, deleted, the machine's own names
  std::uint64_t refused_count = 0;  ///< all of them
  std::vector<Refused> refused;     ///< the first of them
};

/// `rank` orders what a budget leaves out: 0 is the last to go. Names of a plain list have 0; those of indicators go by
/// malicious_confidence, then by last_updated.
using TakeDomain = std::function<void(DomainSpec&& domain, std::uint32_t rank)>;
/// Called now and then while a list is read, with the bytes taken from the file.
using ListProgress = std::function<void(std::uint64_t consumed)>;

/// Reads a list to its end; adds to `report`. Errors: the file cannot be read or unpacked, or has no such column.
Result<void> read_list(ByteSource& source, const std::string& name, const ListOptions& options, ListReport& report,
                       const TakeDomain& take, const ListProgress& progress = {});

}  // namespace intelwall::intel
