#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/hunt_intake.hpp"
#include "app/hunt_sync.hpp"

// Hunts: queries that keep the firewall watching. docs/hunts.md tells what a run does.
namespace intelwall::app {

inline const std::vector<std::string>& default_excluded_types() {
  static const std::vector<std::string> types = {"KnownGood", "Sinkholed", "Parking", "SharedWebHost", "PopularSite"};
  return types;
}

/// The ledger in the directory that the settings name.
Result<store::Ledger> open_ledger(const Context& context);

/// Checks name, source, FQL and expiry; writes the hunt and an audit entry. Nothing is asked of the source yet.
Result<store::Hunt> add_hunt(Context& context, store::Ledger& ledger, store::Hunt hunt);

/// What a run of one hunt did to what it keeps.
struct HuntReport {
  std::string hunt;
  RunKind kind = RunKind::full;
  bool unmodified = false;
  IntakeCounts intake;
  store::Roster::Changes changes;
  std::size_t expired = 0;  ///< of the removed ones, whose time was over
  std::uint64_t kept = 0;
  std::optional<Error> failure;  ///< nothing was changed
};

struct RunRequest {
  std::vector<std::string> names;  ///< empty: all
  enum class Which { asked_for, due };
  Which which = Which::asked_for;
  enum class Reach { as_due, full };
  Reach reach = Reach::as_due;
  Mode mode = Mode::write;  ///< plan: the firewall is not written; the ledger is
};

struct RunOutcome {
  std::vector<HuntReport> hunts;
  SyncOutcome sync;
  std::optional<Error> sync_failure;  ///< the firewall is as it was
  std::optional<Time> next;           ///< when the next hunt is due
  bool complete() const;              ///< everything went well
};

/// Sources → ledger → firewall. A source that fails, is empty, or lacks more than max_removals of what is kept changes
/// nothing, and the other hunts go on. One run at a time: a second one waits for `patience`. Needs firewall and
/// guardrails.
Result<RunOutcome> run_hunts(Context& context, store::Ledger& ledger, const RunRequest& request);

/// What it kept leaves the firewall, and stays in the history. A person asks for it, so no share is too much.
Result<SyncOutcome> remove_hunt(Context& context, store::Ledger& ledger, const std::string& name, Mode mode);

nlohmann::json to_json(const store::Hunt& hunt);
nlohmann::json to_json(const HuntReport& report);
nlohmann::json to_json(const SyncOutcome& sync);
nlohmann::json to_json(const RunOutcome& outcome);
nlohmann::json to_json(const store::Progress& progress, const store::Hunt& hunt, Time now);
nlohmann::json to_json(const store::Kept& kept);
nlohmann::json to_json(const store::Departure& departure);
/// A line or two for people.
std::string to_text(const HuntReport& report);
std::string to_text(const SyncOutcome& sync);

}  // namespace intelwall::app
