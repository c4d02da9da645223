#include "app/sightings.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "app/sighting_raiser.hpp"
#include "hunt/log_tail.hpp"
#include "intel/byte_source.hpp"

namespace intelwall::app {
namespace {

constexpr std::size_t most_recorded = 1'000'000;
/// A step is cut after this many bytes, so that what is seen is told soon and the memory for it stays bounded.
constexpr std::uint64_t max_step = 256u << 20;

std::string place_key(const std::string& log) {
  return "log:" + log;
}

}  // namespace

Result<DomainSet> watched_domains(store::Ledger& ledger) {
  IW_TRY(const auto hunts, ledger.hunts());
  std::vector<store::Roster> rosters;
  std::vector<DomainSet::Entry> entries;
  for (const auto& hunt : hunts) {
    IW_TRY(auto roster, ledger.roster(hunt.id));
    rosters.push_back(std::move(roster));
  }
  for (const auto& roster : rosters)
    for (const auto& entry : roster.entries()) entries.push_back({roster.name(entry), entry.scope, 0});
  return DomainSet::build(entries);
}

store::Confidence Seen::confidence() const {
  return watched_by.empty() ? store::Confidence::unverified : watched_by.front().facts.confidence;
}

void SeenCollector::add(const hunt::Contact& contact, const DomainSet::Match& match) {
  const std::string workload(!contact.instance.empty() ? contact.instance
                             : !contact.source.empty() ? contact.source
                                                       : "unknown");
  // An address of a log is a text that somebody else wrote.
  auto& seen = seen_[{printable(workload, 64), std::string(match.name)}];
  const auto told = parse_time(contact.time);
  const Time at = told && *told <= now_ + std::chrono::days{1} ? *told : now_;
  if (seen.count == 0) {
    seen.workload = printable(workload, 64);
    seen.domain = match.name;
    seen.first = seen.last = at;
  }
  seen.first = std::min(seen.first, at);
  if (at >= seen.last) {
    seen.last = at;
    seen.name = contact.name;
    seen.kind = contact.kind;
    seen.destination = printable(contact.destination, 64);
    seen.destination_port = contact.destination_port;
  }
  ++seen.count;
  if (contact.outcome == hunt::Contact::Outcome::blocked) ++seen.blocked;
}

Result<std::vector<Seen>> SeenCollector::take(store::Ledger& ledger) {
  std::vector<Seen> all;
  std::map<std::string, std::vector<store::Kept>> known;
  for (auto& [key, seen] : seen_) {
    auto found = known.find(seen.domain);
    if (found == known.end()) {
      IW_TRY(auto kept, ledger.find(seen.domain));
      std::ranges::stable_sort(kept, {}, [](const store::Kept& each) { return each.facts.confidence; });
      found = known.emplace(seen.domain, std::move(kept)).first;
    }
    seen.watched_by = found->second;
    all.push_back(std::move(seen));
  }
  seen_.clear();
  return all;
}

Result<ScanOutcome> scan_logs(Context& context, store::Ledger& ledger, const DomainSet& watched,
                              const std::vector<std::string>& logs, const ScanProgress& progress) {
  ScanOutcome outcome;
  SeenCollector collector(context.clock());
  hunt::LogScanner scanner(watched);
  for (const auto& log : logs) {
    IW_TRY(const auto file, intel::open_unpacked(log));
    IW_CHECK(scanner.scan(
        *file.bytes, file.name,
        [&](const hunt::Contact& contact, const DomainSet::Match& match) { collector.add(contact, match); },
        outcome.report,
        [&](std::uint64_t consumed) {
          if (progress) progress(consumed, file.size);
        }));
  }
  IW_TRY(outcome.seen, collector.take(ledger));
  return outcome;
}

struct LogFollower::State {
  Context& context;
  store::Ledger& ledger;
  Findings findings;
  struct Log {
    std::string name;
    hunt::LogTail tail;
  };
  std::vector<Log> logs;
  std::vector<std::string> unopened;
  SightingRaiser raiser;
  std::optional<std::uint64_t> watched_since;  ///< the ledger's generation that `watched` is of
  DomainSet watched;

