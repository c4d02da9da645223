#include "firewalls/network_firewall.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>

#include "aws/arn.hpp"
#include "core/jitter.hpp"
#include "firewalls/block_groups.hpp"
#include "firewalls/change.hpp"
#include "firewalls/group_content.hpp"
#include "firewalls/policy_limits.hpp"

namespace intelwall::firewalls {

namespace {

constexpr int max_rounds = 100;

/// One of our groups as it is and as it should be.
struct Group {
  std::string name;
  GroupName id;
  std::optional<aws::RuleGroupState> live;  ///< nothing: to be created
  bool referenced = false;
  GroupContent before, after;
  std::size_t capacity = 0;
  bool touched = false;
};

/// One consistent enough reading: every write is checked against the tokens in it.
struct View {
  aws::FirewallState firewall;
  aws::PolicyState policy;
  std::optional<Error> shortfall;
  std::list<Group> groups;  ///< by kind and number; a list, because edits keep pointers to groups while they add others
};

bool is_stale(const Error& error) {
  return error.code == ErrorCode::conflict;
}

class NetworkFirewall final : public Firewall {
 public:
  NetworkFirewall(std::shared_ptr<const aws::NetworkFirewallClient> client, NetworkFirewallOptions options, Sleep sleep)
      : client_(std::move(client)), options_(std::move(options)), sleep_(std::move(sleep)) {}

  Result<Observation> observe() override {
    IW_TRY(const View view, read({}));
    return observation(view);
  }

  Result<Plan> plan(const Fold& fold) override {
    std::set<std::string> orphans;
    IW_TRY(View view, read(orphans));
    IW_TRY(const Change change, fold(observation(view)));
    IW_CHECK(edit(view, change));
    return plan_of(view);
  }

  Result<Applied> apply(const Fold& fold) override {
    Applied applied;
    // Groups of our name that exist but stand in no policy: left by a writer that died, or one that is not done yet.
    std::set<std::string> orphans;
    for (applied.rounds = 1; applied.rounds <= max_rounds; ++applied.rounds) {
      auto view = read(orphans);
      if (!view) return finish(std::move(applied), std::move(view).error());
      applied.before = observation(*view);
      auto change = fold(applied.before);
      if (!change) return finish(std::move(applied), std::move(change).error());
      if (auto edited = edit(*view, *change); !edited) return finish(std::move(applied), std::move(edited).error());
      applied.plan.shortfall = view->shortfall;
      auto written = write(*view, applied, orphans);
      if (written) return applied;
      if (!is_stale(written.error())) return finish(std::move(applied), std::move(written).error());
      sleep_(jitter(std::chrono::milliseconds{std::min(10 * applied.rounds, 500)}));
    }
    return finish(
        std::move(applied),
        Error{ErrorCode::conflict, fmt::format("others changed the firewall {} times in a row before us", max_rounds),
              options_.firewall, "run the command again"});
  }

