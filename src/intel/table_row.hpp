#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace intelwall::intel {

/// The cells of a row as RFC 4180 quotes them: only a quote at the front of a cell counts, "" inside means ". Nothing
/// if a quote does not close. Views into `row` or into `unquoted`, which keeps its memory from row to row.
std::optional<std::vector<std::string_view>> split_row(std::string_view row, char separator, std::string& unquoted);

/// The first cell, or the first two, are all that most lists need of a row without quotes.
struct FrontCells {
  std::string_view first;
  std::string_view second;
};
FrontCells front_cells(std::string_view row, char separator);

}  // namespace intelwall::intel
