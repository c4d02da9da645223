#include "firewalls/list_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "aws/arn.hpp"
#include "core/jitter.hpp"
#include "firewalls/policy_limits.hpp"
#include "rules/diff.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::firewalls {

namespace {

using aws::Json;

constexpr int first_list_priority = 1'000;
constexpr int max_rounds = 20;
constexpr int delete_tries = 5;
constexpr const char* description = "intelwall: domains of hunts. Made from the ledger; other rules are left alone.";

/// N of "<prefix>-hunts-N"; 0 when the name is not ours.
int list_number(const std::string& name, const std::string& prefix) {
  return number_behind(name, prefix + "-hunts-").value_or(0);
}

const std::string* rules_in(const Json& body) {
  const auto source = body.find("RulesSource");
  if (source == body.end() || !source->is_object()) return nullptr;
  const auto text = source->find("RulesString");
  return text == source->end() ? nullptr : text->get_ptr<const std::string*>();
}

std::string count_of(std::size_t rules) {
  return fmt::format("{} rule{}", rules, rules == 1 ? "" : "s");
}

}  // namespace

struct ListGroups::Group {
  std::string name;
  int number = 0;
  bool referenced = false;
  std::optional<aws::RuleGroupState> state;  ///< nothing: to be made
  LiveList live;
  ListLines after;
  std::size_t capacity = 0;
  bool kept = true;  ///< false: its reference goes, and it with it
  bool touched() const { return !state || after != live.lines; }
};

struct ListGroups::View {
  aws::FirewallState firewall;
  aws::PolicyState policy;
  std::vector<Group> groups;
  std::set<int> numbers;  ///< that no new group can have
  ListObservation seen;
};

struct ListGroups::Edit {
  std::vector<Group> fresh;
};

ListGroups::ListGroups(std::shared_ptr<const aws::NetworkFirewallClient> client, NetworkFirewallOptions options,
                       Sleep sleep)
    : client_(std::move(client)), options_(std::move(options)), sleep_(std::move(sleep)) {}

Result<std::map<std::string, std::string>> ListGroups::live_versions() const {
  IW_TRY(const auto state, client_->describe_firewall(options_.firewall));
  std::map<std::string, std::string> versions;
  for (const auto& [arn, zones] : state.sync) {
    for (const auto& zone : zones) {
      const auto version = zone.status == "IN_SYNC" ? zone.update_token : std::string();
      const auto [known, fresh] = versions.try_emplace(arn, version);
      if (!fresh && known->second != version) known->second.clear();
    }
  }
  return versions;
}

Result<void> ListGroups::add_group(View& view, const std::string& name_or_arn, const std::string& name,
                                   bool referenced) const {
  auto state = client_->describe_rule_group(name_or_arn);
  if (!state && !referenced && state.error().code == ErrorCode::not_found) return {};
  if (!state) return std::unexpected(std::move(state).error());
  // A group of our name that is not ours, or that is being deleted, is not to be had.
  if (!referenced && (state->tags["managed-by"] != "intelwall" || state->status == "DELETING")) {
    view.numbers.insert(list_number(name, options_.prefix));
    return {};
  }
  Group group{.name = name, .number = list_number(name, options_.prefix), .referenced = referenced};
  const auto* const text = rules_in(state->body);
  // Another kind of source is somebody else's doing: it stays, and has no room.
  group.live = text != nullptr ? LiveList{split_lines(*text), state->capacity}
                               : LiveList{{.ours = {}, .others = "?", .other_rules = 1}, 0};
  group.after = group.live.lines;
  group.capacity = state->capacity;
  group.state = *std::move(state);
  view.numbers.insert(group.number);
  view.groups.push_back(std::move(group));
  return {};
}

