#pragma once

#include <memory>
#include <string_view>

#include "core/result.hpp"

namespace intelwall::rules {

/// What the flows of a network ask for, as far as packing needs it: for any ending of a name, the share of flows whose
/// name ends so, and how often the text occurs in a flow's name at all (each occurrence wakes a rule that has it as its
/// content).
class TrafficPrior {
 public:
  /// Popular names, one a line, the most popular first, as top lists are; `name TAB count` weighs them by their count.
  /// Blank lines and lines that start with "#" say nothing. An error names the line that is no name.
  static Result<TrafficPrior> from_names(std::string_view text);
  /// The default that is shipped (data/traffic-prior.txt).
  static const TrafficPrior& standard();

  TrafficPrior(TrafficPrior&&) noexcept;
  TrafficPrior& operator=(TrafficPrior&&) noexcept;
  ~TrafficPrior();

  struct Share {
    float ends = 0;      ///< of flows, 0 to 1
    float anywhere = 0;  ///< occurrences a flow, at least `ends`
  };

  class Index;  // internal to the room: traffic_prior.cpp, pack.cpp
  const Index& index() const { return *index_; }

 private:
  explicit TrafficPrior(std::unique_ptr<Index> index);
  std::unique_ptr<Index> index_;
};

}  // namespace intelwall::rules
