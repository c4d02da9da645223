#include "intel/list_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "intel/indicator_line.hpp"
#include "intel/line_reader.hpp"
#include "intel/table_row.hpp"

namespace intelwall::intel {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_comment(std::string_view line) {
  return line.starts_with('#') || line.starts_with(';') || line.starts_with('!') || line.starts_with("//");
}

/// Without what follows a "#" at the front or after a blank; one inside a URL stays.
std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
    if (at == 0 || is_blank(line[at - 1])) return line.substr(0, at);
  return line;
}

/// The address at the front of a hosts file's line. It need not be a valid one: what it says is not used.
bool looks_like_address(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_hex = [&](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  const bool v4 =
      std::ranges::count(text, '.') == 3 && std::ranges::all_of(text, [&](char c) { return is_digit(c) || c == '.'; });
  const bool v6 =
      std::ranges::count(text, ':') >= 2 &&
      std::ranges::all_of(text.substr(0, text.find('%')), [&](char c) { return is_hex(c) || c == ':' || c == '.'; });
  return v4 || v6;
}

/// The names of the machine itself that hosts files begin with.
bool is_own_name(std::string_view name) {
  constexpr std::array<std::string_view, 11> own{
      "localhost",    "localhost.localdomain", "local",        "broadcasthost",  "ip6-localhost", "ip6-loopback",
      "ip6-localnet", "ip6-mcastprefix",       "ip6-allnodes", "ip6-allrouters", "ip6-allhosts"};
  return std::ranges::find(own, name) != own.end() || looks_like_address(name);
}

/// What a header has in a cell: words, and no dot.
bool is_header_word(std::string_view cell) {
  return !cell.empty() && cell.size() <= 64 && std::ranges::all_of(cell, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == ' ';
  });
}

std::optional<Scope> scope_word(std::string_view text) {
  if (text == "exact") return Scope::exact;
  if (text == "subdomains") return Scope::subdomains;
  return std::nullopt;
}

class ListParser {
 public:
  ListParser(const std::string& name, const ListOptions& options, ListReport& report, const TakeDomain& take)
      : name_(name),
        options_(options),
        form_(options.form ? options.form : form_of_name(name)),
        report_(report),
        take_(take) {}

  Result<void> add(const LineReader::Line& line) {
    number_ = line.number;
    if (line.too_long) {
      refuse(line.text, fmt::format("the line is longer than {} bytes", LineReader::max_line));
      return {};
    }
    if (trimmed(line.text).empty()) return {};
    if (!form_) {
      if (is_comment(trimmed(line.text))) return {};
      form_ = form_of_line(line.text);
    }
    switch (*form_) {
      case ListForm::plain:
        return add_plain(line.text), Result<void>{};
      case ListForm::json:
        return add_json(line.text), Result<void>{};
      case ListForm::comma:
        return add_row(line.text, ',');
      case ListForm::tab:
        return add_row(line.text, '\t');
    }
    return {};
  }

  /// A table whose last row is open.
  Result<void> finish() { return pending_.empty() ? Result<void>{} : give_up_pending(); }

 private:
  // A quote that never closes must not swallow the list.
  static constexpr std::size_t most_pending = 64u << 10;

  void refuse(std::string_view text, std::string reason) {
    ++report_.refused_count;
    if (report_.refused.size() < ListReport::most_kept)
      report_.refused.push_back({printable(text), name_, number_, std::move(reason)});
  }

  void take(std::string_view text, Scope scope = Scope::subdomains, std::uint32_t rank = 0) {
    if (text.starts_with('=')) {
      text.remove_prefix(1);
      scope = Scope::exact;
    }
    auto domain = parse_domain(text, scope);
    if (!domain) return refuse(text, std::move(domain.error().message));
    ++report_.taken;
    take_(*std::move(domain), rank);
  }

  void add_plain(std::string_view line) {
    line = trimmed(line);
    if (is_comment(line)) return;
    line = trimmed(without_comment(line));
    const std::size_t end = line.find_first_of(" \t");
    if (end == std::string_view::npos || !looks_like_address(line.substr(0, end))) return take(line);
    for (std::string_view rest = trimmed(line.substr(end)); !rest.empty();) {
      const std::string_view name = rest.substr(0, rest.find_first_of(" \t"));
      rest = trimmed(rest.substr(name.size()));
      if (is_own_name(name)) {
        ++report_.passed_over;
      } else {
        take(name);
      }
    }
  }

  void add_json(std::string_view line) {
    const auto indicator = json_.parse(line, LineReader::padding);
    if (!indicator) return refuse(line, indicator.error().message);
    if (indicator->kind != IndicatorLine::Kind::domain) {
      ++report_.passed_over;
    } else {
      take(indicator->name, Scope::subdomains, indicator->rank);
    }
  }

