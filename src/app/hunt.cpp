#include "app/hunt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/feed.hpp"
#include "app/hunt_source.hpp"
#include "firewalls/change.hpp"
#include "os/lock.hpp"

namespace intelwall::app {

namespace {

constexpr const char* lock_name = "hunts.lock";

/// Held while hunts run, so that two runs do not ask and write the same.
Result<os::FileLock> take_turn(const Context& context) {
  const auto path = context.settings.state / lock_name;
  auto lock = os::FileLock::take(path, context.settings.patience);
  if (lock) return lock;
  if (lock.error().code == ErrorCode::unavailable)
    return fail(ErrorCode::unavailable, "another run of the hunts is under way and does not end",
                printable(path.native()), "wait for it, or look what it does");
  return fail(ErrorCode::system, "the lock of the hunts cannot be opened", printable(path.native()),
              "name a directory that may be written (--state DIR)");
}

Error write_down(store::Ledger& ledger, const store::Hunt& hunt, store::Progress progress, Time now, Error error) {
  progress.last_try = now;
  ++progress.failures;
  progress.last_error = error.to_text();
  const auto saved = ledger.save_progress(hunt.id, progress);
  const auto told = ledger.audit({now, "intelwall", "run-failed", hunt.name, progress.last_error});
  if (!saved || !told) error.message += ", and the ledger did not take that down";
  return error;
}

class Run {
 public:
  Run(Context& context, store::Ledger& ledger, const store::Hunt& hunt, store::Progress progress, RunKind kind)
      : context_(context),
        ledger_(ledger),
        hunt_(hunt),
        progress_(std::move(progress)),
        now_(context.clock()),
        guard_(guard_of(*context.guardrails)) {
    report_.hunt = hunt.name;
    report_.kind = kind;
  }

  HuntReport run() {
    if (auto done = run_once(); !done)
      report_.failure = write_down(ledger_, hunt_, progress_, now_, std::move(done).error());
    return std::move(report_);
  }

 private:
  Result<void> run_once() {
    const bool full = report_.kind == RunKind::full;
    const bool over = progress_.next_expiry != Time{} && progress_.next_expiry <= now_;
    if (full || over || progress_.guard != guard_) IW_CHECK(open());
    // What guardrails let pass now stands only in the whole list, which is wanted even if it is as it was.
    auto asked = progress_;
    if (progress_.guard != guard_) asked.validator.clear();
    IW_TRY(const auto source, read_source(context_, hunt_, asked, report_.kind, [this]() -> Result<Intake*> {
             IW_CHECK(open());
             return &*intake_;
           }));
    report_.unmodified = source.unmodified;
    auto next = progress_;
    if (!source.cursor.empty()) next.cursor = source.cursor;
    next.validator = source.validator;
    next.last_run = next.last_try = now_;
    next.failures = 0;
    next.last_error.clear();
    if (full) next.last_full = now_;
    if (roster_) {
      IW_CHECK(settle(next, full && !source.unmodified));
    } else {
      IW_CHECK(ledger_.save_progress(hunt_.id, next));
    }
    IW_TRY(report_.kept, ledger_.kept_count(hunt_.id));
    if (report_.changes.any()) IW_CHECK(audit());
    return {};
  }

  Result<void> open() {
    if (roster_) return {};
    IW_TRY(auto roster, ledger_.roster(hunt_.id));
    roster_.emplace(std::move(roster));
    intake_.emplace(hunt_, ledger_, *roster_, *context_.guardrails, now_);
    return {};
  }

  /// What the source said becomes what is kept, unless that takes away too much.
  Result<void> settle(store::Progress& next, bool swept) {
    if (progress_.guard != guard_) intake_->judge_again();
    next.guard = guard_;
    report_.expired = expire();
    const auto listed = intake_->counts().kept + intake_->counts().expired;
    if (swept && listed == 0 && roster_->size() > 0 && context_.settings.firewall.max_removals < 1)
      return fail(
          ErrorCode::refused,
          fmt::format("the source lists nothing that is wanted, and {} domains are kept, so nothing was changed",
                      roster_->size()),
          hunt_.name, "look at the source; `--max-removals 1` with `hunt run` means it");
    if (swept) roster_->sweep();
    report_.changes = roster_->changes();
    report_.intake = intake_->counts();
    // Time takes away what it takes; a source is believed only so far.
    const auto removed = report_.changes.removed - std::min(report_.changes.removed, report_.expired);
    const auto most = std::max(
        firewalls::always_removable,
        static_cast<std::size_t>(context_.settings.firewall.max_removals * static_cast<double>(roster_->loaded())));
    if (removed > most)
      return fail(ErrorCode::refused,
                  fmt::format("{} of {} domains would leave at once, more than {:.0f} %, so nothing was changed",
                              removed, roster_->loaded(), context_.settings.firewall.max_removals * 100),
                  hunt_.name, "look at the source; raise --max-removals for this run if it is meant");
    next.summary = to_json(report_).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    next.next_expiry = Time{};
    for (const auto& entry : roster_->entries()) {
      if (!roster_->is_kept(entry) || entry.facts.expires == 0) continue;
      const auto at = store::from_stamp(entry.facts.expires);
      if (next.next_expiry == Time{} || at < next.next_expiry) next.next_expiry = at;
    }
    IW_CHECK(intake_->write_contexts());
    return ledger_.commit(*roster_, next, now_);
  }

