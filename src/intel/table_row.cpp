#include "intel/table_row.hpp"

#include <algorithm>

namespace intelwall::intel {

std::optional<std::vector<std::string_view>> split_row(std::string_view row, char separator, std::string& unquoted) {
  std::vector<std::string_view> cells;
  unquoted.clear();
  unquoted.reserve(row.size());  // the views into it must stay
  for (std::size_t at = 0;; ++at) {
    if (at < row.size() && row[at] == '"') {
      const std::size_t begin = unquoted.size();
      for (++at;;) {
        const std::size_t quote = row.find('"', at);
        if (quote == std::string_view::npos) return std::nullopt;
        unquoted += row.substr(at, quote - at);
        at = quote + 1;
        if (at >= row.size() || row[at] != '"') break;
        unquoted += row[at++];
      }
      // What follows a closing quote up to the separator is no part of any cell's form; it is kept.
      for (; at < row.size() && row[at] != separator; ++at) unquoted += row[at];
      cells.push_back(std::string_view(unquoted).substr(begin));
    } else {
      const std::size_t end = std::min(row.find(separator, at), row.size());
      cells.push_back(row.substr(at, end - at));
      at = end;
    }
    if (at >= row.size()) return cells;
  }
}

FrontCells front_cells(std::string_view row, char separator) {
  FrontCells cells;
  const std::size_t end = row.find(separator);
  cells.first = row.substr(0, end);
  if (end == std::string_view::npos) return cells;
  row.remove_prefix(end + 1);
  cells.second = row.substr(0, row.find(separator));
  return cells;
}

}  // namespace intelwall::intel