  Result<void> add_row(std::string_view line, char separator) {
    const bool open = !pending_.empty();
    if (!open && line.starts_with('#')) return {};
    if (!open && is_header_known_ && !options_.column && !line.contains('"')) {
      const auto [first, second] = front_cells(line, separator);
      return take_cell(first, second), Result<void>{};
    }
    if (open) {
      pending_ += '\n';
      pending_ += line;
      line = pending_;
    } else {
      row_number_ = number_;
    }
    const auto cells = split_row(line, separator, unquoted_);
    if (!cells) {
      if (!open) pending_ = line;
      return pending_.size() > most_pending ? give_up_pending() : Result<void>{};
    }
    const std::size_t here = std::exchange(number_, row_number_);
    const auto added = add_cells(line, *cells);
    number_ = here;
    pending_.clear();
    return added;
  }

  Result<void> add_cells(std::string_view row, const std::vector<std::string_view>& cells) {
    if (!std::exchange(is_header_known_, true)) {
      IW_TRY(const bool header, read_header(cells));
      if (header) return {};
    }
    if (column_ >= cells.size()) return refuse(row, fmt::format("has no column {}", column_ + 1)), Result<void>{};
    const bool scope_may_follow = !options_.column && cells.size() > 1;
    take_cell(cells[column_], scope_may_follow ? cells[1] : "");
    return {};
  }

  void take_cell(std::string_view cell, std::string_view next) {
    cell = trimmed(cell);
    take(cell, scope_word(trimmed(next)).value_or(Scope::subdomains));
  }

  /// Finds the column; says whether this row is a header.
  Result<bool> read_header(const std::vector<std::string_view>& cells) {
    if (!options_.column) return is_header_word(trimmed(cells[0])) && !parse_domain(cells[0]);
    const std::string& wanted = *options_.column;
    std::size_t number = 0;
    const auto [end, code] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
    if (code == std::errc{} && end == wanted.data() + wanted.size() && number > 0) {
      column_ = number - 1;
      return column_ < cells.size() && is_header_word(trimmed(cells[column_])) && !parse_domain(cells[column_]);
    }
    for (column_ = 0; column_ < cells.size(); ++column_)
      if (trimmed(cells[column_]) == wanted) return true;
    return fail(ErrorCode::invalid_input, fmt::format("the header has no column '{}'", printable(wanted)),
                fmt::format("{}:{}", printable(name_), number_), "name one that it has, or give its number");
  }

  /// The row that began with the first of the lines is refused, the others are rows of their own.
  Result<void> give_up_pending() {
    const std::string lines = std::exchange(pending_, {});
    const std::size_t here = number_;
    number_ = row_number_;
    std::string_view rest = lines;
    for (bool first = true; !rest.empty(); first = false, ++number_) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      const auto cells = split_row(line, *form_ == ListForm::comma ? ',' : '\t', unquoted_);
      if (first || !cells) {
        if (!trimmed(line).empty()) refuse(line, "has a quote that does not close");
      } else if (!trimmed(line).empty()) {
        IW_CHECK(add_cells(line, *cells));
      }
    }
    number_ = here;
    return {};
  }

  std::string name_;
  const ListOptions& options_;
  std::optional<ListForm> form_;
  ListReport& report_;
  const TakeDomain& take_;
  IndicatorParser json_;
  std::size_t number_ = 0;
  bool is_header_known_ = false;
  std::size_t column_ = 0;
  std::string unquoted_;
  std::string pending_;  ///< the lines so far of a row whose quote is open
  std::size_t row_number_ = 0;
};

}  // namespace

std::optional<ListForm> form_of_name(std::string_view name) {
  for (const std::string_view packed : {".gz", ".zst", ".zstd"})
    if (name.ends_with(packed)) name.remove_suffix(packed.size());
  if (name.ends_with(".csv")) return ListForm::comma;
  if (name.ends_with(".tsv")) return ListForm::tab;
  for (const std::string_view json : {".jsonl", ".ndjson", ".json"})
    if (name.ends_with(json)) return ListForm::json;
  return std::nullopt;
}

ListForm form_of_line(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with('{')) return ListForm::json;
  const std::string_view first = line.substr(0, line.find_first_of(" \t"));
  if (looks_like_address(first) && first.size() < line.size()) return ListForm::plain;
  line = trimmed(without_comment(line));
  // A comma in a URL is no separator.
  if (line.contains('\t')) return ListForm::tab;
  if (line.contains(',') && !line.contains("://")) return ListForm::comma;
  return ListForm::plain;
}

Result<void> read_list(ByteSource& source, const std::string& name, const ListOptions& options, ListReport& report,
                       const TakeDomain& take, const ListProgress& progress) {
  LineReader lines(source);
  ListParser parser(name, options, report, take);
  for (;;) {
    IW_TRY(const auto line, lines.next());
    if (!line) break;
    IW_CHECK(parser.add(*line));
    if (progress && line->number % 8'192 == 0) progress(source.consumed());
  }
  return parser.finish();
}

}  // namespace intelwall::intel
