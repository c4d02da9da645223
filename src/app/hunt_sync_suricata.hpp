#pragma once

#include "app/hunt_sync.hpp"
#include "app/hunt_wanted.hpp"

namespace intelwall::app {

/// The ledger's hunts on a Suricata of one's own: as datasets, to which names are added while it runs.
Result<SyncOutcome> sync_hunts_with_suricata(Context& context, store::Ledger& ledger, WantedOnce& wanted,
                                             Removals removals, Mode mode);

}  // namespace intelwall::app
