#include "app/block.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/lists.hpp"
#include "rules/rule_group.hpp"
#include "store/ledger.hpp"

namespace intelwall::app {

namespace {

Result<std::vector<DomainSpec>> parse_all(const std::vector<std::string>& texts, std::optional<Scope> scope) {
  std::vector<DomainSpec> domains;
  for (const auto& text : texts) {
    auto domain = parse_domain(text);
    if (!domain) {
      auto error = std::move(domain).error();
      if (error.place.empty()) error.place = fmt::format("\"{}\"", printable(text));
      return std::unexpected(std::move(error));
    }
    if (scope) domain->scope = *scope;
    domains.push_back(*std::move(domain));
  }
  return domains;
}

bool outlasts(const std::optional<Time>& a, const std::optional<Time>& b) {
  return !a || (b && *a >= *b);
}

}  // namespace

bool is_enough(const Decision& old, const Decision& fresh) {
  if (!old.domain.covers(fresh.domain) || old.action != fresh.action) return false;
  if (!std::ranges::includes(old.protocols, fresh.protocols)) return false;
  if (outlasts(old.expires_at, fresh.expires_at)) return true;
  // Pressing twice must not rewrite the group for the seconds between: only a real extension does.
  return old.id == fresh.id && fresh.expires_at && old.expires_at &&
         *fresh.expires_at - *old.expires_at < (*fresh.expires_at - fresh.created_at) / 10;
}

namespace {

/// Takes down what `change` did; what ended early is looked at again.
Result<void> record(Context& context, const firewalls::Applied& applied, const firewalls::Change& change) {
  const auto by_id = [](const firewalls::Observation& seen) {
    std::map<std::string_view, const Decision*> found;
    for (const auto& each : seen.enforced) found[each.decision.id] = &each.decision;
    return found;
  };
  const auto before = by_id(applied.before);
  std::optional<firewalls::Observation> after;
  if (applied.failure) {
    IW_TRY(auto seen, context.firewall->observe());
    after = std::move(seen);
  }
  const auto now_there = after ? by_id(*after) : decltype(before){};
  std::vector<Decision> put;
  std::vector<Decision> lifted;
  for (const auto& fresh : change.put) {
    auto decision = rules::normalised(fresh);
    const auto old = before.find(decision.id);
    if (old != before.end() && *old->second == decision) continue;
    if (!after || now_there.contains(decision.id)) put.push_back(std::move(decision));
  }
  for (const auto& id : change.remove) {
    const auto old = before.find(id);
    if (old != before.end() && !now_there.contains(id)) lifted.push_back(*old->second);
  }
  if (put.empty() && lifted.empty()) return {};
  IW_TRY(auto ledger, store::Ledger::open(context.settings.state));
  return ledger.record_decisions(applied.before.firewall, put, lifted, context.clock(), context.settings.actor);
}

}  // namespace

Result<Enforcement> enforce(Context& context, const firewalls::Fold& fold, Mode mode) {
  Enforcement done;
  if (mode == Mode::plan) {
    IW_TRY(done.plan, context.firewall->plan(fold));
    return done;
  }
  firewalls::Change change;
  IW_TRY(auto applied, context.firewall->apply([&](const firewalls::Observation& seen) -> Result<firewalls::Change> {
    IW_TRY(change, fold(seen));
    return change;
  }));
  if (auto live = context.firewall->verify(applied, context.settings.patience); !live)
    done.unverified = std::move(live).error();
  if (!applied.plan.empty() && !context.settings.state.empty())
    if (auto recorded = record(context, applied, change); !recorded) done.unrecorded = std::move(recorded).error();
  done.plan = std::move(applied.plan);
  done.failure = std::move(applied.failure);
  done.rounds = applied.rounds;
  return done;
}

firewalls::Change merge(const firewalls::Observation& seen, const std::vector<Decision>& wanted, Existing existing) {
  firewalls::Change change;
  for (const auto& fresh : wanted) {
    Decision decision = fresh;
    bool enough = false;
    for (const auto& [old, group] : seen.enforced) {
      if (existing == Existing::keep_if_enough && is_enough(old, fresh)) enough = true;
      if (old.id == fresh.id) {
        decision.created_at = old.created_at == Time{} ? fresh.created_at : old.created_at;
        if (existing == Existing::keep_if_enough && outlasts(old.expires_at, fresh.expires_at))
          decision.expires_at = old.expires_at;
      } else if (old.domain == fresh.domain) {
        change.remove.push_back(old.id);  // the same domain under another action
      }
    }
    if (!enough) change.put.push_back(std::move(decision));
  }
  return change;
}

Result<BlockOutcome> block(Context& context, const BlockRequest& request, Mode mode) {
  IW_TRY(const auto domains, parse_all(request.domains, request.scope));
  BlockOutcome outcome;
  bool all_allowed = true;
  for (std::size_t i = 0; i < domains.size(); ++i) {
    outcome.items.push_back(
        {request.domains[i], domains[i], context.guardrails->judge(domains[i], request.insistence)});
    all_allowed = all_allowed && outcome.items.back().judgement.verdict == policy::Verdict::block;
  }
  if (!all_allowed) return outcome;

  const auto& settings = context.settings;
  const Time now = context.clock();
  for (const auto& item : outcome.items) {
    Decision decision{.id = decision_id(item.domain, settings.action),
                      .domain = item.domain,
                      .action = settings.action,
                      .protocols = settings.protocols,
                      .reason = RuleText(request.reason),
                      .source = RuleText("manual"),
                      .actor = RuleText(settings.actor),
                      .created_at = now,
                      .expires_at = {}};
    if (settings.lifetime) decision.expires_at = now + *settings.lifetime;
    outcome.decisions.push_back(std::move(decision));
  }
  IW_TRY(outcome.enforcement, enforce(
                                  context,
                                  [&](const firewalls::Observation& seen) -> Result<firewalls::Change> {
                                    return merge(seen, outcome.decisions, Existing::replace);
                                  },
                                  mode));
  return outcome;
}

Result<UnblockOutcome> unblock(Context& context, const std::vector<std::string>& texts, Mode mode) {
  IW_TRY(const auto domains, parse_all(texts, std::nullopt));
  UnblockOutcome outcome;
  const auto fold = [&](const firewalls::Observation& seen) -> Result<firewalls::Change> {
    outcome = {};  // a fold may run several times
    firewalls::Change change;
    for (const auto& domain : domains) {
      bool found = false;
      for (const auto& [decision, group] : seen.enforced) {
        if (decision.domain.name != domain.name) continue;
        found = true;
        if (std::ranges::find(change.remove, decision.id) != change.remove.end()) continue;
        change.remove.push_back(decision.id);
        outcome.lifted.push_back(decision);
      }
      if (found) continue;
      outcome.unknown.push_back(domain);
      for (const auto& [decision, group] : seen.enforced)
        if (decision.domain.covers(domain.name)) outcome.covered_by.emplace_back(domain, decision.domain);
    }
    return change;
  };
  Enforcement enforcement;
  IW_TRY(enforcement, enforce(context, fold, mode));
  outcome.enforcement = std::move(enforcement);
  return outcome;
}

Result<AllowOutcome> allow(Context& context, const std::vector<std::string>& texts, std::optional<Scope> scope,
                           const std::string& reason, Mode mode) {
  if (!context.settings.allow_list)
    return fail(ErrorCode::usage, "no allow list is configured", {},
                "give --allow-list FILE, set INTELWALL_ALLOW_LIST, or write `allow_list: FILE` into intelwall.yaml");
  IW_TRY(const auto domains, parse_all(texts, scope));
  AllowOutcome outcome;
  if (mode == Mode::write) {
    const auto comment = fmt::format("{} {}{}{}", format_time(context.clock()), context.settings.actor,
                                     reason.empty() ? "" : ": ", reason);
    IW_TRY(outcome.added, add_to_list(context, *context.settings.allow_list, domains, comment));
  } else {
    outcome.added = domains;
  }
  // The list comes first: from here on nobody blocks these names again, whatever happens to the lifting.
  const auto forbids = [](const DomainSpec& allowed, const DomainSpec& blocked) {
    return allowed.covers(blocked.name) || blocked.covers(allowed.name);
  };
  std::vector<Decision> lifted;
  const auto fold = [&](const firewalls::Observation& seen) -> Result<firewalls::Change> {
    lifted.clear();
    firewalls::Change change;
    for (const auto& [decision, group] : seen.enforced)
      if (std::ranges::any_of(domains, [&](const DomainSpec& domain) { return forbids(domain, decision.domain); })) {
        change.remove.push_back(decision.id);
        lifted.push_back(decision);
      }
    return change;
  };
  IW_TRY(outcome.enforcement, enforce(context, fold, mode));
  outcome.lifted = std::move(lifted);
  return outcome;
}

Result<ReconcileOutcome> reconcile(Context& context, Mode mode) {
  ReconcileOutcome outcome;
  const Time now = context.clock();
  const auto fold = [&](const firewalls::Observation& seen) -> Result<firewalls::Change> {
    outcome = {};
    outcome.problems = seen.problems;
    firewalls::Change change;
    change.intent = firewalls::Change::Intent::unattended;
    for (const auto& [decision, group] : seen.enforced) {
      std::string why;
      if (decision.expires_at && *decision.expires_at <= now) {
        why = fmt::format("expired {}", format_time(*decision.expires_at));
      } else if (const auto judgement = context.guardrails->judge(decision.domain, policy::Insistence::forced);
                 judgement.verdict == policy::Verdict::refuse) {
        why = judgement.reasons.front().text;
      } else {
        continue;
      }
      change.remove.push_back(decision.id);
      outcome.removals.push_back({decision, std::move(why)});
    }
    return change;
  };
  Enforcement enforcement;
  IW_TRY(enforcement, enforce(context, fold, mode));
  outcome.enforcement = std::move(enforcement);
  return outcome;
}

}  // namespace intelwall::app
