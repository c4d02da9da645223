#include "app/respond.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/sightings.hpp"
#include "aws/security_hub.hpp"

namespace intelwall::app {

namespace {

constexpr std::size_t max_note = 512;  // Security Hub, NoteUpdate.Text

Decision decide(const Context& context, const findings::Finding& finding, const findings::Candidate& candidate,
                const std::optional<findings::CustomAction>& action, PressKind press) {
  const auto& settings = context.settings;
  const Time now = context.clock();
  const Action wanted = press == PressKind::alert_only ? Action::alert : settings.action;
  Decision decision{.id = decision_id(*candidate.domain, wanted),
                    .domain = *candidate.domain,
                    .action = wanted,
                    .protocols = settings.protocols,
                    .reason = RuleText(finding.title),
                    .source = RuleText(finding.product.empty() ? to_string(finding.source) : finding.product),
                    .actor = RuleText(action ? "action:" + action->name : settings.actor),
                    .confidence = RuleText(finding.severity),
                    .created_at = now,
                    .expires_at = {}};
  if (settings.lifetime) decision.expires_at = now + *settings.lifetime;
  return decision;
}

bool is_own(const findings::Finding& finding) {
  return finding.source == findings::Source::security_hub && finding.id.starts_with(sighting_finding_prefix);
}

void judge(Context& context, findings::ReadReport report, RespondOutcome& outcome) {
  const auto insistence = outcome.press == PressKind::force ? policy::Insistence::forced : policy::Insistence::normal;
  for (auto& finding : report.findings) {
    JudgedFinding judged;
    for (auto& candidate : finding.candidates) {
      if (outcome.press == PressKind::block_exact && candidate.domain) candidate.domain->scope = Scope::exact;
      JudgedCandidate each{candidate, context.guardrails->judge(finding, candidate, insistence), {}};
      // What we saw is for a person to decide about: nothing that intelwall says makes intelwall block.
      if (!report.custom_action && is_own(finding) && each.judgement.verdict == policy::Verdict::block) {
        each.judgement.verdict = policy::Verdict::ask;
        each.judgement.reasons.insert(each.judgement.reasons.begin(),
                                      {"own-finding", "the finding is a sighting of intelwall's own"});
      }
      if (each.judgement.verdict == policy::Verdict::block && outcome.press != PressKind::unblock) {
        auto decision = decide(context, finding, candidate, report.custom_action, outcome.press);
        each.decision_id = decision.id;
        if (std::ranges::find(outcome.decisions, decision.id, &Decision::id) == outcome.decisions.end())
          outcome.decisions.push_back(std::move(decision));
      }
      judged.candidates.push_back(std::move(each));
    }
    judged.finding = std::move(finding);
    outcome.findings.push_back(std::move(judged));
  }
}

bool written(const Enforcement& enforcement) {
  return !enforcement.failure && !enforcement.unverified;
}

void write_notes(Context& context, RespondOutcome& outcome) {
  // Findings with the same note and status share a call.
  std::map<std::pair<std::string, aws::WorkflowStatus>, std::vector<aws::FindingKey>> notes;
  for (const auto& judged : outcome.findings) {
    if (judged.finding.source != findings::Source::security_hub || judged.finding.product_arn.empty()) continue;
    const bool decided = written(outcome.enforcement) && std::ranges::any_of(judged.candidates, [](const auto& each) {
                           return !each.decision_id.empty();
                         });
    notes[{note_for(judged, outcome), decided ? aws::WorkflowStatus::notified : aws::WorkflowStatus::unchanged}]
        .push_back({judged.finding.id, judged.finding.product_arn});
  }
  if (notes.empty()) return;
  if (!context.session)
    if (auto connected = connect(context); !connected) {
      outcome.notes_not_written.push_back(std::move(connected).error());
      return;
    }
  const aws::SecurityHubClient hub(*context.session);
  for (const auto& [note, keys] : notes) {
    auto result = hub.batch_update_findings(keys, note.first, "intelwall", note.second);
    if (!result) {
      outcome.notes_not_written.push_back(std::move(result).error());
      continue;
    }
    for (const auto& failure : result->failures)
      outcome.notes_not_written.push_back(
          {ErrorCode::unavailable,
           fmt::format("the note was not taken: {} {}", failure.code, printable(failure.message)),
           printable(failure.id),
           {}});
  }
}

std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  text.resize(most - 3);
  return text + "...";
}

/// Whether something of the finding is dropped or rejected from now on.
bool blocks(const JudgedFinding& judged, const RespondOutcome& outcome) {
  return std::ranges::any_of(judged.candidates, [&](const JudgedCandidate& each) {
    const auto decision = std::ranges::find(outcome.decisions, each.decision_id, &Decision::id);
    return decision != outcome.decisions.end() && decision->action != Action::alert;
  });
}

std::vector<firewalls::Connection> connections_of(const findings::Finding& finding) {
  std::vector<firewalls::Connection> out;
  for (const auto& each : finding.connections)
    out.push_back({each.source, each.destination, each.source_port, each.destination_port});
  return out;
}

/// A rule does not touch connections that are open already: ends those that the findings with a block name.
void cut_connections(Context& context, RespondOutcome& outcome) {
  std::vector<firewalls::Connection> wanted;
  for (const auto& judged : outcome.findings) {
    if (!blocks(judged, outcome)) continue;
    for (const auto& connection : connections_of(judged.finding))
      if (std::ranges::find(wanted, connection) == wanted.end()) wanted.push_back(connection);
  }
  const auto cut = context.firewall->cut(wanted, context.settings.patience);
  for (auto& judged : outcome.findings) {
    if (!blocks(judged, outcome)) continue;
    judged.cut.emplace();
    const auto own = connections_of(judged.finding);
    if (own.empty()) continue;
    if (!cut) {
      judged.cut->failure = cut.error();
      continue;
    }
    judged.cut->result = cut->result;
    judged.cut->ended = static_cast<std::size_t>(std::ranges::count_if(cut->ended, [&](const auto& open) {
      return std::ranges::any_of(own, [&](const auto& connection) { return connection.covers(open); });
    }));
  }
}

/// For the finding's note.
std::string cut_note(const CutOutcome& cut) {
  using Result = firewalls::Cut::Result;
  if (cut.failure) return fmt::format(" Open connections were NOT cut ({}).", printable(cut.failure->message, 160));
  switch (cut.result) {
    case Result::cut:
      return fmt::format(" Open connections cut: {}.", cut.ended);
    case Result::no_address:
      return " Open connections not cut: no address.";
    case Result::policy_continues:
      break;
  }
  return " Open connections not cut: policy continues.";
}

/// Lifts what stands against the names of the findings. What went wrong stands in the outcome.
void lift(Context& context, RespondOutcome& outcome) {
  std::vector<std::string> names;
  for (const auto& judged : outcome.findings)
    for (const auto& each : judged.candidates)
      if (each.candidate.domain && std::ranges::find(names, each.candidate.domain->name.text()) == names.end())
        names.push_back(each.candidate.domain->name.text());
  if (names.empty()) return;
  auto done = unblock(context, names, Mode::write);
  if (done) {
    outcome.lifted = std::move(done->lifted);
    outcome.enforcement = std::move(done->enforcement);
  } else {
    outcome.enforcement.failure = std::move(done).error();
  }
}

/// What became of one name that was to be lifted.
std::string lifted_note(const std::string& text, const findings::Candidate& candidate, const RespondOutcome& outcome) {
  if (!candidate.domain) return fmt::format(" no domain: {}.", text);
  if (outcome.enforcement.failure && outcome.lifted.empty())
    return fmt::format(" FAILED to lift {} ({}).", text, outcome.enforcement.failure->message);
  std::string note;
  for (const auto& decision : outcome.lifted)
    if (decision.domain.name == candidate.domain->name)
      note += fmt::format(" lifted: {} {}, id {}.", to_string(decision.action), text, decision.id);
  return note.empty() ? fmt::format(" {} has no block of its own, nothing was changed.", text) : note;
}

}  // namespace

