#include "app/hunt_sync_dns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "aws/json_text.hpp"
#include "firewalls/change.hpp"

namespace intelwall::app {

namespace {

using Json = nlohmann::json;
using firewalls::Route53Hunts;

/// What the last sync left behind: as long as the lists and the ledger say the same, there is nothing to do.
struct Applied {
  std::uint64_t generation = 0, fingerprint = 0;
  bool complete = false;  ///< no name was left out
  Route53Hunts::Versions versions;
};

std::string to_text(const Applied& applied) {
  return aws::dump_json({{"generation", applied.generation},
                         {"fingerprint", applied.fingerprint},
                         {"complete", applied.complete},
                         {"versions", applied.versions}});
}

/// Nothing where there is no note, or none that we read: then all is looked at.
std::optional<Applied> read_applied(const std::string& text) {
  try {
    const auto json = Json::parse(text);
    return Applied{.generation = json.at("generation"),
                   .fingerprint = json.at("fingerprint"),
                   .complete = json.at("complete"),
                   .versions = json.at("versions")};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

struct Candidate {
  std::uint32_t part, index, rank;
};

/// What blocks first, then who is the last to be left out, then by name.
std::vector<Candidate> candidates_of(const Desired& desired) {
  std::vector<Candidate> all;
  all.reserve(desired.wanted);
  for (std::uint32_t part = 0; part < desired.parts.size(); ++part)
    for (std::uint32_t i = 0; i < desired.parts[part].domains.size(); ++i)
      all.push_back({part, i, desired.parts[part].domains.rank(i)});
  const auto alerts = [&](const Candidate& each) { return desired.parts[each.part].action == Action::alert; };
  std::ranges::sort(all, [&](const Candidate& a, const Candidate& b) {
    if (alerts(a) != alerts(b)) return alerts(b);
    if (a.rank != b.rank) return a.rank < b.rank;
    const auto name_a = desired.parts[a.part].domains.name(a.index);
    const auto name_b = desired.parts[b.part].domains.name(b.index);
    return name_a != name_b ? name_a < name_b : a.part < b.part;
  });
  return all;
}

/// Domains that stand in a list with their subdomains.
using Wide = std::unordered_set<std::string_view>;

bool covers(const Wide& wide, std::string_view name) {
  for (auto rest = name; !wide.empty();) {
    if (wide.contains(rest)) return true;
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  return false;
}

}  // namespace

std::string dns_note_key(const Context& context) {
  return "applied dns " + context.settings.dns.prefix + " " + context.settings.dns.rule_group;
}

DnsSelection select_names(const Desired& desired, std::size_t room) {
  DnsSelection selection;
  Wide blocked, alerted;
  std::size_t used = 0;
  for (const auto& [part, index, rank] : candidates_of(desired)) {
    const auto& domains = desired.parts[part].domains;
    const bool alert = desired.parts[part].action == Action::alert;
    const auto name = domains.name(index);
    const auto scope = domains.scope(index);
    if (covers(blocked, name) || (alert && covers(alerted, name))) {
      ++selection.enforced;
      continue;
    }
    auto& names = alert ? selection.names.alert : selection.names.block;
    // The name may stand there for itself; a wildcard of it would have covered it.
    const bool known = names.contains(std::string(name));
    const std::size_t needed = (known ? 0U : 1U) + (scope == Scope::subdomains ? 1U : 0U);
    if (used + needed > room) {
      selection.left_out.push_back({std::string(name), scope, rank});
      continue;
    }
    used += needed;
    ++selection.enforced;
    names.emplace(name);
    if (scope == Scope::exact) continue;
    names.insert("*." + std::string(name));
    (alert ? alerted : blocked).insert(name);
  }
  return selection;
}

namespace {

/// A run's own guard compares with what the ledger keeps; a ledger that never wrote to these lists knows nothing.
Result<void> guard(const Route53Hunts::Seen& seen, const firewalls::DnsNames& wanted,
                   const firewalls::Route53Options& options) {
  const auto live = seen.live.size();
  const auto least = static_cast<double>(live) * (1 - options.max_removals);
  if (live <= wanted.size() + firewalls::always_removable || static_cast<double>(wanted.size()) >= least) return {};
  return fail(
      ErrorCode::refused,
      fmt::format("DNS Firewall's lists of hunts hold {} names and this ledger wants {}, so nothing was changed", live,
                  wanted.size()),
      options.rule_group, "is this the ledger that wrote them (--state)? If it is meant, raise --max-removals");
}

}  // namespace

Result<DnsSync> sync_hunts_with_dns(Context& context, store::Ledger& ledger, WantedOnce& wanted, Removals removals,
                                    Mode mode) {
  const auto& options = context.settings.dns;
  const Route53Hunts lists(std::make_shared<aws::Route53ResolverClient>(*context.session), options, context.sleep);
  DnsSync outcome;
  IW_TRY(const auto note, ledger.note(dns_note_key(context)));
  IW_TRY(const auto generation, ledger.generation());
  const auto last = read_applied(note);
  const bool is_same = !wanted.known() || (last && wanted.known()->fingerprint == last->fingerprint);
  if (last && last->complete && last->generation == generation && is_same) {
    IW_TRY(const auto versions, lists.versions());
    if (versions == last->versions) {
      outcome.unchanged = true;
      return outcome;
    }
  }
  IW_TRY(const auto* desired, wanted.read());
  IW_TRY(auto seen, lists.observe());
  auto selection = select_names(*desired, seen.room);
  outcome.enforced = selection.enforced;
  outcome.names = selection.names.size();
  outcome.room = seen.room;
  outcome.left_out = std::move(selection.left_out);
  if (removals == Removals::guarded && !last) IW_CHECK(guard(seen, selection.names, options));
  if (mode == Mode::plan) {
    outcome.enforcement.plan = lists.plan(seen, selection.names);
    return outcome;
  }
  IW_TRY(auto applied, lists.apply(std::move(seen), selection.names));
  outcome.enforcement.plan = applied.plan;
  outcome.enforcement.failure = applied.failure;
  outcome.enforcement.rounds = applied.rounds;
  if (auto live = context.firewall->verify(applied, context.settings.patience); !live)
    outcome.enforcement.unverified = std::move(live).error();
  if (applied.failure) return outcome;
  IW_TRY(auto versions, lists.versions());
  IW_CHECK(ledger.save_note(dns_note_key(context), to_text({.generation = generation,
                                                            .fingerprint = desired->fingerprint,
                                                            .complete = outcome.left_out.empty(),
                                                            .versions = std::move(versions)})));
  return outcome;
}

}  // namespace intelwall::app
