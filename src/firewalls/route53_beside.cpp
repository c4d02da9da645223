// A DNS Firewall beside another enforcement point, which holds the record of both.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "firewalls/route53.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::firewalls {

namespace {

/// What stands in the first point after its change.
using Wanted = std::map<std::string, Decision>;

Wanted after(const Observation& seen, const Change& change) {
  Wanted wanted;
  for (const auto& each : seen.enforced) wanted.emplace(each.decision.id, each.decision);
  for (const auto& id : change.remove) wanted.erase(id);
  for (const auto& decision : change.put) wanted.insert_or_assign(decision.id, rules::normalised(decision));
  return wanted;
}

/// A domain list carries no record: what DNS Firewall's says then stays.
bool carries_record(const Decision& decision) {
  return decision.created_at != Time{};
}

/// Makes `seen` hold what is wanted. Removals that the change did not name (names that the first point has lost) are
/// bounded as those of any unattended change.
Change catch_up(const Wanted& wanted, const Change& change, const Observation& seen) {
  Change out{.put = {}, .remove = {}, .intent = change.intent};
  std::map<std::string_view, const Decision*> live;
  for (const auto& each : seen.enforced) live.emplace(each.decision.id, &each.decision);
  const std::set<std::string> named(change.remove.begin(), change.remove.end());
  for (const auto& [id, decision] : live) {
    if (wanted.contains(std::string(id))) continue;
    out.remove.emplace_back(id);
    if (!named.contains(std::string(id))) out.intent = Change::Intent::unattended;
  }
  for (const auto& [id, decision] : wanted) {
    auto over_dns = decision;
    over_dns.protocols = {Protocol::dns};
    const auto found = live.find(id);
    if (found == live.end() || (carries_record(decision) && rules::normalised(over_dns) != *found->second))
      out.put.push_back(std::move(over_dns));
  }
  return out;
}

bool is_of_dns(const Applied::Write& write) {
  return write.resource.contains(":route53resolver:");
}

class WithDns final : public Firewall {
 public:
  WithDns(std::unique_ptr<Firewall> first, std::unique_ptr<Firewall> dns)
      : first_(std::move(first)), dns_(std::move(dns)) {}

  Result<Observation> observe() override { return first_->observe(); }

  Result<Plan> plan(const Fold& fold) override {
    Change change;
    Observation before;
    IW_TRY(Plan plan, first_->plan(remembering(fold, before, change)));
    IW_TRY(Plan more, dns_->plan(catching_up(after(before, change), change)));
    append(plan, std::move(more));
    return plan;
  }

  Result<Applied> apply(const Fold& fold) override {
    Change change;
    Observation before;
    IW_TRY(Applied applied, first_->apply(remembering(fold, before, change)));
    auto wanted = after(before, change);
    if (applied.failure) {
      IW_TRY(const auto now, first_->observe());
      wanted = after(now, {});
    }
    auto more = dns_->apply(catching_up(wanted, change));
    if (!more) {
      if (applied.plan.empty()) return std::unexpected(std::move(more).error());
      if (!applied.failure) applied.failure = std::move(more).error();
      return applied;
    }
    append(applied.plan, std::move(more->plan));
    applied.writes.insert(applied.writes.end(), more->writes.begin(), more->writes.end());
    if (!applied.failure) applied.failure = std::move(more->failure);
    return applied;
  }

  Result<void> verify(const Applied& applied, std::chrono::milliseconds patience) override {
    Applied ours = applied, theirs = applied;
    std::erase_if(ours.writes, is_of_dns);
    std::erase_if(theirs.writes, [](const auto& write) { return !is_of_dns(write); });
    IW_CHECK(first_->verify(ours, patience));
    return dns_->verify(theirs, patience);
  }

  Result<Cut> cut(const std::vector<Connection>& connections, std::chrono::milliseconds patience) override {
    return first_->cut(connections, patience);
  }

 private:
  static Fold remembering(const Fold& fold, Observation& before, Change& change) {
    return [&](const Observation& seen) -> Result<Change> {
      IW_TRY(change, fold(seen));
      before = seen;
      return change;
    };
  }

  static Fold catching_up(Wanted wanted, Change change) {
    return [wanted = std::move(wanted), change = std::move(change)](const Observation& seen) -> Result<Change> {
      return catch_up(wanted, change, seen);
    };
  }

  static void append(Plan& plan, Plan more) {
    plan.steps.insert(plan.steps.end(), std::make_move_iterator(more.steps.begin()),
                      std::make_move_iterator(more.steps.end()));
    if (!plan.shortfall) plan.shortfall = std::move(more.shortfall);
  }

  std::unique_ptr<Firewall> first_, dns_;
};

}  // namespace

std::unique_ptr<Firewall> make_with_dns(std::unique_ptr<Firewall> first, std::unique_ptr<Firewall> dns) {
  return std::make_unique<WithDns>(std::move(first), std::move(dns));
}

}  // namespace intelwall::firewalls
