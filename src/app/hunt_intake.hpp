#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/hunt_schedule.hpp"
#include "intel/indicator.hpp"
#include "policy/guardrails.hpp"

namespace intelwall::app {

/// What a source gave, and what became of it.
struct IntakeCounts {
  std::size_t delivered = 0;
  std::size_t kept = 0;            ///< taken into the hunt, or there already
  std::size_t other_types = 0;     ///< no domains
  std::size_t unreadable = 0;      ///< no domain names
  std::size_t revoked = 0;         ///< the source says that they are deleted
  std::size_t excluded = 0;        ///< of a domain type that the hunt leaves out
  std::size_t low_confidence = 0;  ///< below the hunt's minimum
  std::size_t expired = 0;         ///< too old by their confidence
  std::size_t refused = 0;         ///< by guardrails
  struct Refused {
    std::string domain;
    policy::Reason reason;
  };
  static constexpr std::size_t most_refused = 20;
  std::vector<Refused> first_refused;
};

/// Sorts what a source gives into a hunt's roster: other types, low confidence, excluded domain types, what is over and
/// what guardrails do not let pass stay out, or leave when they were kept.
class Intake {
 public:
  /// All must outlive it.
  Intake(const store::Hunt& hunt, store::Ledger& ledger, store::Roster& roster, const policy::Guardrails& guardrails,
         Time now);

  Result<void> take(std::span<const intel::Indicator> indicators);
  /// What was kept before this run, by guardrails that have changed.
  void judge_again();
  /// Gives the ledger the contexts that it did not hold, and the roster their numbers: before it is committed.
  Result<void> write_contexts();
  const IntakeCounts& counts() const { return counts_; }

 private:
  /// A context in the dictionary: its number, once that is known.
  using Context = std::pair<const std::string, std::uint32_t>;

  bool is_allowed(const DomainSpec& domain);
  bool is_excluded(const intel::Indicator& indicator) const;
  /// Whether it would be of the hunt: the count of those that are not for the same reason, and why they leave.
  struct Reason {
    std::size_t IntakeCounts::* count;
    store::Leaving why;
  };
  std::optional<Reason> unwanted(const intel::Indicator& indicator, std::uint32_t expires) const;
  Result<std::uint32_t> expiry(const intel::Indicator& indicator) const;
  /// What of an indicator does not depend on its name.
  struct Look {
    std::optional<Reason> reason;  ///< none: it is wanted
    std::uint32_t expires = 0;
    const Context* context = nullptr;  ///< none: it has none, or is not wanted
  };
  Result<Look> look_at(const intel::Indicator& indicator);
  Result<void> find_contexts();
  void take(const intel::Indicator& indicator, const Look& look);

  const store::Hunt& hunt_;
  store::Ledger& ledger_;
  store::Roster& roster_;
  const policy::Guardrails& guardrails_;
  Time now_;
  IntakeCounts counts_;
  std::unordered_map<std::string, std::uint32_t> contexts_;
  std::vector<Context*> unknown_;        ///< of this page: the ledger has not been asked
  std::vector<std::string> unnumbered_;  ///< the ledger does not hold them
  std::vector<Look> looks_;              ///< of each indicator of a page
  std::string text_;
};

/// Changes whenever a guardrail's list does.
std::string guard_of(const policy::Guardrails& guardrails);

/// A context's text: actors, malware families, threat types and kill chains, joined by commas and bars.
void write_context(const intel::Indicator& indicator, std::string& text);
struct Context4 {
  std::string actors, families, threat_types, kill_chains;
};
Context4 read_context(std::string_view text);

}  // namespace intelwall::app
