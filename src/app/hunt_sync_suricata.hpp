#pragma once

#include "app/hunt_desired.hpp"
#include "app/hunt_sync.hpp"

// Internal to hunts: the two enforcement points share what is wanted.
namespace intelwall::app {

/// What the ledger wants, beside what responders block.
Result<Desired> read_desired(Context& context, store::Ledger& ledger);

/// The ledger's hunts on a Suricata of one's own: as datasets, to which names are added while it runs.
Result<SyncOutcome> sync_hunts_with_suricata(Context& context, store::Ledger& ledger, Removals removals, Mode mode);

}  // namespace intelwall::app
