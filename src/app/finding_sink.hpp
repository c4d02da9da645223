#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "app/rate_limit.hpp"
#include "aws/security_hub.hpp"

namespace intelwall::app {

struct SinkTotals {
  std::uint64_t accepted = 0;  ///< new findings, and updates of known ones
  std::uint64_t already = 0;   ///< stood there as new or newer: written before a restart
  std::uint64_t rejected = 0;  ///< not taken, and never will be
  std::uint64_t calls = 0;
};

/// Brings findings into Security Hub: in batches within its limits and its rate, each finding accepted, found to be
/// there already, or told as one that it will never take.
class FindingSink {
 public:
  using Tell = std::function<void(const Error&)>;
  FindingSink(aws::SecurityHubClient hub, RateLimit limit, Sleep sleep, Tell tell)
      : hub_(std::move(hub)), limit_(std::move(limit)), sleep_(std::move(sleep)), tell_(std::move(tell)) {}

  /// Each finding (with Id and UpdatedAt) once. `unavailable`: give all of them again later, which does no harm;
  /// `denied`: Security Hub takes nothing from us.
  Result<void> deliver(const std::vector<nlohmann::json>& findings);
  const SinkTotals& totals() const { return totals_; }

 private:
  struct Item {
    std::string id, updated_at, text;
  };
  using Items = std::vector<const Item*>;
  Result<void> import(Items items);
  /// Those that were refused: newer ones may be there already.
  Result<void> look_again(const Items& refused, const std::vector<std::string>& why);
  void reject(const Item& item, const std::string& why);

  aws::SecurityHubClient hub_;
  RateLimit limit_;
  Sleep sleep_;
  Tell tell_;
  SinkTotals totals_;
};

}  // namespace intelwall::app
