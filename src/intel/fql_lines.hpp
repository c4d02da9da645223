#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "intel/byte_source.hpp"
#include "intel/fql_matcher.hpp"

namespace intelwall::fql {

struct LineReport {
  std::uint64_t objects = 0;
  std::uint64_t matched = 0;
  std::uint64_t unreadable = 0;
};

enum class Next { go_on, stop };
using TakeLine = std::function<Next(std::string_view line)>;
/// One sentence about a line that is no JSON object.
using RefuseLine = std::function<void(std::uint64_t number, const std::string& reason)>;

/// Objects, one a line, in memory that does not grow with them; blank lines are passed over. Errors: the source cannot
/// be read.
Result<LineReport> match_lines(intel::ByteSource& source, Matcher& matcher, const TakeLine& take,
                               const RefuseLine& refuse);

}  // namespace intelwall::fql