  Result<void> open_logs() {
    for (auto& name : unopened) {
      IW_TRY(const auto saved, ledger.note(place_key(name)));
      const auto position =
          saved.empty() ? Result<hunt::LogPosition>(hunt::LogPosition{}) : hunt::parse_position(saved);
      if (saved.empty() || !position)
        logs.push_back({name, hunt::LogTail(name, hunt::From::beginning)});
      else
        logs.push_back({name, hunt::LogTail(name, *position)});
    }
    unopened.clear();
    return {};
  }

  /// Hunts change what is watched between steps, but seldom: a million domains are read again only then.
  Result<void> watch() {
    IW_TRY(const auto generation, ledger.generation());
    if (watched_since == generation) return {};
    IW_TRY(watched, watched_domains(ledger));
    watched_since = generation;
    return {};
  }

  /// Records what was seen now, and makes it what was seen over all time, of which findings tell.
  Result<void> record(std::vector<Seen>& all) {
    std::vector<store::Sighting> fresh;
    for (const auto& seen : all) fresh.push_back({seen.workload, seen.domain, seen.first, seen.last, seen.count, {}});
    IW_CHECK(ledger.record(fresh));
    for (auto& seen : all) {
      IW_TRY(const auto known, ledger.sighting(seen.workload, seen.domain));
      IW_ASSERT(known.has_value());
      seen.first = known->first;
      seen.last = known->last;
      seen.count = known->count;
    }
    return {};
  }

  /// What is to be told: what was seen now, and what was recorded while Security Hub could not be reached.
  Result<std::vector<Seen>> untold(const std::vector<Seen>& now) {
    std::vector<Seen> all = now;
    std::set<std::pair<std::string_view, std::string_view>> there;
    for (const auto& seen : now) there.emplace(seen.workload, seen.domain);
    IW_TRY(const auto recorded, ledger.untold_sightings(most_recorded));
    for (const auto& each : recorded) {
      if (there.contains({each.workload, each.domain})) continue;
      Seen seen;
      seen.workload = each.workload;
      seen.domain = seen.name = each.domain;
      seen.first = each.first;
      seen.last = each.last;
      seen.count = each.count;
      IW_TRY(seen.watched_by, ledger.find(each.domain));
      all.push_back(std::move(seen));
    }
    return all;
  }

  Result<void> raise(FollowOutcome& outcome) {
    if (findings == Findings::leave) return {};
    IW_TRY(auto all, untold(outcome.seen));
    return raiser.raise(std::move(all), outcome,
                        [this](const std::vector<store::Sighting>& told) { return ledger.record(told); });
  }
};

LogFollower::LogFollower(Context& context, store::Ledger& ledger, std::vector<std::string> logs, Findings findings)
    : state_(std::make_unique<State>(State{.context = context,
                                           .ledger = ledger,
                                           .findings = findings,
                                           .logs = {},
                                           .unopened = std::move(logs),
                                           .raiser = SightingRaiser(context)})) {}
LogFollower::~LogFollower() = default;

Result<FollowOutcome> LogFollower::step() {
  auto& state = *state_;
  IW_CHECK(state.open_logs());
  IW_CHECK(state.watch());
  FollowOutcome outcome;
  SeenCollector collector(state.context.clock());
  hunt::LogScanner scanner(state.watched);
  const auto take = [&](const hunt::Contact& contact, const DomainSet::Match& match) { collector.add(contact, match); };
  for (auto& log : state.logs) {
    while (outcome.report.bytes < max_step) {
      IW_TRY(const auto lines, log.tail.next());
      if (lines.empty()) break;
      scanner.scan_lines(lines, hunt::LogTail::padding, log.name, outcome.report.lines + 1, take, outcome.report);
    }
  }
  IW_TRY(outcome.seen, collector.take(state.ledger));
  IW_CHECK(state.record(outcome.seen));
  for (const auto& log : state.logs)
    IW_CHECK(state.ledger.save_note(place_key(log.name), hunt::to_string(log.tail.position())));
  IW_CHECK(state.raise(outcome));
  return outcome;
}

}  // namespace intelwall::app
