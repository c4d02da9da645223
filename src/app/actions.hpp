#pragma once

#include <span>

#include "core/result.hpp"
#include "findings/finding.hpp"

namespace intelwall::app {

/// What pressing a Security Hub custom action on findings does to the domains in them.
enum class PressKind {
  block,        ///< what products name as indicator; asks about the rest
  block_exact,  ///< the same without subdomains
  alert_only,   ///< the same as rules that only log, also in place of a drop
  unblock,      ///< lifts what stands against the names themselves
  force,        ///< block, and also what block would ask about (never what it refuses)
};

/// A custom action as it stands in Security Hub: ids are alphanumeric, ids and names have at most 20 characters
/// (CreateActionTarget).
struct KnownAction {
  PressKind kind;
  const char* id;
  const char* name;
  const char* description;
};
std::span<const KnownAction> known_actions();
const KnownAction& known_action(PressKind kind);

/// Goes by the id at the end of the ARN. CrowdStrike's first integration called its action "CRWD-Domain-To-FW": it is
/// block, whatever its id. Any other action is `not_found`; respond() takes it as block and says so.
Result<PressKind> press_kind(const findings::CustomAction& action);

}  // namespace intelwall::app