Result<RespondOutcome> respond(Context& context, std::string_view bytes, Mode mode) {
  auto report = findings::read_findings(bytes);
  RespondOutcome outcome;
  outcome.records = report.records;
  outcome.unreadable = std::move(report.errors);
  if (report.custom_action) {
    if (auto press = press_kind(*report.custom_action)) {
      outcome.press = *press;
    } else {
      // Whoever hands us the event meant it for us: many give the action a name of their own.
      outcome.press_unknown = std::move(press).error();
    }
  }
  judge(context, std::move(report), outcome);

  if (!outcome.decisions.empty() && mode == Mode::write) {
    if (!context.firewall) IW_CHECK(open_firewall(context));
    auto enforced = enforce(
        context,
        [&](const firewalls::Observation& seen) -> Result<firewalls::Change> {
          return merge(seen, outcome.decisions, Existing::keep_if_enough);
        },
        mode);
    // The finding still gets its note: that the block failed is what the responder must know.
    if (enforced)
      outcome.enforcement = *std::move(enforced);
    else
      outcome.enforcement.failure = std::move(enforced).error();
    if (!outcome.enforcement.failure) cut_connections(context, outcome);
  }
  if (outcome.press == PressKind::unblock && mode == Mode::write) {
    if (!context.firewall) IW_CHECK(open_firewall(context));
    lift(context, outcome);
  }
  if (mode == Mode::write) write_notes(context, outcome);
  return outcome;
}

