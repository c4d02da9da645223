#pragma once

#include "app/hunt.hpp"
#include "cli/command.hpp"

namespace intelwall::cli {

/// What a run did; returns the exit code it means.
int report_run(const Global& global, const app::RunOutcome& outcome, app::Mode mode);

/// Runs each hunt when it is due, until SIGINT or SIGTERM; a line for each run that did something, as JSON a document
/// each. What fails is told and tried again.
int watch_hunts(const Global& global, app::Context& context, store::Ledger& ledger, app::RunRequest request);

}  // namespace intelwall::cli
