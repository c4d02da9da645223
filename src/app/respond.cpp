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

/// Enforces what was decided about the findings of one firewall, and cuts what is open.
Result<void> act(Context& at, RespondOutcome& outcome) {
  if (!outcome.decisions.empty()) {
    if (!at.firewall) IW_CHECK(open_firewall(at));
    auto enforced = enforce(
        at,
        [&](const firewalls::Observation& seen) -> Result<firewalls::Change> {
          return merge(seen, outcome.decisions, Existing::keep_if_enough);
        },
        Mode::write);
    // The finding still gets its note: that the block failed is what the responder must know.
    if (enforced)
      outcome.enforcement = *std::move(enforced);
    else
      outcome.enforcement.failure = std::move(enforced).error();
    if (!outcome.enforcement.failure) cut_connections(at, outcome);
  }
  if (outcome.press == PressKind::unblock) {
    if (!at.firewall) IW_CHECK(open_firewall(at));
    lift(at, outcome);
  }
  return {};
}

Context context_of(const Context& base, const Target& target) {
  Context at;
  at.env = base.env;
  at.clock = base.clock;
  at.sleep = base.sleep;
  at.http = base.http;
  at.settings = base.settings;
  at.settings.suricata = {};
  at.settings.dns = {};  // its rule group is of one account and Region, and the target may be of another
  at.settings.firewall.firewall = target.firewall;
  if (target.region) at.settings.region = target.region;
  at.settings.role_arn = target.role_arn;
  at.settings.external_id = target.external_id;
  return at;
}

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// Adds one firewall's part; the first of each kind of trouble is told.
void add(RespondOutcome& whole, RespondOutcome part) {
  append(whole.findings, part.findings);
  append(whole.decisions, part.decisions);
  append(whole.lifted, part.lifted);
  append(whole.notes_not_written, part.notes_not_written);
  auto& to = whole.enforcement;
  auto& from = part.enforcement;
  append(to.plan.steps, from.plan.steps);
  if (!to.plan.shortfall) to.plan.shortfall = std::move(from.plan.shortfall);
  if (!to.failure) to.failure = std::move(from.failure);
  if (!to.unverified) to.unverified = std::move(from.unverified);
  if (!to.unrecorded) to.unrecorded = std::move(from.unrecorded);
  to.rounds = std::max(to.rounds, from.rounds);
}

Error unserved(const findings::Finding& finding) {
  return {ErrorCode::not_found,
          fmt::format("no firewall serves account {} in Region {}",
                      finding.account.empty() ? "(none named)" : printable(finding.account, 20),
                      finding.region.empty() ? "(none named)" : printable(finding.region, 40)),
          "targets", "add it to a target in the configuration, or a last target without accounts and regions"};
}

/// The findings by the target that serves them; those of none are under the number of targets.
std::map<std::size_t, findings::ReadReport> by_target(const std::vector<Target>& targets, findings::ReadReport report) {
  std::map<std::size_t, findings::ReadReport> parts;
  for (auto& finding : report.findings) {
    const auto target =
        std::ranges::find_if(targets, [&](const Target& each) { return each.serves(finding.account, finding.region); });
    auto& part = parts[static_cast<std::size_t>(target - targets.begin())];
    part.custom_action = report.custom_action;
    part.findings.push_back(std::move(finding));
  }
  return parts;
}

void respond_by_target(Context& context, findings::ReadReport report, Mode mode, RespondOutcome& outcome) {
  const auto& targets = context.settings.targets;
  for (auto& [number, share] : by_target(targets, std::move(report))) {
    RespondOutcome part;
    part.press = outcome.press;
    judge(context, std::move(share), part);
    if (number == targets.size()) {
      part.decisions.clear();
      for (auto& judged : part.findings) {
        for (auto& each : judged.candidates) each.decision_id.clear();
        judged.unserved = unserved(judged.finding);
      }
    } else {
      for (auto& judged : part.findings) judged.target = targets[number].firewall;
      auto at = context_of(context, targets[number]);
      // One firewall that cannot be reached stops no other.
      if (mode == Mode::write)
        if (auto done = act(at, part); !done) part.enforcement.failure = std::move(done).error();
    }
    if (mode == Mode::write) write_notes(context, part);
    add(outcome, std::move(part));
  }
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
  if (!context.settings.targets.empty()) {
    respond_by_target(context, std::move(report), mode, outcome);
    return outcome;
  }
  judge(context, std::move(report), outcome);
  if (mode == Mode::plan) return outcome;
  IW_CHECK(act(context, outcome));
  write_notes(context, outcome);
  return outcome;
}

int exit_code(const RespondOutcome& outcome) {
  if (outcome.enforcement.failure) return outcome.enforcement.plan.empty() ? 1 : 3;
  if (outcome.findings.empty() && !outcome.unreadable.empty()) return 1;
  if (!outcome.unreadable.empty() || outcome.enforcement.unverified || outcome.enforcement.plan.shortfall) return 3;
  if (std::ranges::any_of(outcome.findings,
                          [](const auto& judged) { return judged.unserved || (judged.cut && judged.cut->failure); }))
    return 3;
  return 0;
}

std::string note_for(const JudgedFinding& judged, const RespondOutcome& outcome) {
  const auto& decisions = outcome.decisions;
  const auto& enforcement = outcome.enforcement;
  if (judged.unserved) return "intelwall: " + judged.unserved->message + ", nothing was changed.";
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