  Result<void> verify(const Applied& applied, std::chrono::milliseconds patience) override {
    if (applied.writes.empty()) return {};
    using Steady = std::chrono::steady_clock;
    const auto begin = Steady::now();
    std::map<std::string, std::string> wanted;
    for (const auto& write : applied.writes) wanted[write.resource] = write.version;
    while (true) {
      IW_TRY(const aws::FirewallState state, client_->describe_firewall(options_.firewall));
      IW_TRY(const auto waiting, out_of_sync(state, wanted));
      if (!waiting) return {};
      // Pauses grow with what was waited already: a twentieth of the wait is lost at most, and at most a call a second
      // is made of a slow zone.
      const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begin);
      const auto pause = std::clamp(waited / 20, std::chrono::milliseconds{20}, std::chrono::milliseconds{1'000});
      if (waited + pause > patience)
        return fail(ErrorCode::unavailable,
                    fmt::format("the rules are written, but {} after {:.0f} s", *waiting,
                                static_cast<double>(patience.count()) / 1000.0),
                    options_.firewall, "look at the firewall's sync status; the rules take effect when it is IN_SYNC");
      sleep_(pause);
    }
  }

  Result<Cut> cut(const std::vector<Connection>& connections, std::chrono::milliseconds patience) override {
    return flush_connections(*client_, options_.firewall, connections, patience, sleep_);
  }

 private:
  /// Keeps what was done: a failure after the first write is a result with a failure in it.
  static Result<Applied> finish(Applied applied, Error error) {
    if (applied.plan.empty()) return std::unexpected(std::move(error));
    applied.failure = std::move(error);
    return applied;
  }

  Result<View> read(const std::set<std::string>& orphans) const {
    View view;
    IW_TRY(view.firewall, client_->describe_firewall(options_.firewall));
    IW_TRY(view.policy, client_->describe_policy(view.firewall.policy_arn));
    std::set<std::string> seen;
    for (const auto& reference : view.policy.references()) {
      const auto name = aws::name_of_arn(reference.arn);
      if (!GroupName::parse(name, options_.prefix)) continue;
      IW_CHECK(add_group(view, reference.arn, name, Place::in_policy));
      seen.insert(name);
    }
    for (const auto& name : orphans)
      if (!seen.contains(name)) IW_CHECK(add_group(view, name, name, Place::orphan));
    view.groups.sort([](const Group& a, const Group& b) { return a.id < b.id; });
    return view;
  }

  enum class Place { in_policy, orphan };
  Result<void> add_group(View& view, const std::string& name_or_arn, const std::string& name, Place place) const {
    auto state = client_->describe_rule_group(name_or_arn);
    if (!state && place == Place::orphan && state.error().code == ErrorCode::not_found) return {};
    if (!state) return std::unexpected(std::move(state).error());
    Group group{.name = name, .id = *GroupName::parse(name, options_.prefix), .live = {}, .before = {}, .after = {}};
    group.referenced = place == Place::in_policy;
    group.before = GroupContent::read(state->body);
    group.after = group.before;
    group.capacity = state->capacity;
    group.live = *std::move(state);
    view.groups.push_back(std::move(group));
    return {};
  }

  static Observation observation(const View& view) {
    Observation seen;
    seen.firewall = view.firewall.name;
    for (const auto& group : view.groups) {
      for (const auto& decision : group.before.decisions()) add_enforced(seen, decision, group.name);
      for (auto problem : group.before.problems()) {
        problem.place = fmt::format("{}: {}", group.name, problem.place);
        seen.problems.push_back(std::move(problem));
      }
      seen.groups.push_back({.name = group.name,
                             .rules = group.before.rules(),
                             .capacity = group.capacity,
                             .bytes = group.before.bytes(),
                             .foreign_rules = group.before.foreign_rules()});
    }
    return seen;
  }

  /// Folds the change into the groups' `after`, adding groups where there is no room. Writes nothing.
  Result<void> edit(View& view, const Change& change) const {
    std::size_t enforced = 0;
    for (const auto& group : view.groups) enforced += group.before.decisions().size();
    IW_CHECK(guard_removals(change, enforced, options_.max_removals, options_.firewall));
    std::set<std::uint32_t> taken;
    for (const auto& group : view.groups) taken.merge(group.after.sids());

    for (const auto& id : change.remove)
      for (auto& group : view.groups)
        if (group.after.remove(id, taken)) group.touched = true;

    std::map<std::pair<GroupKind, std::string>, Present> present;
    for (auto& group : view.groups)
      for (const auto& decision : group.before.decisions())
        if (std::ranges::find(change.remove, decision.id) == change.remove.end())
          present[{group.id.kind, decision.id}] = {&group, &decision};

    for (const auto& decision : change.put) {
      for (const auto kind : group_kinds) {
        const auto found = present.find({kind, decision.id});
        const auto old = found == present.end() ? std::nullopt : std::optional(found->second);
        const auto part = part_of(decision, kind);
        if (part && kind == GroupKind::quic) {
          IW_TRY(const auto takes, takes_quic(view, *part));
          if (takes == TakesQuic::no) continue;
        }
        if (part)
          IW_CHECK(put(view, *part, kind, old, taken));
        else if (old && old->group->after.remove(decision.id, taken))
          old->group->touched = true;
      }
    }
    return {};
  }

  struct Present {
    Group* group = nullptr;
    const Decision* decision = nullptr;
  };
  Result<void> put(View& view, const Decision& part, GroupKind kind, const std::optional<Present>& old,
                   std::set<std::uint32_t>& taken) const {
    if (old) {
      auto& [group, stored] = *old;
      const bool at_home = group->after.suits(part, format_of(kind, options_.format));
      if (at_home && group->after.stored(part) == *stored) return {};
      if (at_home && put_if_room(*group, part, taken)) return {};
      group->after.remove(part.id, taken);
      group->touched = true;
    }
    return place(view, part, kind, taken);
  }

  /// Whether rules on QUIC's names can be written: where there are some, or a dry run takes one. Where not, the view's
  /// shortfall says so, and all of QUIC is dropped when that is asked for.
  enum class TakesQuic { yes, no };
  Result<TakesQuic> takes_quic(View& view, const Decision& part) const {
    if (view.shortfall) return TakesQuic::no;
    for (const auto& group : view.groups) {
      if (group.id.kind != GroupKind::quic) continue;
      if (!drops_all_quic(group.after)) return TakesQuic::yes;
      if (part.action == Action::alert) continue;
      view.shortfall = quic_shortfall({}, QuicRemedy::all_dropped);
      return TakesQuic::no;
    }
    IW_TRY(Group trial, new_group(view, part, GroupKind::quic));
    std::set<std::uint32_t> taken;
    trial.after.put(part, taken);
    const auto tried = client_->create_rule_group(trial.name, trial.after.to_body(empty_body(view)), trial.capacity, {},
                                                  {}, aws::DryRun::yes);
    if (tried) return TakesQuic::yes;
    if (tried.error().code != ErrorCode::invalid_input) return std::unexpected(tried.error());
    const bool drop_all = options_.quic_fallback == QuicFallback::drop_all && part.action != Action::alert;
    view.shortfall = quic_shortfall(tried.error().message, drop_all ? QuicRemedy::all_dropped : QuicRemedy::none);
    if (!drop_all) return TakesQuic::no;
    trial.after = all_quic_dropped();
    view.groups.push_back(std::move(trial));
    return TakesQuic::no;
  }

  static bool put_if_room(Group& group, const Decision& decision, std::set<std::uint32_t>& taken) {
    const auto [capacity, bytes] = group.after.size_with(decision);
    if (capacity > group.capacity || bytes > rules::max_group_bytes) return false;
    group.after.put(decision, taken);
    group.touched = true;
    return true;
  }

  Result<void> place(View& view, const Decision& decision, GroupKind kind, std::set<std::uint32_t>& taken) const {
    for (auto& group : view.groups)
      if (group.id.kind == kind && group.after.suits(decision, format_of(kind, options_.format)) &&
          put_if_room(group, decision, taken))
        return {};
    IW_TRY(Group fresh, new_group(view, decision, kind));
    if (!put_if_room(fresh, decision, taken))
      return fail(ErrorCode::quota,
                  fmt::format("a new rule group of {} units has no room for one decision", fresh.capacity), fresh.name,
                  "raise group_capacity in the configuration");
    const auto at = std::ranges::find_if(view.groups, [&](const Group& group) { return group.id > fresh.id; });
    view.groups.insert(at, std::move(fresh));
    return {};
  }

  Result<Group> new_group(const View& view, const Decision& decision, GroupKind kind) const {
    const auto hint =
        "unblock what is not needed, raise the quota of stateful rules a policy (and policy_capacity), or "
        "remove other groups from the policy";
    std::size_t references = view.policy.references().size();
    std::size_t reserved = view.policy.consumed_stateful_capacity;
    GroupName id{kind, 1};
    for (const auto& group : view.groups) {
      if (group.id == id) ++id.number;
      if (group.referenced) continue;
      ++references;
      reserved += group.capacity;
    }
    if (references >= max_references)
      return fail(
          ErrorCode::quota,
          fmt::format("the policy has {} stateful groups already, and {} is the most", references, max_references),
          view.policy.name, hint);
    const std::size_t free = options_.policy_capacity > reserved ? options_.policy_capacity - reserved : 0;
    const std::size_t capacity = std::min(options_.group_capacity, free);
    if (capacity < 4)
      return fail(
          ErrorCode::quota,
          fmt::format("{} of the policy's {} capacity units are reserved, which leaves no room for another group",
                      reserved, options_.policy_capacity),
          view.policy.name, hint);
    Group group{.name = id.text(options_.prefix), .id = id, .live = {}, .before = {}, .after = {}};
    IW_TRY(group.after, GroupContent::make_for(decision, format_of(kind, options_.format)));
    group.before = group.after;
    group.capacity = capacity;
    return group;
  }

  static Step step_of(const Group& group) {
    return {.kind = group.live ? Step::Kind::update_group : Step::Kind::create_group,
            .target = group.name,
            .added = surplus(group.after.lines(), group.before.lines()),
            .removed = surplus(group.before.lines(), group.after.lines())};
  }

  Plan plan_of(const View& view) const {
    Plan plan{.steps = {}, .shortfall = view.shortfall};
    Step references{.kind = Step::Kind::update_policy, .target = view.policy.name, .added = {}, .removed = {}};
    for (const auto& group : view.groups) {
      if (group.touched || !group.live) plan.steps.push_back(step_of(group));
      if (!group.referenced) references.added.push_back(group.name);
    }
    if (!references.added.empty()) plan.steps.push_back(std::move(references));
    return plan;
  }

  static void record(Applied& applied, Step step, const std::string& resource, std::string version) {
    applied.plan.steps.push_back(std::move(step));
    std::erase_if(applied.writes, [&](const Applied::Write& write) { return write.resource == resource; });
    applied.writes.push_back({resource, std::move(version)});
  }

  Result<void> write(const View& view, Applied& applied, std::set<std::string>& orphans) const {
    aws::Json new_references = aws::Json::array();
    Step references{.kind = Step::Kind::update_policy, .target = view.policy.name, .added = {}, .removed = {}};
    auto used = view.policy.references();
    for (const auto& group : view.groups) {
      std::string arn;
      if (group.live) {
        arn = group.live->arn;
        if (group.touched) {
          IW_TRY(auto token,
                 client_->update_rule_group(*group.live, group.after.to_body(group.live->body), aws::DryRun::no));
          record(applied, step_of(group), arn, std::move(token));
        }
      } else {
        IW_TRY(auto created, create(view, group, orphans));
        arn = created.arn;
        orphans.insert(group.name);
        record(applied, step_of(group), arn, std::move(created.update_token));
      }
      if (group.referenced) continue;
      aws::Json reference = {{"ResourceArn", arn}};
      if (view.policy.strict_order()) {
        IW_TRY(const int priority, free_priority(used));
        reference["Priority"] = priority;
        used.push_back({arn, priority});
      }
      new_references.push_back(std::move(reference));
      references.added.push_back(group.name);
    }
    if (new_references.empty()) return {};
    auto body = view.policy.body;
    auto& all = body["StatefulRuleGroupReferences"];
    if (!all.is_array()) all = aws::Json::array();
    for (auto& reference : new_references) all.push_back(std::move(reference));
    IW_TRY(auto token, client_->update_policy(view.policy, body));
    record(applied, std::move(references), view.policy.arn, std::move(token));
    return {};
  }

  static aws::Json empty_body(const View& view) {
    return {
        {"StatefulRuleOptions", {{"RuleOrder", view.policy.strict_order() ? "STRICT_ORDER" : "DEFAULT_ACTION_ORDER"}}}};
  }

  Result<aws::RuleGroupState> create(const View& view, const Group& group, std::set<std::string>& orphans) const {
    auto created = client_->create_rule_group(group.name, group.after.to_body(empty_body(view)), group.capacity,
                                              "intelwall: blocked domains. Rules without iw_id are left alone.",
                                              {{"managed-by", "intelwall"}}, aws::DryRun::no);
    if (created || created.error().code != ErrorCode::invalid_input) return created;
    // The name may be taken, by a writer that was faster or that died between creating and referring: then it is
    // adopted in the next round.
    if (!client_->describe_rule_group(group.name)) return created;
    orphans.insert(group.name);
    return fail(ErrorCode::conflict, "the rule group exists already", group.name);
  }

  Result<int> free_priority(const std::vector<aws::PolicyReference>& used) const {
    std::set<int> taken;
    for (const auto& reference : used)
      if (reference.priority) taken.insert(*reference.priority);
    for (int priority = options_.priority.value_or(first_block_priority); priority <= last_priority; ++priority)
      if (!taken.contains(priority)) return priority;
    return fail(ErrorCode::quota, "the policy has no free priority for our group", options_.firewall,
                "set a lower priority in the configuration");
  }

  /// The first thing that some zone does not run yet, in words; nothing when all is live.
  Result<std::optional<std::string>> out_of_sync(const aws::FirewallState& state,
                                                 std::map<std::string, std::string>& wanted) const {
    for (auto& [resource, version] : wanted) {
      const auto zones = state.sync.find(resource);
      if (zones == state.sync.end() || zones->second.empty())
        return std::optional(fmt::format("no zone knows {}", aws::name_of_arn(resource)));
      for (const auto& zone : zones->second) {
        if (zone.status == "IN_SYNC" && zone.update_token == version) continue;
        // Somebody may have written on top of ours: then the zone must run the newest, which was planned on ours.
        if (zone.status == "IN_SYNC" && resource.find("rulegroup/") != std::string::npos) {
          IW_TRY(const aws::RuleGroupState newest, client_->describe_rule_group(resource));
          version = newest.update_token;
          if (zone.update_token == version) continue;
        } else if (zone.status == "IN_SYNC") {
          IW_TRY(const aws::PolicyState newest, client_->describe_policy(resource));
          version = newest.update_token;
          if (zone.update_token == version) continue;
        }
        return std::optional(fmt::format("zone {} is {} with {}", zone.zone,
                                         zone.status == "IN_SYNC" ? "behind" : zone.status,
                                         aws::name_of_arn(resource)));
      }
    }
    return std::optional<std::string>{};
  }

  std::shared_ptr<const aws::NetworkFirewallClient> client_;
  NetworkFirewallOptions options_;
  Sleep sleep_;
};

}  // namespace

Result<QuicFallback> parse_quic_fallback(std::string_view text) {
  if (text == "none") return QuicFallback::none;
  if (text == "drop-all") return QuicFallback::drop_all;
  return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no fallback for QUIC", printable(text)), {},
              "use none or drop-all");
}

const char* to_string(Format format) {
  return format == Format::suricata ? "suricata" : "domain-list";
}

Result<Format> parse_format(std::string_view text) {
  if (text == "suricata") return Format::suricata;
  if (text == "domain-list") return Format::domain_list;
  return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no format of rules", printable(text)), {},
              "use suricata or domain-list");
}

std::unique_ptr<Firewall> make_network_firewall(std::shared_ptr<const aws::NetworkFirewallClient> client,
                                                NetworkFirewallOptions options, Sleep sleep) {
  return std::make_unique<NetworkFirewall>(std::move(client), std::move(options), std::move(sleep));
}

}  // namespace intelwall::firewalls