  std::size_t expire() {
    std::size_t expired = 0;
    for (std::size_t i = 0; i < roster_->entries().size(); ++i) {
      const auto& entry = roster_->entries()[i];
      if (!entry.loaded()) continue;
      const bool over = entry.facts.expires != 0 && store::from_stamp(entry.facts.expires) <= now_;
      if (roster_->is_kept(entry) && over) roster_->remove(i, store::Leaving::expired);
      if (entry.leaving == static_cast<std::uint8_t>(store::Leaving::expired)) ++expired;
    }
    return expired;
  }

  Result<void> audit() {
    return ledger_.audit(
        {now_, context_.settings.actor, "run", hunt_.name,
         fmt::format("{} run: {} new, {} changed, {} gone, {} kept", to_string(report_.kind), report_.changes.added,
                     report_.changes.changed, report_.changes.removed, report_.kept)});
  }

  Context& context_;
  store::Ledger& ledger_;
  const store::Hunt& hunt_;
  store::Progress progress_;
  Time now_;
  std::string guard_;
  std::optional<store::Roster> roster_;
  std::optional<Intake> intake_;
  HuntReport report_;
};

}  // namespace

Result<store::Ledger> open_ledger(const Context& context) {
  if (context.settings.state.empty())
    return fail(ErrorCode::usage, "there is no ledger", "state: none",
                "name a directory that may be written (--state DIR)");
  return store::Ledger::open(context.settings.state);
}

Result<store::Hunt> add_hunt(Context& context, store::Ledger& ledger, store::Hunt hunt) {
  if (!store::is_hunt_name(hunt.name))
    return fail(ErrorCode::usage, fmt::format("\"{}\" is no name of a hunt", printable(hunt.name, 60)), "NAME",
                "use 1 to 40 of a-z, 0-9 and -");
  IW_CHECK(check_source(hunt.source));
  if (!asks_falcon(hunt) && !hunt.filter.empty())
    return fail(ErrorCode::usage, "only Falcon understands a filter", "--fql", "leave it out, or use --source falcon");
  if (auto filter = filter_of(hunt); !filter) return std::unexpected(std::move(filter).error());
  if (hunt.action == Action::pass) return fail(ErrorCode::usage, "a hunt does not let anything pass", "--action");
  if (auto expiry = expiry_of(hunt.expiry, store::Confidence::high, Time{}); !expiry) {
    expiry.error().place = "--expires";
    expiry.error().hint = "use auto, never, or a lifetime such as 30d";
    return std::unexpected(std::move(expiry).error());
  }
  if (!asks_falcon(hunt) && !is_feed_url(hunt.source))
    hunt.source = std::filesystem::absolute(hunt.source).lexically_normal().string();
  hunt.created_at = context.clock();
  hunt.created_by = context.settings.actor;
  IW_TRY(auto added, ledger.add_hunt(hunt));
  IW_CHECK(
      ledger.audit({added.created_at, added.created_by, "hunt-add", added.name, added.source + " " + added.filter}));
  return added;
}

bool RunOutcome::complete() const {
  return !sync_failure && sync.complete() &&
         std::ranges::none_of(hunts, [](const HuntReport& report) { return report.failure.has_value(); });
}

Result<RunOutcome> run_hunts(Context& context, store::Ledger& ledger, const RunRequest& request) {
  IW_TRY(const auto turn, take_turn(context));
  RunOutcome outcome;
  IW_TRY(auto hunts, ledger.hunts());
  for (const auto& name : request.names) IW_CHECK(ledger.hunt(name));
  const auto is_named = [&](const store::Hunt& hunt) {
    return request.names.empty() || std::ranges::find(request.names, hunt.name) != request.names.end();
  };
  for (const auto& hunt : hunts) {
    IW_TRY(auto progress, ledger.progress(hunt.id));
    const auto now = context.clock();
    const bool due = next_run(hunt, progress, now) <= now;
    if (is_named(hunt) && (request.which == RunRequest::Which::asked_for || due)) {
      const auto kind = request.reach == RunRequest::Reach::full ? RunKind::full : kind_of_run(hunt, progress, now);
      outcome.hunts.push_back(Run(context, ledger, hunt, progress, kind).run());
      IW_TRY(progress, ledger.progress(hunt.id));
    }
    const auto next = next_run(hunt, progress, now);
    if (!outcome.next || next < *outcome.next) outcome.next = next;
  }
  // A hunt that failed keeps what it had, so the rest is brought to the firewall. When none was due, somebody may have
  // changed the firewall nevertheless.
  const auto removals = context.settings.firewall.max_removals >= 1 ? Removals::deliberate : Removals::guarded;
  auto synced = sync_hunts(context, ledger, removals, request.mode);
  if (synced) {
    outcome.sync = *std::move(synced);
  } else {
    outcome.sync_failure = std::move(synced).error();
  }
  return outcome;
}

Result<SyncOutcome> remove_hunt(Context& context, store::Ledger& ledger, const std::string& name, Mode mode) {
  IW_TRY(const auto turn, take_turn(context));
  IW_TRY(const auto hunt, ledger.hunt(name));
  if (mode == Mode::write) {
    const auto now = context.clock();
    IW_CHECK(ledger.remove_hunt(name, now));
    IW_CHECK(ledger.audit({now, context.settings.actor, "hunt-rm", name, hunt.source + " " + hunt.filter}));
  }
  return sync_hunts(context, ledger, Removals::deliberate, mode);
}

}  // namespace intelwall::app
