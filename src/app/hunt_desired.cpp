#include "app/hunt_desired.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "core/domain_set.hpp"
#include "firewalls/list_content.hpp"

namespace intelwall::app {

namespace {

/// An alert lets pass; a drop and a reject do not.
int strength(Action action) {
  switch (action) {
    case Action::drop:
      return 2;
    case Action::reject:
      return 1;
    case Action::alert:
    case Action::pass:
      return 0;
  }
  return 0;
}

bool stops(Action action) {
  return action == Action::drop || action == Action::reject;
}

/// Whether rules of `action` over `protocols` do all that `hunt` asks for.
bool is_enough(Action action, const std::set<Protocol>& protocols, const store::Hunt& hunt) {
  return (stops(action) || !stops(hunt.action)) && std::ranges::includes(protocols, hunt.protocols);
}

class Blocks {
 public:
  Blocks(std::span<const Decision> blocks, Time now) : blocks_(blocks) {
    std::vector<DomainSet::Entry> entries;
    for (std::uint32_t i = 0; i < blocks.size(); ++i)
      if (!blocks[i].expires_at || *blocks[i].expires_at > now)
        entries.push_back({blocks[i].domain.name.text(), blocks[i].domain.scope, i});
    // Names of decisions are names, and few: this cannot fail.
    if (auto set = DomainSet::build(entries)) set_ = *std::move(set);
  }

  bool covers(std::string_view name, Scope scope, const store::Hunt& hunt) const {
    const auto match = set_.find(name);
    if (!match || (match->scope == Scope::exact && scope == Scope::subdomains)) return false;
    const auto& block = blocks_[match->payload];
    return is_enough(block.action, block.protocols, hunt);
  }

 private:
  std::span<const Decision> blocks_;
  DomainSet set_;
};

struct Candidate {
  const store::Roster::Entry* entry;
  std::uint32_t rank;
};

/// What a hunt keeps, at most as much as it may: the first to be left out are beyond its limit.
std::vector<Candidate> candidates_of(const HuntNames& from, const std::set<std::string>& sighted,
                                     std::size_t& over_limit) {
  std::vector<Candidate> all;
  all.reserve(from.roster->size());
  for (const auto& entry : from.roster->entries()) {
    if (!from.roster->is_kept(entry)) continue;
    const bool seen = !sighted.empty() && sighted.contains(std::string(from.roster->name(entry)));
    all.push_back({&entry, rank_of(entry.facts, seen)});
  }
  const auto limit = from.hunt->limit;
  if (limit == 0 || all.size() <= limit) return all;
  over_limit += all.size() - limit;
  std::ranges::sort(all, [&](const Candidate& a, const Candidate& b) {
    if (a.rank != b.rank) return a.rank < b.rank;
    return from.roster->name(*a.entry) < from.roster->name(*b.entry);
  });
  all.resize(limit);
  return all;
}

}  // namespace

std::uint32_t rank_of(const store::Facts& facts, bool sighted) {
  constexpr std::uint32_t newest = (1U << 29) - 1;
  const auto age = newest - std::min(facts.updated / 8, newest);
  return (sighted ? 0U : 1U << 31) | static_cast<std::uint32_t>(facts.confidence) << 29 | age;
}

Desired desired_of(std::span<const HuntNames> hunts, std::span<const Decision> blocks,
                   const std::set<std::string>& sighted, Time now) {
  Desired desired;
  std::vector<HuntNames> ordered(hunts.begin(), hunts.end());
  std::ranges::stable_sort(ordered, [](const HuntNames& a, const HuntNames& b) {
    if (a.hunt->action != b.hunt->action) return strength(a.hunt->action) > strength(b.hunt->action);
    return a.hunt->protocols.size() > b.hunt->protocols.size();
  });
  const Blocks live(blocks, now);
  for (std::size_t at = 0; at < ordered.size(); ++at) {
    const auto& [hunt, roster] = ordered[at];
    // A name of a hunt before this one that does as much already, within its limit or not: it has the better right.
    const auto is_doubled = [&](std::string_view name, Scope scope) {
      return std::any_of(ordered.begin(), ordered.begin() + static_cast<std::ptrdiff_t>(at), [&](const auto& before) {
        if (before.hunt->limit != 0 || !is_enough(before.hunt->action, before.hunt->protocols, *hunt)) return false;
        const auto* const entry = before.roster->find(name, scope);
        return entry != nullptr && before.roster->is_kept(*entry);
      });
    };
    DesiredPart* part = nullptr;
    std::uint64_t seed = 0;
    for (const auto& [entry, rank] : candidates_of(ordered[at], sighted, desired.over_limit)) {
      const auto name = roster->name(*entry);
      if (is_doubled(name, entry->scope)) {
        ++desired.doubled;
        continue;
      }
      if (!blocks.empty() && live.covers(name, entry->scope, *hunt)) {
        ++desired.covered_by_blocks;
        continue;
      }
      if (part == nullptr) {
        const auto same = std::ranges::find_if(desired.parts, [&](const DesiredPart& each) {
          return each.action == hunt->action && each.protocols == hunt->protocols;
        });
        if (same == desired.parts.end()) {
          part = &desired.parts.emplace_back(DesiredPart{hunt->action, hunt->protocols, {}});
          part->domains.reserve(roster->size(), 20 * roster->size());
        } else {
          part = &*same;
        }
        seed = static_cast<std::uint64_t>(hunt->action) + 1;
        for (const auto protocol : hunt->protocols) seed = 10 * seed + static_cast<std::uint64_t>(protocol) + 1;
      }
      ++desired.wanted;
      desired.fingerprint += firewalls::fingerprint(name, 2 * seed + (entry->scope == Scope::exact ? 1 : 0));
      // The roster holds nothing but names.
      if (const auto parsed = DomainName::parse(name)) part->domains.add(*parsed, entry->scope, rank);
    }
  }
  return desired;
}

Result<Desired> read_desired(Context& context, store::Ledger& ledger) {
  IW_TRY(const auto hunts, ledger.hunts());
  std::vector<store::Roster> rosters;
  rosters.reserve(hunts.size());
  std::vector<HuntNames> names;
  for (const auto& hunt : hunts) {
    IW_TRY(auto roster, ledger.roster(hunt.id));
    rosters.push_back(std::move(roster));
    names.push_back({&hunt, &rosters.back()});
  }
  IW_TRY(const auto seen, context.firewall->observe());
  std::vector<Decision> blocks;
  for (const auto& each : seen.enforced) blocks.push_back(each.decision);
  IW_TRY(const auto sighted, ledger.sighted_domains());
  return desired_of(names, blocks, sighted, context.clock());
}

}  // namespace intelwall::app