int exit_code(const RespondOutcome& outcome) {
  if (outcome.enforcement.failure) return outcome.enforcement.plan.empty() ? 1 : 3;
  if (outcome.findings.empty() && !outcome.unreadable.empty()) return 1;
  if (!outcome.unreadable.empty() || outcome.enforcement.unverified) return 3;
  if (std::ranges::any_of(outcome.findings, [](const auto& judged) { return judged.cut && judged.cut->failure; }))
    return 3;
  return 0;
}

std::string note_for(const JudgedFinding& judged, const RespondOutcome& outcome) {
  const auto& decisions = outcome.decisions;
  const auto& enforcement = outcome.enforcement;
  if (judged.candidates.empty()) return "intelwall: this finding names no domain, nothing was changed.";
  std::string note = "intelwall:";
  std::string next;  // what the responder may do now; never cut off
  for (const auto& each : judged.candidates) {
    const auto text = each.candidate.domain ? each.candidate.domain->name.text() : printable(each.candidate.text, 60);
    if (outcome.press == PressKind::unblock) {
      note += lifted_note(text, each.candidate, outcome);
      continue;
    }
    if (each.decision_id.empty()) {
      if (each.judgement.verdict == policy::Verdict::ask)
        next = fmt::format(" To block it anyway, press \"{}\".", known_action(PressKind::force).name);
      const auto& reason = each.judgement.reasons.front();
      note += fmt::format(" {} {} ({}).",
                          each.judgement.verdict == policy::Verdict::ask ? "ask before blocking" : "not blocked:", text,
                          reason.text);
      continue;
    }
    if (enforcement.failure) {
      note += fmt::format(" FAILED to block {} ({}).", text, enforcement.failure->message);
      continue;
    }
    const auto decision = std::ranges::find(decisions, each.decision_id, &Decision::id);
    IW_ASSERT(decision != decisions.end());
    note += fmt::format(" {} {}{} until {}, id {}{}.", to_string(decision->action), text,
                        decision->domain.scope == Scope::subdomains ? " and its subdomains" : "",
                        decision->expires_at ? format_time(*decision->expires_at) : "lifted", decision->id,
                        enforcement.unverified ? ", written but not yet seen live in every zone" : ", live");
  }
  if (judged.cut) next = cut_note(*judged.cut) + next;
  return shortened(std::move(note), max_note - next.size()) + next;
}

}  // namespace intelwall::app
