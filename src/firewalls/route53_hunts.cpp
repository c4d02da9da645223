#include "firewalls/route53_hunts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace intelwall::firewalls {

namespace {

using aws::DomainListState;
using Operation = DnsListStore::Operation;
using Names = std::set<std::string>;

struct Kind {
  const char* suffix;
  const char* action;
  int priority;
  Names DnsNames::* names;
};
constexpr std::array kinds{Kind{"hunts-block", "BLOCK", 150, &DnsNames::block},
                           Kind{"hunts-alert", "ALERT", 250, &DnsNames::alert}};

std::string name_of(const Route53Options& options, const char* suffix) {
  return fmt::format("{}-{}", options.prefix, suffix);
}

Names without(const Names& all, const Names& some) {
  Names out;
  std::ranges::set_difference(all, some, std::inserter(out, out.end()));
  return out;
}

Names both(const Names& a, const Names& b) {
  Names out;
  std::ranges::set_intersection(a, b, std::inserter(out, out.end()));
  return out;
}

/// One of the lists, and what is to become of it.
struct Edit {
  const Kind* kind;
  std::optional<DomainListState> live;
  bool needs_rule = false;
  Names add, remove;
};

std::array<Edit, kinds.size()> edits_of(const Route53Options& options, const Route53Hunts::Seen& seen,
                                        const DnsNames& wanted) {
  std::array<Edit, kinds.size()> edits;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto& kind = kinds[i];
    const auto& names = wanted.*kind.names;
    auto live = seen.lists.find(name_of(options, kind.suffix));
    const bool in_force = live && seen.lists.has_rule(live->id);
    edits[i] = {.kind = &kind,
                .live = std::move(live),
                .needs_rule = !names.empty() && !in_force,
                .add = without(names, seen.live.*kind.names),
                .remove = without(seen.live.*kind.names, names)};
  }
  return edits;
}

Step rule_step(const Route53Options& options, const Edit& edit) {
  return {.kind = Step::Kind::update_policy,
          .target = options.rule_group,
          .added = {fmt::format("{} {}", edit.kind->action, name_of(options, edit.kind->suffix))},
          .removed = {}};
}

}  // namespace

Route53Hunts::Route53Hunts(std::shared_ptr<const aws::Route53ResolverClient> client, Route53Options options,
                           Sleep sleep)
    : client_(std::move(client)),
      options_(std::move(options)),
      store_(client_, options_.rule_group, std::move(sleep)) {}

Result<Route53Hunts::Versions> Route53Hunts::versions() const {
  IW_TRY(const auto lists, store_.read());
  Versions versions;
  for (const char* suffix : {"record", "block", "alert", "hunts-block", "hunts-alert"}) {
    const auto name = name_of(options_, suffix);
    const auto found = lists.find(name);
    if (!found) continue;
    IW_TRY(const auto list, client_->get_firewall_domain_list(found->id));
    versions[name] = fmt::format("{} {} {} {}", list.id, lists.has_rule(list.id) ? "in force" : "in no rule",
                                 list.count, list.modified);
  }
  return versions;
}

Result<Route53Hunts::Seen> Route53Hunts::observe() const {
  Seen seen;
  IW_TRY(seen.lists, store_.read());
  for (const auto& kind : kinds) {
    const auto list = seen.lists.find(name_of(options_, kind.suffix));
    if (!list) continue;
    IW_TRY(seen.live.*kind.names, store_.names_in(*list));
  }
  IW_TRY(const auto used, store_.names_of_account(seen.lists));
  const auto taken = used - std::min(used, seen.live.size()) + options_.domains / 50;
  seen.room = options_.domains - std::min(options_.domains, taken);
  return seen;
}

Plan Route53Hunts::plan(const Seen& seen, const DnsNames& wanted) const {
  Plan plan;
  for (const auto& edit : edits_of(options_, seen, wanted)) {
    if (!edit.add.empty() || !edit.remove.empty())
      plan.steps.push_back({.kind = edit.live ? Step::Kind::update_group : Step::Kind::create_group,
                            .target = name_of(options_, edit.kind->suffix),
                            .added = lines_of(edit.add),
                            .removed = lines_of(edit.remove)});
    if (edit.needs_rule) plan.steps.push_back(rule_step(options_, edit));
  }
  return plan;
}

