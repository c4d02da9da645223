#include "app/hunt_sync.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "app/hunt_sync_dns.hpp"
#include "app/hunt_sync_suricata.hpp"
#include "firewalls/change.hpp"
#include "firewalls/list_groups.hpp"
#include "rules/decompile.hpp"

namespace intelwall::app {

namespace {

using Json = nlohmann::json;
using firewalls::ListObservation;
using firewalls::ListPart;

/// Up to here a rule names its domain, which reads better in a console; above, packing saves.
constexpr std::size_t most_plain = 500;

/// What the last sync left behind: as long as the firewall and the ledger say the same, there is nothing to do.
struct Applied {
  std::uint64_t generation = 0, fingerprint = 0, content = 0;
  bool complete = false;  ///< no name was left out
  std::map<std::string, std::string> versions;
  std::vector<std::string> leftovers;
  Time next_change{};  ///< when an expiry changes what is wanted; 1970: never
};

std::string note_key(const Context& context) {
  return "applied " + context.settings.firewall.prefix + " " + context.settings.firewall.firewall;
}

std::string to_text(const Applied& applied) {
  return Json{{"generation", applied.generation},
              {"fingerprint", applied.fingerprint},
              {"content", applied.content},
              {"complete", applied.complete},
              {"versions", applied.versions},
              {"leftovers", applied.leftovers},
              {"next_change", applied.next_change.time_since_epoch().count()}}
      .dump();
}

/// Nothing where there is no note, or none that we read: then all is looked at.
std::optional<Applied> read_applied(const std::string& text) {
  try {
    const auto json = Json::parse(text);
    return Applied{.generation = json.at("generation"),
                   .fingerprint = json.at("fingerprint"),
                   .content = json.at("content"),
                   .complete = json.at("complete"),
                   .versions = json.at("versions"),
                   .leftovers = json.at("leftovers"),
                   .next_change = Time{std::chrono::seconds{json.at("next_change").get<std::int64_t>()}}};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

bool are_live(const std::map<std::string, std::string>& wanted, const std::map<std::string, std::string>& live) {
  return std::ranges::all_of(wanted, [&](const auto& each) {
    const auto found = live.find(each.first);
    return found != live.end() && found->second == each.second;
  });
}

std::vector<rules::CompiledFile> files_of(const ListObservation& seen) {
  std::vector<rules::CompiledFile> files;
  for (const auto& group : seen.groups) files.push_back({group.name + ".rules", group.live.lines.ours});
  return files;
}

/// The names that stand in the firewall; rules where they cannot be read.
std::size_t live_names(const ListObservation& seen) {
  const auto read = rules::decompile(files_of(seen));
  if (read) return read->domains.size();
  std::size_t rules = 0;
  for (const auto& group : seen.groups) rules += group.live.lines.our_rules;
  return rules;
}

std::set<std::string_view> sids_of(std::string_view text) {
  std::set<std::string_view> sids;
  for (auto at = text.find("; sid:"); at != std::string_view::npos; at = text.find("; sid:", at + 1))
    sids.insert(text.substr(at + 6, 10));
  return sids;
}

class Sync {
 public:
  Sync(Context& context, store::Ledger& ledger, WantedOnce& wanted, Removals removals)
      : context_(context), ledger_(ledger), wanted_(wanted), removals_(removals) {}

  Result<SyncOutcome> run(Mode mode) {
    IW_TRY(const auto note, ledger_.note(note_key(context_)));
    last_ = read_applied(note);
    IW_TRY(const auto generation, ledger_.generation());
    const auto lists = open_lists();
    if (last_ && last_->generation == generation && last_->leftovers.empty()) {
      IW_TRY(const auto live, lists.live_versions());
      if (are_live(last_->versions, live)) {
        outcome_.unchanged = true;
        return std::move(outcome_);
      }
    }
    IW_TRY(desired_, wanted_.read());
    const auto fold = [this](const ListObservation& seen) { return parts_for(seen); };
    if (mode == Mode::plan) {
      IW_TRY(outcome_.enforcement.plan, lists.plan(fold));
      return std::move(outcome_);
    }
    IW_TRY(auto done, lists.apply(fold, last_ ? last_->leftovers : std::vector<std::string>{}));
    outcome_.enforcement.plan = done.applied.plan;
    outcome_.enforcement.rounds = done.applied.rounds;
    outcome_.enforcement.failure = done.applied.failure;
    if (auto live = context_.firewall->verify(done.applied, context_.settings.patience); !live)
      outcome_.enforcement.unverified = std::move(live).error();
    if (done.applied.failure) return std::move(outcome_);
    const Applied applied{.generation = generation,
                          .fingerprint = desired_->fingerprint,
                          .content = done.content,
                          .complete = outcome_.left_out.empty(),
                          .versions = std::move(done.versions),
                          .leftovers = std::move(done.leftovers)};
    IW_CHECK(ledger_.save_note(note_key(context_), to_text(applied)));
    return std::move(outcome_);
  }

 private:
  firewalls::ListGroups open_lists() const {
    return {std::make_shared<aws::NetworkFirewallClient>(*context_.session), context_.settings.firewall,
            context_.sleep};
  }

  Result<std::vector<ListPart>> parts_for(const ListObservation& seen) {
    if (last_ && last_->complete && last_->fingerprint == desired_->fingerprint && last_->content == seen.content) {
      // As it was written: what is there is what compiling would give.
      std::vector<ListPart> parts;
      for (const auto& group : seen.groups) {
        outcome_.rules += group.live.lines.our_rules;
        outcome_.bytes += group.live.lines.ours.size();
        if (group.live.lines.our_rules > 0) parts.push_back({group.live.lines.ours, group.live.lines.our_rules});
      }
      outcome_.groups = parts.size();
      outcome_.enforced = desired_->wanted;
      return parts;
    }
    IW_CHECK(guard(seen));
    return compile(seen);
  }

  /// A run's own guard compares with what the ledger keeps; a ledger that never wrote to this firewall knows nothing.
  Result<void> guard(const ListObservation& seen) const {
    if (removals_ == Removals::deliberate || last_) return {};
    const auto live = live_names(seen);
    const auto least = static_cast<double>(live) * (1 - context_.settings.firewall.max_removals);
    if (live <= desired_->wanted + firewalls::always_removable || static_cast<double>(desired_->wanted) >= least)
      return {};
    return fail(ErrorCode::refused,
                fmt::format("the firewall's lists hold {} domains and this ledger wants {}, so nothing was changed",
                            live, desired_->wanted),
                seen.firewall, "is this the ledger that wrote them (--state)? If it is meant, raise --max-removals");
  }

  Result<std::vector<ListPart>> compile(const ListObservation& seen) {
    outcome_.rules = outcome_.groups = outcome_.bytes = outcome_.enforced = 0;
    outcome_.left_out.clear();
    const auto previous = files_of(seen);
    auto capacity = seen.room.capacity;
    std::vector<ListPart> parts;
    for (const auto& [action, protocols, domains] : desired_->parts) {
      rules::CompileOptions options{
          .format = domains.size() <= most_plain ? rules::CompileFormat::suricata : rules::CompileFormat::packed,
          .action = action,
          .protocols = protocols,
          .max_rules = capacity,
          .max_groups = seen.room.groups - std::min(seen.room.groups, parts.size()),
          .max_group_bytes = seen.room.group_bytes,
          .label = RuleText("hunt"),
          .previous = &previous};
      auto compiled = rules::compile(domains, options);
      if (!compiled) {
        compiled.error().place = seen.policy;
        compiled.error().hint = "remove other groups from the policy, or raise its quota (and policy_capacity)";
        return std::unexpected(std::move(compiled).error());
      }
      capacity -= compiled->capacity;
      outcome_.rules += compiled->rules;
      outcome_.bytes += compiled->bytes;
      outcome_.enforced += compiled->kept + compiled->covered;
      std::ranges::move(compiled->left_out, std::back_inserter(outcome_.left_out));
      for (auto& group : compiled->groups) add(parts, {std::move(group.file.content), group.rules}, seen.room);
    }
    outcome_.groups = parts.size();
    return parts;
  }

  /// Small parts share a group: references are few.
  static void add(std::vector<ListPart>& parts, ListPart part, const firewalls::ListRoom& room) {
    constexpr std::size_t small = 5'000;
    if (!parts.empty() && parts.back().rules + part.rules <= small &&
        parts.back().text.size() + part.text.size() <= room.group_bytes) {
      auto& last = parts.back();
      const auto taken = sids_of(last.text);
      // Each compile gives sids for itself; within a group they must differ.
      if (std::ranges::none_of(sids_of(part.text), [&](auto sid) { return taken.contains(sid); })) {
        last.text += part.text;
        last.rules += part.rules;
        return;
      }
    }
    parts.push_back(std::move(part));
  }

  Context& context_;
  store::Ledger& ledger_;
  WantedOnce& wanted_;
  Removals removals_;
  std::optional<Applied> last_;
  const Desired* desired_ = nullptr;
  SyncOutcome outcome_;
};

}  // namespace

bool SyncOutcome::complete() const {
  const auto is_well = [](const Enforcement& each) { return !each.failure && !each.unverified; };
  return is_well(enforcement) && (!dns || is_well(dns->enforcement));
}

Result<SyncOutcome> sync_hunts(Context& context, store::Ledger& ledger, Removals removals, Mode mode) {
  const auto& settings = context.settings;
  const bool on_suricata = !settings.suricata.rules_file.empty();
  const bool has_rules = on_suricata || !settings.firewall.firewall.empty();
  const bool has_dns = !settings.dns.rule_group.empty();
  if (!has_rules && !has_dns)
    return fail(ErrorCode::usage, "hunts are kept in a firewall, and none is named", {},
                "give --firewall NAME, --firewall suricata:/path/intelwall.rules for a Suricata of your own, or name a "
                "DNS Firewall (dns_firewall)");
  if (!context.session && (!on_suricata || has_dns)) IW_CHECK(connect(context));
  WantedOnce wanted(context, ledger);
  SyncOutcome outcome;
  if (on_suricata) {
    IW_TRY(outcome, sync_hunts_with_suricata(context, ledger, wanted, removals, mode));
  } else if (has_rules) {
    IW_TRY(outcome, Sync(context, ledger, wanted, removals).run(mode));
  }
  outcome.has_rules = has_rules;
  if (has_dns) {
    auto dns = sync_hunts_with_dns(context, ledger, wanted, removals, mode);
    if (!dns && !has_rules) return std::unexpected(std::move(dns).error());
    outcome.dns = dns ? *std::move(dns) : DnsSync{.enforcement = {.failure = std::move(dns).error()}};
    if (!has_rules) outcome.unchanged = outcome.dns->unchanged;
  }
  if (const auto* desired = wanted.known()) {
    outcome.wanted = desired->wanted;
    outcome.doubled = desired->doubled;
    outcome.covered_by_blocks = desired->covered_by_blocks;
    outcome.over_limit = desired->over_limit;
  }
  return outcome;
}

namespace {

/// Ledgers count generations for themselves. Saved, one says only whether what was applied is what is kept.
constexpr std::uint64_t kept_is_applied = 1, kept_is_newer = 0;

/// A note as it is saved; null where there is none.
Result<Json> note_to_save(store::Ledger& ledger, const std::string& key) {
  IW_TRY(const auto note, ledger.note(key));
  IW_TRY(const auto generation, ledger.generation());
  auto json = Json::parse(note, nullptr, false);
  if (!json.is_object()) return Json();
  json["generation"] = json.value("generation", Json()) == generation ? kept_is_applied : kept_is_newer;
  return json;
}

Result<void> restore_note(store::Ledger& ledger, const std::string& key, Json json) {
  if (!json.is_object() || !json.contains("generation")) return {};
  IW_TRY(const auto generation, ledger.generation());
  json["generation"] = json["generation"] == kept_is_applied ? generation : std::numeric_limits<std::uint64_t>::max();
  return ledger.save_note(key, json.dump());
}

/// Beside the members of the note about rules.
constexpr const char* dns_member = "dns";

}  // namespace

Result<std::string> save_applied(const Context& context, store::Ledger& ledger) {
  IW_TRY(auto saved, note_to_save(ledger, note_key(context)));
  IW_TRY(auto dns, note_to_save(ledger, dns_note_key(context)));
  if (!dns.is_null()) saved[dns_member] = std::move(dns);
  return saved.is_null() ? std::string() : saved.dump();
}

Result<void> restore_applied(const Context& context, store::Ledger& ledger, const std::string& saved) {
  auto json = Json::parse(saved, nullptr, false);
  if (!json.is_object()) return {};
  IW_CHECK(restore_note(ledger, dns_note_key(context), json.value(dns_member, Json())));
  json.erase(dns_member);
  return restore_note(ledger, note_key(context), std::move(json));
}

}  // namespace intelwall::app
