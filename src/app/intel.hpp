#pragma once

#include <filesystem>
#include <functional>

#include "falcon/intel.hpp"
#include "intel/facets.hpp"

namespace intelwall::app {

/// What an analyst looks at before a query becomes a hunt.
struct Preview {
  std::uint64_t total = 0;  ///< of all that match
  std::vector<intel::Indicator> first;
  std::vector<std::string> lines;  ///< the same as Falcon sent them
  intel::Facets facets;            ///< over all of them, or over the first of them in the order of the search
  bool is_sampled() const { return facets.counted() < total; }
};
struct PreviewRequest {
  falcon::IndicatorSearch search;  ///< its limit is how many are shown
  std::size_t sample = 10'000;     ///< most indicators that the facets are computed from: below Intel::window
};
/// Falcon has no call for facets, so they are computed from pages.
Result<Preview> preview(const falcon::Intel& intel, const PreviewRequest& request, Time now);

struct PullRequest {
  fql::Filter filter;
  std::filesystem::path output;
  falcon::IndicatorQuery::Relations relations = falcon::IndicatorQuery::Relations::included;
  std::size_t page_size = 5'000;
  enum class Start { where_it_broke_off, anew };
  Start start = Start::where_it_broke_off;
};
struct PullOutcome {
  std::uint64_t written = 0;  ///< in the file, over all attempts
  std::uint64_t resumed = 0;  ///< of them, from an attempt before this one
  std::uint64_t unreadable = 0;
  std::string unreadable_reason;
};
/// How many are written, and how many there will be if that is known (else 0).
using OnPulled = std::function<void(std::uint64_t written, std::uint64_t expected)>;

/// All indicators of a filter, a line each as Falcon gives them, deleted ones only where the filter speaks of
/// `deleted`. They are gathered in OUTPUT.part, which takes OUTPUT's place when it is whole. A pull that broke off
/// leaves it, with OUTPUT.part.cursor beside, and the same pull goes on from there, with relative dates as they were at
/// its beginning. An indicator that is updated meanwhile is there twice, the later line with the later `_marker`.
Result<PullOutcome> pull_to_file(const falcon::Intel& intel, const PullRequest& request, Time now,
                                 const OnPulled& on_pulled = {});

}  // namespace intelwall::app
