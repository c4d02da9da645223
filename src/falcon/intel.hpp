#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "falcon/client.hpp"
#include "intel/fql.hpp"
#include "intel/indicator.hpp"

namespace intelwall::falcon {

/// Where a pull goes on: behind the last indicator that was taken. Markers order all changes, so what is updated later
/// comes after it.
struct IndicatorCursor {
  std::string marker;
  /// Ids already taken with this very marker: `>=` gives them again.
  std::vector<std::string> ids;

  bool empty() const { return marker.empty(); }
  /// One line of text to be kept, and back.
  std::string to_text() const;
  static Result<IndicatorCursor> parse(std::string_view text);
  bool operator==(const IndicatorCursor&) const = default;
};

/// Which indicators.
struct IndicatorQuery {
  enum class Deleted { hidden, included };     ///< removed ones are `deleted` then
  enum class Relations { without, included };  ///< half of the bytes of an answer, and no part of an Indicator

  std::optional<fql::Filter> filter;
  Deleted deleted = Deleted::hidden;
  Relations relations = Relations::without;
  intel::Members members = intel::Members::all;
  std::size_t page_size = 10'000;  ///< at most Intel::most_a_page
  std::optional<Time> now;         ///< what relative dates count from; else the present
};
/// Deleted ones where the filter speaks of `deleted`.
IndicatorQuery::Deleted deleted_as_asked(const fql::Filter& filter);

/// Part of a pull, good until the callback returns.
struct PulledPage {
  std::span<const intel::Indicator> indicators;
  std::span<const std::string_view> lines;  ///< the same as Falcon sent them, each on one line; with all members only
  const IndicatorCursor& cursor;            ///< to be kept once all of this is delivered
  std::uint64_t left;                       ///< how many there were still to come before it, where Falcon told; else 0
};

struct PullReport {
  std::uint64_t taken = 0;
  std::uint64_t pages = 0;
  std::uint64_t unreadable = 0;   ///< objects that are no indicators
  std::string unreadable_reason;  ///< of the first
  IndicatorCursor cursor;         ///< of the last page taken, or the one that it began with
};

struct IndicatorSearch {
  std::optional<fql::Filter> filter;
  std::string text;  ///< `q`: anywhere in an indicator, without case
  std::string sort;  ///< "last_updated|desc"; empty: Falcon's own order, by marker
  IndicatorQuery::Deleted deleted = IndicatorQuery::Deleted::hidden;
  IndicatorQuery::Relations relations = IndicatorQuery::Relations::without;
  std::size_t limit = 10;
  std::size_t offset = 0;  ///< with the limit below Intel::window
};

/// Falcon Intel's indicators (scope "Indicators (Falcon Intelligence): Read").
/// https://www.falconpy.io/Service-Collections/Intel
class Intel {
 public:
  static constexpr std::size_t most_a_page = 10'000;
  /// Falcon refuses calls whose limit and offset reach it together.
  static constexpr std::size_t window = 50'000;

  explicit Intel(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  using TakePage = std::function<Result<void>(const PulledPage&)>;
  /// GET /intel/combined/indicators/v1, page after page by `_marker` from behind the cursor to the end, in memory that
  /// does not grow. A page may be smaller than asked for; the end is where nothing new comes. An indicator that is
  /// updated meanwhile comes again, with its new marker. Relative dates are resolved once, at the beginning. Ends early
  /// with the error of `take`.
  Result<PullReport> pull(const IndicatorQuery& query, const IndicatorCursor& from, const TakePage& take) const;

  struct Found {
    std::vector<intel::Indicator> indicators;
    std::vector<std::string> lines;
    std::uint64_t total = 0;  ///< of all that match
  };
  /// The same call, for one page.
  Result<Found> search(const IndicatorSearch& search) const;
  /// POST /intel/entities/indicators/GET/v1, in as many calls as the ids need. Ids that Falcon does not know are
  /// left out.
  Result<Found> entities(const std::vector<std::string>& ids) const;

 private:
  std::shared_ptr<Client> client_;
};

}  // namespace intelwall::falcon