Result<ListGroups::View> ListGroups::read(const std::vector<std::string>& orphans) const {
  View view;
  IW_TRY(view.firewall, client_->describe_firewall(options_.firewall));
  IW_TRY(view.policy, client_->describe_policy(view.firewall.policy_arn));
  auto& seen = view.seen;
  seen.firewall = view.firewall.name;
  seen.policy = view.policy.name;
  seen.versions[view.policy.arn] = view.policy.update_token;
  bool blocks = false;
  const auto references = view.policy.references();
  for (const auto& reference : references) {
    const auto name = aws::name_of_arn(reference.arn);
    if (list_number(name, options_.prefix) != 0) {
      IW_CHECK(add_group(view, reference.arn, name, true));
    } else if (name.starts_with(options_.prefix + "-blocks-")) {
      blocks = true;
      const auto zones = view.firewall.sync.find(reference.arn);
      seen.versions[reference.arn] =
          zones == view.firewall.sync.end() || zones->second.empty() ? "" : zones->second.front().update_token;
    }
  }
  std::size_t ours = 0;
  std::size_t our_references = 0;
  for (const auto& group : view.groups) {
    ours += group.capacity;
    ++our_references;
  }
  for (const auto& name : orphans)
    if (std::ranges::none_of(view.groups, [&](const Group& group) { return group.name == name; }))
      IW_CHECK(add_group(view, name, name, false));
  std::ranges::sort(view.groups, {}, &Group::number);
  for (const auto& group : view.groups) {
    if (!group.referenced) continue;
    seen.groups.push_back({group.name, group.state->arn, group.live});
    seen.versions[group.state->arn] = group.state->update_token;
    seen.content = fingerprint(to_text(group.live.lines), fingerprint(group.name, seen.content));
  }
  const auto less = [](std::size_t a, std::size_t b) { return a > b ? a - b : 0; };
  const auto others = less(view.policy.consumed_stateful_capacity, ours) + (blocks ? 0 : options_.group_capacity);
  seen.room = {.groups = less(max_references, references.size() - our_references + (blocks ? 0 : 1)),
               .capacity = less(options_.policy_capacity, others),
               .group_bytes = rules::max_group_bytes};
  return view;
}

Result<ListObservation> ListGroups::observe() const {
  IW_TRY(View view, read({}));
  return std::move(view.seen);
}

Result<ListGroups::Edit> ListGroups::edit(View& view, const ListFold& fold) const {
  IW_TRY(const auto parts, fold(view.seen));
  std::vector<LiveList> live;
  for (const auto& group : view.groups) live.push_back(group.live);
  const auto moves = assign(parts, live, view.seen.room.capacity, view.seen.room.group_bytes);
  if (!moves || parts.size() > view.seen.room.groups)
    return fail(ErrorCode::quota,
                fmt::format("the policy has no room for the lists: {} groups and {} capacity units are free",
                            view.seen.room.groups, view.seen.room.capacity),
                view.policy.name, "remove other groups from it, or raise its quota (and policy_capacity)");
  Edit edit;
  for (auto& group : view.groups) {
    group.kept = group.live.lines.has_others();
    group.after.ours.clear();
    group.after.our_rules = 0;
  }
  auto numbers = view.numbers;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (const auto at = moves->group_of[i]) {
      auto& group = view.groups[*at];
      group.kept = true;
      group.after.ours = parts[i].text;
      group.after.our_rules = parts[i].rules;
      continue;
    }
    int number = 1;
    while (numbers.contains(number)) ++number;
    numbers.insert(number);
    Group group{.name = fmt::format("{}-hunts-{}", options_.prefix, number), .number = number};
    group.after = {.ours = parts[i].text, .others = {}, .our_rules = parts[i].rules};
    group.capacity = moves->capacity_of[i];
    edit.fresh.push_back(std::move(group));
  }
  return edit;
}

namespace {

/// What a group's rules become, counted: a packed rule is too long for a screen.
Step step_between(Step::Kind kind, const std::string& target, std::string_view after, std::string_view before) {
  const auto difference = rules::diff(rules::parse_rules(before), rules::parse_rules(after));
  Step step{.kind = kind, .target = target, .added = {}, .removed = {}};
  if (!difference.added.empty()) step.added.push_back(count_of(difference.added.size()));
  if (!difference.removed.empty()) step.removed.push_back(count_of(difference.removed.size()));
  return step;
}

}  // namespace