namespace {

/// The writes of one apply(), which end at the first that fails.
class Writing {
 public:
  Writing(const DnsListStore& store, const Route53Options& options, DnsLists& lists,
          std::array<Edit, kinds.size()>& edits, Applied& applied)
      : store_(store), options_(options), lists_(lists), edits_(edits), applied_(applied) {}

  Result<void> run() {
    for (auto& edit : edits_) IW_CHECK(ensure(edit));
    // A name that only changes lists goes from the old one when the new one has it.
    const std::array moved{both(edits_[0].add, edits_[1].remove), both(edits_[1].add, edits_[0].remove)};
    for (std::size_t i = 0; i < edits_.size(); ++i)
      IW_CHECK(write(edits_[i], Operation::remove, without(edits_[i].remove, moved[1 - i])));
    for (std::size_t i = 0; i < edits_.size(); ++i) IW_CHECK(move(edits_[1 - i], edits_[i], moved[i]));
    for (std::size_t i = 0; i < edits_.size(); ++i)
      IW_CHECK(write(edits_[i], Operation::add, without(edits_[i].add, moved[i])));
    return {};
  }

 private:
  Result<void> ensure(Edit& edit) {
    if (!edit.live && !edit.add.empty()) {
      const auto name = name_of(options_, edit.kind->suffix);
      IW_TRY(edit.live, store_.create(name));
      applied_.plan.steps.push_back({.kind = Step::Kind::create_group, .target = name, .added = {}, .removed = {}});
    }
    if (!edit.needs_rule || !edit.live) return {};
    IW_CHECK(store_.add_rule(lists_, *edit.live, edit.kind->action, edit.kind->priority));
    applied_.plan.steps.push_back(rule_step(options_, edit));
    return {};
  }

  Result<void> write(const Edit& edit, Operation operation, const Names& names) {
    if (names.empty()) return {};
    IW_CHECK(store_.update(*edit.live, operation, names));
    note(edit, operation, names);
    return {};
  }

  Result<void> move(const Edit& from, const Edit& to, const Names& names) {
    for (auto name = names.begin(); name != names.end();) {
      Names some;
      while (name != names.end() && some.size() < aws::Route53ResolverClient::domains_per_call)
        some.insert(some.end(), *name++);
      IW_CHECK(write(to, Operation::add, some));
      IW_CHECK(write(from, Operation::remove, some));
    }
    return {};
  }

  /// All that is done with a list is one step.
  void note(const Edit& edit, Operation operation, const Names& names) {
    auto step = std::ranges::find(applied_.plan.steps, edit.live->name, &Step::target);
    if (step == applied_.plan.steps.end()) {
      applied_.plan.steps.push_back(
          {.kind = Step::Kind::update_group, .target = edit.live->name, .added = {}, .removed = {}});
      step = std::prev(applied_.plan.steps.end());
    }
    auto& lines = operation == Operation::add ? step->added : step->removed;
    std::ranges::move(lines_of(names), std::back_inserter(lines));
    const auto is_known = [&](const Applied::Write& each) { return each.version == edit.live->id; };
    if (std::ranges::none_of(applied_.writes, is_known)) applied_.writes.push_back({edit.live->arn, edit.live->id});
  }

  const DnsListStore& store_;
  const Route53Options& options_;
  DnsLists& lists_;
  std::array<Edit, kinds.size()>& edits_;
  Applied& applied_;
};

}  // namespace

Result<Applied> Route53Hunts::apply(Seen seen, const DnsNames& wanted) const {
  auto edits = edits_of(options_, seen, wanted);
  Applied applied;
  if (auto written = Writing(store_, options_, seen.lists, edits, applied).run(); !written) {
    if (applied.plan.empty()) return std::unexpected(std::move(written).error());
    applied.failure = std::move(written).error();
  }
  return applied;
}

}  // namespace intelwall::firewalls
