#pragma once

#include <string>
#include <vector>

#include "app/block.hpp"

namespace intelwall::app {

/// How much one run may lift.
enum class Share { bounded, all };

struct ExpireOutcome {
  std::vector<Decision> lifted;   ///< was over; in Mode::plan, would be lifted
  std::vector<Decision> left;     ///< is over too, and waits for the next run
  std::size_t without_dates = 0;  ///< blocks whose group (a domain-list) keeps no dates: they never expire
  Enforcement enforcement;
  std::vector<Error> notes_not_written;  ///< findings that were not told; the firewall is not affected
};

/// Lifts what is over and nothing else: blocks that guardrails would refuse today are `reconcile`'s.
///
/// Nobody looks on while a timer calls this, so one run of Share::bounded lifts no more than any unattended change may
/// (max_removals of all decisions, always at least firewalls::always_removable), what ended first first; the rest
/// follows in the next runs, so a thousand blocks that end in one minute neither fall at once nor get stuck. A clock
/// that is wrong by more than minutes lifts nothing: AWS refuses what is signed with it. A block that is sighted again
/// meanwhile is decided about afresh, because the write needs the token that was read with it.
///
/// The notes of findings that led to a lifted block keep what they say and gain when it ended. Needs a firewall.
Result<ExpireOutcome> expire(Context& context, Mode mode, Share share);

/// What a person who sets an expiry must know about the configured format; nothing when it keeps expiries.
std::vector<policy::Reason> expiry_warnings(const Settings& settings);

/// `note` with `sentence` at its end, the middle cut out where both exceed Security Hub's 512 characters.
std::string append_to_note(std::string note, const std::string& sentence);

}  // namespace intelwall::app
