#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/actions.hpp"
#include "app/block.hpp"
#include "findings/finding.hpp"

namespace intelwall::app {

/// One candidate with what became of it.
struct JudgedCandidate {
  findings::Candidate candidate;
  policy::Judgement judgement;
  std::string decision_id;  ///< of the block that it led to
};

/// What became of the open connections that a finding names, after something of it was blocked.
struct CutOutcome {
  firewalls::Cut::Result result = firewalls::Cut::Result::no_address;
  std::size_t ended = 0;         ///< connections that were open
  std::optional<Error> failure;  ///< instead of a result
};

struct JudgedFinding {
  findings::Finding finding;
  std::vector<JudgedCandidate> candidates;
  std::optional<std::string> target;  ///< the firewall that serves it, where there are targets
  std::optional<Error> unserved;      ///< no target serves it, so nothing was done
  std::optional<CutOutcome> cut;      ///< nothing: there was no block, so nothing to cut
};

struct RespondOutcome {
  std::vector<JudgedFinding> findings;
  std::vector<Error> unreadable;  ///< records that could not be read
  std::size_t records = 0;
  PressKind press = PressKind::block;  ///< what was asked for; block when no custom action carried the findings
  std::optional<Error> press_unknown;  ///< the action is none of ours, so it was taken as block
  std::vector<Decision> decisions;
  std::vector<Decision> lifted;  ///< by PressKind::unblock
  Enforcement enforcement;
  std::vector<Error> notes_not_written;  ///< findings that did not get their note back; the firewall is not affected
};

/// The whole road: findings → candidates → verdicts → decisions → rules → live → open connections cut, then a note and
/// a workflow status on each Security Hub finding. The custom action that carried the findings says what is wanted; one
/// that is none of ours is `refused`, before anything is written. Nothing is written in Mode::plan. An Error only when
/// nothing could be done; what went wrong on the way stands in the outcome. Needs guardrails, and a firewall as soon as
/// something is to be blocked in Mode::write (Mode::plan shows verdicts without one). Where the settings have targets,
/// each of them gets the findings that it serves, with its own Region and role; notes are written with the session's.
Result<RespondOutcome> respond(Context& context, std::string_view bytes, Mode mode);

/// 0 done (also when all is refused), 1 nothing could be read or written, 3 in part. A note that was not taken is told
/// but is no failure: findings from a file need not stand in Security Hub.
int exit_code(const RespondOutcome& outcome);

/// The note that goes onto a finding (at most 512 characters, Security Hub's limit): what was done about each name, and
/// after an `ask` which action to press to go on.
std::string note_for(const JudgedFinding& judged, const RespondOutcome& outcome);

}  // namespace intelwall::app
