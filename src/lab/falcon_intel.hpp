#pragma once

#include <atomic>
#include <map>
#include <string>

#include "lab/falcon_alerts.hpp"
#include "lab/falcon_indicator_store.hpp"

namespace intelwall::lab {

/// Intel's indicators, with FQL filters. What is not documented (the limit when none is asked for) is as it was in
/// CrowdStrike's first API. Thread-safe.
class FalconIntel {
 public:
  /// Errors: the file of indicators cannot be read.
  static Result<std::unique_ptr<FalconIntel>> open(const FalconOptions& options);
  FalconIntel(IndicatorSet set, Clock clock) : store_(set, std::move(clock)) {}

  using Parameters = std::map<std::string, std::string>;
  /// GET /intel/combined/indicators/v1
  FalconAnswer combined(const Parameters& parameters);
  /// GET /intel/queries/indicators/v1
  FalconAnswer query(const Parameters& parameters);
  /// POST /intel/entities/indicators/GET/v1
  FalconAnswer entities(const Json& body);

  /// The lab's own: falcon_cloud.hpp tells what they take.
  FalconAnswer put(const Json& body);
  FalconAnswer move_time(const Json& body);
  FalconAnswer set_manners(const Json& body);
  Json state() const;

 private:
  struct Page {
    IndicatorStore::Selection rows;
    std::size_t offset = 0, limit = 0;
    IndicatorStore::Relations relations = IndicatorStore::Relations::included;

    std::size_t end() const { return std::min(rows.size(), offset + limit); }
  };
  std::expected<Page, FalconAnswer> page_of(const Parameters& parameters);
  void add_next_page(FalconAnswer& answer, const Page& page, const Parameters& parameters) const;

  IndicatorStore store_;
  std::atomic<std::size_t> most_a_page_ = 10'000;  ///< a page is cut to it without a word
  std::atomic<bool> sends_next_page_ = false;
};

}  // namespace intelwall::lab
