#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/decision.hpp"
#include "core/result.hpp"
#include "firewalls/cut.hpp"

namespace intelwall::firewalls {

/// A decision as it stands in the firewall.
struct Enforced {
  Decision decision;
  std::string group;  ///< name of the rule group
};

/// What is there now. Opaque parts (tokens, documents) stay with the implementation.
struct Observation {
  std::string firewall;
  std::vector<Enforced> enforced;
  std::vector<Error> problems;  ///< rules that claim to be ours but cannot be read back
  struct Group {
    std::string name;
    std::size_t rules = 0, capacity = 0, bytes = 0, foreign_rules = 0;
  };
  std::vector<Group> groups;
};

/// What should become different. Adding a decision that is there already (same id) replaces it only when it says
/// something else; removing one that is not there is nothing.
struct Change {
  std::vector<Decision> put;
  std::vector<std::string> remove;  ///< decision ids
  /// Removals that nobody named one by one (a reconcile, a feed) are bounded by the implementation's guard.
  enum class Intent { deliberate, unattended };
  Intent intent = Intent::deliberate;
};

/// From what is seen to what should change; called again with a fresh observation whenever somebody else was faster.
using Fold = std::function<Result<Change>(const Observation&)>;

/// One write that a plan would do, for people and for JSON.
struct Step {
  enum class Kind { create_group, update_group, update_policy, delete_group };
  Kind kind = Kind::update_group;
  std::string target;              ///< group or policy name
  std::vector<std::string> added;  ///< rule texts, or references
  std::vector<std::string> removed;
};
const char* to_string(Step::Kind kind);

struct Plan {
  std::vector<Step> steps;
  std::optional<Error> shortfall;  ///< what of the change this firewall does not take (exit code 3)
  bool empty() const { return steps.empty(); }
};

struct Applied {
  Plan plan;                     ///< what was done, over all rounds
  std::optional<Error> failure;  ///< what ended it early; the steps in `plan` stand nevertheless (exit code 3)
  int rounds = 1;                ///< observe and fold, until no token was stale
  Observation before;            ///< what the last fold saw
  struct Write {
    std::string resource;  ///< ARN
    std::string version;   ///< the update token that the write was answered with
  };
  std::vector<Write> writes;  ///< the last one of each resource
};

/// An enforcement point. Thread-safe: each call reads afresh.
class Firewall {
 public:
  virtual ~Firewall() = default;
  virtual Result<Observation> observe() = 0;
  /// The writes that `fold` would lead to now; writes nothing.
  virtual Result<Plan> plan(const Fold& fold) = 0;
  /// observe, fold, plan, write; on a stale token all again, so that nobody's change is lost.
  virtual Result<Applied> apply(const Fold& fold) = 0;
  /// Waits until every zone of the firewall runs what was written, or something newer. `unavailable` when time is up.
  virtual Result<void> verify(const Applied& applied, std::chrono::milliseconds patience) = 0;
  /// Ends what is open of these connections, which a block does not touch.
  virtual Result<Cut> cut(const std::vector<Connection>& connections, std::chrono::milliseconds patience) = 0;
};

}  // namespace intelwall::firewalls
