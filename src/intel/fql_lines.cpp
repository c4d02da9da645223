#include "intel/fql_lines.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include "intel/line_reader.hpp"

namespace intelwall::fql {

Result<LineReport> match_lines(intel::ByteSource& source, Matcher& matcher, const TakeLine& take,
                               const RefuseLine& refuse) {
  static_assert(intel::LineReader::padding >= simdjson::SIMDJSON_PADDING);
  intel::LineReader reader(source);
  simdjson::dom::parser parser(intel::LineReader::max_line);
  LineReport report;
  while (true) {
    IW_TRY(const auto line, reader.next());
    if (!line) return report;
    const auto refuse_because = [&](const std::string& reason) {
      ++report.unreadable;
      refuse(line->number, reason);
    };
    if (line->too_long) {
      refuse_because(fmt::format("the line is longer than {} bytes", intel::LineReader::max_line));
      continue;
    }
    if (line->text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    simdjson::dom::element element;
    if (const auto fault = parser.parse(line->text.data(), line->text.size(), false).get(element)) {
      refuse_because(fmt::format("this is not JSON ({})", simdjson::error_message(fault)));
      continue;
    }
    if (!element.is_object()) {
      refuse_because("this is JSON, but no object");
      continue;
    }
    ++report.objects;
    if (!matcher(element)) continue;
    ++report.matched;
    if (take(line->text) == Next::stop) return report;
  }
}

}  // namespace intelwall::fql
