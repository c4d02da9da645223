#pragma once

#include <optional>

#include "app/hunt_desired.hpp"

namespace intelwall::app {

/// What the ledger's hunts want, read when the first enforcement point asks, and once for all of them.
class WantedOnce {
 public:
  WantedOnce(Context& context, store::Ledger& ledger) : context_(context), ledger_(ledger) {}

  Result<const Desired*> read() {
    if (!desired_) {
      IW_TRY(auto desired, read_desired(context_, ledger_));
      desired_.emplace(std::move(desired));
    }
    return &*desired_;
  }
  const Desired* known() const { return desired_ ? &*desired_ : nullptr; }

 private:
  Context& context_;
  store::Ledger& ledger_;
  std::optional<Desired> desired_;
};

}  // namespace intelwall::app
