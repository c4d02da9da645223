#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/context.hpp"

namespace intelwall::app {

/// Write, or only say what would be written.
enum class Mode { write, plan };

/// What a use case did to the firewall, or would do.
struct Enforcement {
  firewalls::Plan plan;
  std::optional<Error> failure;     ///< ended early; what `plan` holds is done
  std::optional<Error> unverified;  ///< written, but not seen live in every zone
  std::optional<Error> unrecorded;  ///< written, but not taken down in the ledger
  int rounds = 0;
};

/// Runs a fold against the firewall: plan, or apply and verify; what became different is taken down in the ledger of
/// the settings' state directory, if there is one.
Result<Enforcement> enforce(Context& context, const firewalls::Fold& fold, Mode mode);

struct BlockRequest {
  std::vector<std::string> domains;
  std::optional<Scope> scope;  ///< nothing: what each name says ("*.x" or "x": with subdomains)
  std::string reason;
  policy::Insistence insistence = policy::Insistence::normal;
};

struct BlockItem {
  std::string text;
  DomainSpec domain;
  policy::Judgement judgement;
};

struct BlockOutcome {
  std::vector<BlockItem> items;
  std::vector<Decision> decisions;  ///< empty when something was not allowed: then nothing is written
  Enforcement enforcement;
};

/// All names or none: a name that cannot be read is an error, one that must not be blocked leaves `decisions` empty.
/// Action, protocols and lifetime come from the settings. Needs firewall and guardrails.
Result<BlockOutcome> block(Context& context, const BlockRequest& request, Mode mode);

struct UnblockOutcome {
  std::vector<Decision> lifted;
  std::vector<DomainSpec> unknown;  ///< not blocked by us; names of a wider block that covers one are in `covered_by`
  std::vector<std::pair<DomainSpec, DomainSpec>> covered_by;
  Enforcement enforcement;
};
Result<UnblockOutcome> unblock(Context& context, const std::vector<std::string>& domains, Mode mode);

struct AllowOutcome {
  std::vector<DomainSpec> added;  ///< new in the list
  std::vector<Decision> lifted;   ///< blocks that the list forbids now
  Enforcement enforcement;
};
/// Adds to the allow list and lifts the blocks that it forbids. Needs `allow_list` in the settings.
Result<AllowOutcome> allow(Context& context, const std::vector<std::string>& domains, std::optional<Scope> scope,
                           const std::string& reason, Mode mode);

/// Desired against live: what is over or no longer allowed goes.
struct ReconcileOutcome {
  struct Removal {
    Decision decision;
    std::string why;
  };
  std::vector<Removal> removals;
  std::vector<Error> problems;  ///< rules that claim to be ours but cannot be read back
  Enforcement enforcement;
};
Result<ReconcileOutcome> reconcile(Context& context, Mode mode);

/// Whether `old` already does all that `fresh` would, and lasts as long or nearly so.
bool is_enough(const Decision& old, const Decision& fresh);

/// Puts decisions beside what is there: an equal or wider block that lasts as long is enough, an expiry moves only when
/// a tenth of it is over, the same domain under another action is replaced. Pure; for folds.
enum class Existing { keep_if_enough, replace };
firewalls::Change merge(const firewalls::Observation& seen, const std::vector<Decision>& wanted, Existing existing);

}  // namespace intelwall::app
