#include "firewalls/route53.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "firewalls/change.hpp"
#include "firewalls/route53_lists.hpp"
#include "firewalls/route53_record.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::firewalls {

namespace {

using aws::DomainListState;
using Operation = DnsListStore::Operation;

enum class Kind { record, block, alert };
constexpr std::array kinds{Kind::record, Kind::block, Kind::alert};

const char* suffix_of(Kind kind) {
  switch (kind) {
    case Kind::record:
      return "record";
    case Kind::block:
      return "block";
    case Kind::alert:
      return "alert";
  }
  return "";
}

Kind kind_of(Action action) {
  return action == Action::alert ? Kind::alert : Kind::block;
}

const char* action_of(Kind kind) {
  return kind == Kind::block ? "BLOCK" : "ALERT";
}

/// What blocks comes before what alerts.
int first_priority(Kind kind) {
  return kind == Kind::block ? 100 : 200;
}

/// One of our lists as it is, and the names that come and go.
struct List {
  Kind kind = Kind::record;
  std::string name;
  std::optional<DomainListState> live;  ///< nothing: to be created
  bool in_force = false;                ///< a rule of the group has it
  std::set<std::string> names;
  std::set<std::string> add, remove;
  bool wanted = false;  ///< decisions stand in it afterwards

  bool changes() const { return !add.empty() || !remove.empty(); }
};

struct View {
  std::array<List, kinds.size()> lists;
  DnsLists account;
  std::map<std::string, Decision> decisions;
  std::vector<Error> problems;

  List& at(Kind kind) { return lists[static_cast<std::size_t>(kind)]; }
  const List& at(Kind kind) const { return lists[static_cast<std::size_t>(kind)]; }
};

class Route53 final : public Firewall {
 public:
  Route53(std::shared_ptr<const aws::Route53ResolverClient> client, Route53Options options, Sleep sleep)
      : client_(std::move(client)),
        options_(std::move(options)),
        store_(client_, options_.rule_group, std::move(sleep)) {}

  Result<Observation> observe() override {
    IW_TRY(const View view, read());
    return observation(view);
  }

  Result<Plan> plan(const Fold& fold) override {
    IW_TRY(View view, read());
    IW_TRY(const Change change, fold(observation(view)));
    IW_CHECK(edit(view, change));
    return plan_of(view);
  }

  Result<Applied> apply(const Fold& fold) override {
    Applied applied;
    IW_TRY(View view, read());
    applied.before = observation(view);
    IW_TRY(const Change change, fold(applied.before));
    IW_CHECK(edit(view, change));
    if (auto written = write(view, applied); !written) {
      if (applied.plan.empty()) return std::unexpected(std::move(written).error());
      applied.failure = std::move(written).error();
    }
    return applied;
  }

  Result<void> verify(const Applied& applied, std::chrono::milliseconds patience) override {
    if (applied.writes.empty()) return {};
    for (const auto& write : applied.writes) IW_CHECK(store_.wait_until_complete(write.version, patience));
    IW_TRY(const auto associations, client_->list_firewall_rule_group_associations(options_.rule_group));
    if (std::ranges::none_of(associations, [](const auto& each) { return each.status != "DELETING"; }))
      return fail(ErrorCode::unavailable, "the names are written, but the rule group protects no VPC",
                  options_.rule_group, "associate the rule group with the VPCs of the workloads");
    return {};
  }

  Result<Cut> cut(const std::vector<Connection>& connections, std::chrono::milliseconds) override {
    if (connections.empty()) return Cut{};
    return Cut{.result = Cut::Result::policy_continues, .ended = {}};  // a resolver sees no connection
  }

 private:
  std::string name_of(Kind kind) const { return fmt::format("{}-{}", options_.prefix, suffix_of(kind)); }

  Result<View> read() const {
    View view;
    IW_TRY(view.account, store_.read());
    for (const auto kind : kinds) {
      auto& list = view.at(kind);
      list.kind = kind;
      list.name = name_of(kind);
      IW_CHECK(read_list(view, list));
    }
    find_decisions(view);
    return view;
  }

  Result<void> read_list(const View& view, List& list) const {
    list.live = view.account.find(list.name);
    if (!list.live) return {};
    list.in_force = view.account.has_rule(list.live->id);
    IW_TRY(list.names, store_.names_in(*list.live));
    return {};
  }

  /// A decision is a record and the names that its id tells.
  static void find_decisions(View& view) {
    std::map<std::string, std::pair<DomainSpec, Action>> candidates;  // by id
    for (const auto kind : {Kind::block, Kind::alert}) {
      const auto& names = view.at(kind).names;
      for (const auto& text : names) {
        const auto name = DomainName::parse(text);  // not of wildcards: they stand beside their name
        if (!name) continue;
        for (const auto scope : {Scope::exact, Scope::subdomains}) {
          const DomainSpec domain{*name, scope};
          if (scope == Scope::subdomains && !names.contains("*." + text)) continue;
          for (const auto action : {Action::drop, Action::reject, Action::alert})
            if (kind_of(action) == kind) candidates.insert({decision_id(domain, action), {domain, action}});
        }
      }
    }
    for (const auto& text : view.at(Kind::record).names) {
      const auto record = read_record(text);
      if (!record) continue;
      const auto found = candidates.find(record->id);
      if (found == candidates.end()) {
        view.problems.push_back({ErrorCode::invalid_input, "a record has lost the names of its decision",
                                 fmt::format("{}: {}", view.at(Kind::record).name, record->id),
                                 "somebody took them out of the list: block the domain again, or take the record out"});
        continue;
      }
      auto decision = record->decision(found->second.first, found->second.second);
      if (to_record(decision) == text) view.decisions.emplace(record->id, std::move(decision));
    }
  }

