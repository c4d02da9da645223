#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/block.hpp"
#include "app/import_source.hpp"

namespace intelwall::app {

struct ImportRequest {
  std::string source;              ///< a file, or the name or ARN of a rule group
  std::optional<std::string> acl;  ///< of a squid.conf
  std::optional<Action> action;    ///< instead of what the list says; where it says none: that of the settings
  policy::Insistence insistence = policy::Insistence::normal;
};

struct ImportItem {
  enum class Fate { adopt, covered, ask, refuse };
  Fate fate = Fate::adopt;
  std::vector<std::string> places;       ///< in the list
  Decision decision;                     ///< what it would be as a block of ours
  std::vector<policy::Reason> reasons;   ///< of ask and refuse
  std::optional<DomainSpec> covered_by;  ///< of covered: a block that stands, or a wider name of the same list
};
const char* to_string(ImportItem::Fate fate);

struct ImportOutcome {
  ImportSource source;            ///< its entries are in `items`
  std::vector<ImportItem> items;  ///< one for each name and action, in the order of the list
  Enforcement enforcement;

  std::size_t count(ImportItem::Fate fate) const;
};

/// Takes over what somebody else's list blocks, as ordinary blocks of ours with the settings' lifetime; the list stays
/// as it is. Mode::plan writes nothing. What stands already, as strong and as long, is not written again, so that a
/// second import is empty; an import that only alerts never weakens a block. Needs firewall and guardrails.
Result<ImportOutcome> import_list(Context& context, const ImportRequest& request, Mode mode);

}  // namespace intelwall::app