Plan ListGroups::plan_of(const View& view, const Edit& edit) const {
  Plan plan;
  Step references{.kind = Step::Kind::update_policy, .target = view.policy.name, .added = {}, .removed = {}};
  Plan deleted;
  for (const auto& group : edit.fresh) {
    plan.steps.push_back(step_between(Step::Kind::create_group, group.name, group.after.ours, {}));
    references.added.push_back(group.name);
  }
  for (const auto& group : view.groups) {
    if (!group.kept) {
      if (group.referenced) references.removed.push_back(group.name);
      deleted.steps.push_back(step_between(Step::Kind::delete_group, group.name, {}, group.live.lines.ours));
      continue;
    }
    if (!group.referenced) references.added.push_back(group.name);
    if (group.touched())
      plan.steps.push_back(step_between(Step::Kind::update_group, group.name, group.after.ours, group.live.lines.ours));
  }
  if (!references.added.empty() || !references.removed.empty()) plan.steps.push_back(std::move(references));
  for (auto& step : deleted.steps) plan.steps.push_back(std::move(step));
  return plan;
}

Result<Plan> ListGroups::plan(const ListFold& fold) const {
  IW_TRY(View view, read({}));
  IW_TRY(const Edit change, edit(view, fold));
  return plan_of(view, change);
}

Result<ListApplied> ListGroups::apply(const ListFold& fold, const std::vector<std::string>& leftovers) const {
  ListApplied done;
  auto orphans = leftovers;
  const auto finish = [&](Error error) -> Result<ListApplied> {
    if (done.applied.plan.empty()) return std::unexpected(std::move(error));
    done.applied.failure = std::move(error);
    return std::move(done);
  };
  for (done.applied.rounds = 1; done.applied.rounds <= max_rounds; ++done.applied.rounds) {
    auto view = read(orphans);
    if (!view) return finish(std::move(view).error());
    done.before = view->seen;
    auto change = edit(*view, fold);
    if (!change) return finish(std::move(change).error());
    const auto written = write(*view, *change, done, orphans);
    if (written) return done;
    if (written.error().code != ErrorCode::conflict) return finish(written.error());
    sleep_(jitter(std::chrono::milliseconds{20} * done.applied.rounds));
  }
  return finish({ErrorCode::conflict,
                 fmt::format("others changed the firewall {} times in a row before us", max_rounds), options_.firewall,
                 "run the command again"});
}

Result<void> ListGroups::write(View& view, Edit& edit, ListApplied& done, std::vector<std::string>& orphans) const {
  const auto record = [&](Step step, const std::string& arn, const std::string& version) {
    done.applied.plan.steps.push_back(std::move(step));
    std::erase_if(done.applied.writes, [&](const Applied::Write& write) { return write.resource == arn; });
    done.applied.writes.push_back({arn, version});
  };
  done.versions = view.seen.versions;
  for (auto& group : edit.fresh) {
    IW_TRY(group.state, create(view, group, orphans));
    orphans.push_back(group.name);
    record(step_between(Step::Kind::create_group, group.name, group.after.ours, {}), group.state->arn,
           group.state->update_token);
  }
  const auto update_groups = [&]() -> Result<void> {
    for (auto& group : view.groups) {
      if (!group.kept || !group.touched()) continue;
      auto body = group.state->body;
      body["RulesSource"] = Json{{"RulesString", to_text(group.after)}};
      IW_TRY(group.state->update_token, client_->update_rule_group(*group.state, body, aws::DryRun::no));
      record(step_between(Step::Kind::update_group, group.name, group.after.ours, group.live.lines.ours),
             group.state->arn, group.state->update_token);
    }
    return {};
  };
  // A name that moves is in both places for a moment rather than in none: new groups come before others give names to
  // them, and groups go when others have taken their names.
  const bool grows = !edit.fresh.empty() || std::ranges::any_of(view.groups, [](const Group& group) {
    return group.kept && !group.referenced;
  });
  if (!grows) IW_CHECK(update_groups());
  IW_CHECK(write_policy(view, edit, done));
  if (grows) IW_CHECK(update_groups());

  done.content = 0;
  done.leftovers.clear();
  std::vector<const Group*> standing;
  for (const auto& group : view.groups) {
    if (group.kept) {
      standing.push_back(&group);
      continue;
    }
    done.versions.erase(group.state->arn);
    std::erase_if(done.applied.writes, [&](const Applied::Write& write) { return write.resource == group.state->arn; });
    remove(group.state->arn, group.name, done);
    if (done.leftovers.empty() || done.leftovers.back() != group.name)
      done.applied.plan.steps.push_back(step_between(Step::Kind::delete_group, group.name, {}, group.live.lines.ours));
  }
  for (const auto& group : edit.fresh) standing.push_back(&group);
  std::ranges::sort(standing, {}, &Group::number);
  for (const auto* group : standing) {
    done.versions[group->state->arn] = group->state->update_token;
    done.content = fingerprint(to_text(group->after), fingerprint(group->name, done.content));
  }
  return {};
}