  Observation observation(const View& view) const {
    Observation seen;
    seen.firewall = options_.rule_group;
    for (const auto& [id, decision] : view.decisions)
      seen.enforced.push_back({decision, name_of(kind_of(decision.action))});
    seen.problems = view.problems;
    for (const auto& list : view.lists) {
      if (!list.live) continue;
      std::size_t bytes = 0;
      for (const auto& name : list.names) bytes += name.size();
      seen.groups.push_back(
          {.name = list.name, .rules = list.names.size(), .capacity = options_.domains, .bytes = bytes});
    }
    return seen;
  }

  /// Turns the change into names that come and go.
  Result<void> edit(View& view, const Change& change) const {
    IW_CHECK(guard_removals(change, view.decisions.size(), options_.max_removals, options_.rule_group));
    auto after = view.decisions;
    for (const auto& id : change.remove) after.erase(id);
    for (const auto& decision : change.put) after.insert_or_assign(decision.id, rules::normalised(decision));
    std::array<std::set<std::string>, kinds.size()> wanted, had;
    const auto collect = [](const std::map<std::string, Decision>& decisions, auto& into) {
      for (const auto& [id, decision] : decisions) {
        into[static_cast<std::size_t>(Kind::record)].insert(to_record(decision));
        for (auto& name : names_of(decision.domain))
          into[static_cast<std::size_t>(kind_of(decision.action))].insert(std::move(name));
      }
    };
    collect(after, wanted);
    collect(view.decisions, had);
    for (auto& list : view.lists) {
      const auto at = static_cast<std::size_t>(list.kind);
      list.wanted = !wanted[at].empty();
      std::ranges::set_difference(wanted[at], list.names, std::inserter(list.add, list.add.end()));
      std::ranges::set_difference(had[at], wanted[at], std::inserter(list.remove, list.remove.end()));
    }
    return check_room(view);
  }

  /// The quota counts names over all lists of the account.
  Result<void> check_room(const View& view) const {
    std::size_t more = 0;
    for (const auto& list : view.lists) more += list.add.size();
    if (more == 0) return {};
    IW_TRY(const auto used, store_.names_of_account(view.account));
    if (used + more <= options_.domains) return {};
    return fail(
        ErrorCode::quota,
        fmt::format("{} more names do not fit: the account's domain lists hold {} of {}", more, used, options_.domains),
        options_.rule_group, "unblock what is not needed, or raise the quota of domains (and dns_firewall_domains)");
  }

  static std::string line_of(const std::string& name) {
    const auto record = read_record(name);
    if (!record) return name;
    return fmt::format("{} until {}: {}", record->id, record->expires_at ? format_time(*record->expires_at) : "never",
                       record->reason);
  }

  static Step step_of(const List& list) {
    return {.kind = list.live ? Step::Kind::update_group : Step::Kind::create_group,
            .target = list.name,
            .added = lines_of(list.add, line_of),
            .removed = lines_of(list.remove, line_of)};
  }

  static bool needs_rule(const List& list) { return list.kind != Kind::record && !list.in_force && list.wanted; }

  Step rule_step(const List& list) const {
    return {.kind = Step::Kind::update_policy,
            .target = options_.rule_group,
            .added = {fmt::format("{} {}", action_of(list.kind), list.name)},
            .removed = {}};
  }

  Plan plan_of(const View& view) const {
    Plan plan;
    for (const auto& list : view.lists) {
      if (list.changes()) plan.steps.push_back(step_of(list));
      if (needs_rule(list)) plan.steps.push_back(rule_step(list));
    }
    return plan;
  }

  /// First all that comes, records before their names, then all that goes the other way round: whoever dies between
  /// leaves a record without names, never names without a record; and a name that changes lists is in one at any time.
  Result<void> write(View& view, Applied& applied) const {
    for (auto& list : view.lists) {
      if (list.changes()) {
        auto step = step_of(list);
        if (!list.live) {
          IW_TRY(list.live, store_.create(list.name));
        }
        IW_CHECK(store_.update(*list.live, Operation::add, list.add));
        applied.plan.steps.push_back(std::move(step));
        applied.writes.push_back({list.live->arn, list.live->id});
      }
      if (!needs_rule(list)) continue;
      auto step = rule_step(list);
      IW_CHECK(store_.add_rule(view.account, *list.live, action_of(list.kind), first_priority(list.kind)));
      list.in_force = true;
      applied.plan.steps.push_back(std::move(step));
    }
    for (auto list = view.lists.rbegin(); list != view.lists.rend(); ++list)
      if (list->live) IW_CHECK(store_.update(*list->live, Operation::remove, list->remove));
    return {};
  }

  std::shared_ptr<const aws::Route53ResolverClient> client_;
  Route53Options options_;
  DnsListStore store_;
};

}  // namespace

std::unique_ptr<Firewall> make_route53(std::shared_ptr<const aws::Route53ResolverClient> client, Route53Options options,
                                       Sleep sleep) {
  return std::make_unique<Route53>(std::move(client), std::move(options), std::move(sleep));
}

}  // namespace intelwall::firewalls
