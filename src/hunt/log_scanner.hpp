#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/domain_set.hpp"
#include "hunt/log_parser.hpp"
#include "intel/byte_source.hpp"

namespace intelwall::hunt {

struct ScanReport {
  static constexpr std::size_t most_kept = 20;
  std::uint64_t bytes = 0, lines = 0;
  std::uint64_t names = 0;  ///< that were looked up
  std::uint64_t hits = 0;
  std::uint64_t unreadable = 0;
  /// The first of them: "FILE:LINE: reason".
  std::vector<std::string> unreadable_lines;
};

using TakeHit = std::function<void(const Contact&, const DomainSet::Match&)>;

/// Looks through logs for names of a set. Most lines name nothing of it, so a line is parsed only when a name on it is
/// watched (or when it does not look like an object). One a thread; the set may be shared.
class LogScanner {
 public:
  explicit LogScanner(const DomainSet& watched) : watched_(&watched) {}

  /// Whole lines, with `padding` readable bytes behind them (at least 64). `first_line` is the number of the first.
  void scan_lines(std::string_view lines, std::size_t padding, const std::string& name, std::uint64_t first_line,
                  const TakeHit& take, ScanReport& report);
  /// All of a source.
  Result<void> scan(intel::ByteSource& source, const std::string& name, const TakeHit& take, ScanReport& report,
                    const std::function<void(std::uint64_t consumed)>& progress = {});

 private:
  void scan_line(std::string_view line, std::size_t padding, const std::string& name, std::uint64_t number,
                 const TakeHit& take, ScanReport& report);

  const DomainSet* watched_;
  LogParser parser_;
};

}  // namespace intelwall::hunt