Result<void> ListGroups::write_policy(View& view, const Edit& edit, ListApplied& done) const {
  Step step{.kind = Step::Kind::update_policy, .target = view.policy.name, .added = {}, .removed = {}};
  std::set<std::string> leaving;
  std::vector<const Group*> joining;
  for (const auto& group : edit.fresh) joining.push_back(&group);
  for (const auto& group : view.groups) {
    if (group.kept && !group.referenced) joining.push_back(&group);
    if (!group.kept && group.referenced) {
      leaving.insert(group.state->arn);
      step.removed.push_back(group.name);
    }
  }
  if (joining.empty() && leaving.empty()) return {};
  auto body = view.policy.body;
  auto& all = body["StatefulRuleGroupReferences"];
  if (!all.is_array()) all = Json::array();
  auto rest = Json::array();
  for (auto& reference : all)
    if (!leaving.contains(reference.value("ResourceArn", std::string{}))) rest.push_back(std::move(reference));
  std::set<int> taken;
  for (const auto& reference : view.policy.references())
    if (reference.priority && !leaving.contains(reference.arn)) taken.insert(*reference.priority);
  int priority = first_list_priority;
  for (const auto* group : joining) {
    Json reference = {{"ResourceArn", group->state->arn}};
    if (view.policy.strict_order()) {
      while (taken.contains(priority)) ++priority;
      if (priority > last_priority)
        return fail(ErrorCode::quota, "the policy has no free priority for our group", view.policy.name);
      reference["Priority"] = priority++;
    }
    rest.push_back(std::move(reference));
    step.added.push_back(group->name);
  }
  all = std::move(rest);
  IW_TRY(auto token, client_->update_policy(view.policy, body));
  done.versions[view.policy.arn] = token;
  done.applied.plan.steps.push_back(std::move(step));
  std::erase_if(done.applied.writes, [&](const Applied::Write& write) { return write.resource == view.policy.arn; });
  done.applied.writes.push_back({view.policy.arn, std::move(token)});
  return {};
}

Result<aws::RuleGroupState> ListGroups::create(const View& view, const Group& group,
                                               std::vector<std::string>& orphans) const {
  const Json body = {
      {"StatefulRuleOptions", {{"RuleOrder", view.policy.strict_order() ? "STRICT_ORDER" : "DEFAULT_ACTION_ORDER"}}},
      {"RulesSource", {{"RulesString", to_text(group.after)}}}};
  auto created = client_->create_rule_group(group.name, body, group.capacity, description,
                                            {{"managed-by", "intelwall"}}, aws::DryRun::no);
  if (created || created.error().code != ErrorCode::invalid_input) return created;
  // The name may be taken, by somebody else or by a writer of ours that died between making the group and referring to
  // it: the next round looks at it, and adopts it or takes another name.
  if (std::ranges::find(orphans, group.name) != orphans.end() || !client_->describe_rule_group(group.name))
    return created;
  orphans.push_back(group.name);
  return fail(ErrorCode::conflict, "the rule group exists already", group.name);
}

void ListGroups::remove(const std::string& arn, const std::string& name, ListApplied& done) const {
  // Detaching takes a moment everywhere; until then the service says that the group is in use.
  for (int attempt = 1;; ++attempt) {
    const auto gone = client_->delete_rule_group(arn);
    if (gone || gone.error().code == ErrorCode::not_found) return;
    if (gone.error().code != ErrorCode::conflict || attempt == delete_tries) break;
    sleep_(std::chrono::milliseconds{100 << attempt});
  }
  done.leftovers.push_back(name);
}

}  // namespace intelwall::firewalls
