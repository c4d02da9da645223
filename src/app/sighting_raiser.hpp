#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/sightings.hpp"

namespace intelwall::app {

/// Raises and updates the findings of what was seen, in the account and Region of the firewall whose logs tell it.
class SightingRaiser {
 public:
  /// It must outlive this.
  explicit SightingRaiser(Context& context) : context_(&context) {}

  /// Adds to each what its finding tells already: without a ledger, the findings are the record. What a finding counts
  /// from this piece of a log already is taken out, for services deliver more than once; a finding knows its last
  /// eight.
  Result<void> add_told(std::vector<Seen>& all, std::string_view log) const;
  /// Gets those that Security Hub took, batch by batch.
  using Told = std::function<Result<void>(const std::vector<store::Sighting>&)>;
  /// What became of the findings is in the outcome, a failure too. The Error is one of `told`.
  Result<void> raise(std::vector<Seen> all, FollowOutcome& outcome, const Told& told);

 private:
  void name_instances(std::vector<Seen>& all, FollowOutcome& outcome);

  Context* context_;
  std::optional<findings::AsffTarget> hub_;
  std::map<std::string, std::string> instances_;  ///< by address
  bool instances_denied_ = false;
};

}  // namespace intelwall::app
