#include "firewalls/route53_lists.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace intelwall::firewalls {

namespace {

using aws::DomainListState;

constexpr std::size_t most_kept_lines = 1'000;

}  // namespace

bool DnsLists::has_rule(const std::string& list_id) const {
  return std::ranges::find(rules, list_id, &aws::DnsRule::list_id) != rules.end();
}

std::optional<DomainListState> DnsLists::find(const std::string& name) const {
  std::optional<DomainListState> found;
  for (const auto& each : account) {
    if (each.name != name) continue;
    const auto rank = [this](const DomainListState& list) { return std::pair(!has_rule(list.id), list.id); };
    if (!found || rank(each) < rank(*found)) found = each;
  }
  return found;
}

DnsListStore::DnsListStore(std::shared_ptr<const aws::Route53ResolverClient> client, std::string rule_group,
                           Sleep sleep)
    : client_(std::move(client)), rule_group_(std::move(rule_group)), sleep_(std::move(sleep)) {}

Result<DnsLists> DnsListStore::read() const {
  DnsLists lists;
  IW_TRY(lists.rules, client_->list_firewall_rules(rule_group_));
  IW_TRY(lists.account, client_->list_firewall_domain_lists());
  std::erase_if(lists.account, [](const DomainListState& list) { return !list.owner.empty(); });
  return lists;
}

Result<std::set<std::string>> DnsListStore::names_in(const DomainListState& list) const {
  IW_TRY(auto names, client_->list_firewall_domains(list.id));
  std::set<std::string> out;
  for (auto& name : names) {
    // A name as the service gives it back has the root's dot.
    if (name.ends_with('.')) name.pop_back();
    out.insert(std::move(name));
  }
  return out;
}

Result<std::size_t> DnsListStore::names_of_account(const DnsLists& lists) const {
  std::size_t used = 0;
  for (const auto& each : lists.account) {
    IW_TRY(const auto list, client_->get_firewall_domain_list(each.id));
    used += list.count;
  }
  return used;
}

Result<DomainListState> DnsListStore::create(const std::string& name) const {
  return client_->create_firewall_domain_list(name, {{"managed-by", "intelwall"}});
}

Result<void> DnsListStore::add_rule(DnsLists& lists, const DomainListState& list, const char* action,
                                    int priority) const {
  while (std::ranges::find(lists.rules, priority, &aws::DnsRule::priority) != lists.rules.end()) ++priority;
  const aws::DnsRule rule{.name = list.name, .list_id = list.id, .action = action, .priority = priority};
  IW_CHECK(client_->create_firewall_rule(rule_group_, rule));
  lists.rules.push_back(rule);
  return {};
}

Result<void> DnsListStore::update(const DomainListState& list, Operation operation,
                                  const std::set<std::string>& names) const {
  std::vector<std::string> batch;
  for (auto name = names.begin(); name != names.end();) {
    batch.clear();
    while (name != names.end() && batch.size() < aws::Route53ResolverClient::domains_per_call) batch.push_back(*name++);
    IW_CHECK(update_when_free(list, operation, batch));
  }
  return {};
}

/// A list takes one update at a time, also others' updates.
Result<void> DnsListStore::update_when_free(const DomainListState& list, Operation operation,
                                            const std::vector<std::string>& names) const {
  constexpr int attempts = 5;
  for (int attempt = 1;; ++attempt) {
    IW_CHECK(wait_until_complete(list.id, std::chrono::minutes{1}));
    auto done = client_->update_firewall_domains(list.id, operation, names);
    if (done || done.error().code != ErrorCode::conflict || attempt == attempts) return done;
  }
}

Result<void> DnsListStore::wait_until_complete(const std::string& list_id, std::chrono::milliseconds patience) const {
  using Steady = std::chrono::steady_clock;
  const auto begin = Steady::now();
  while (true) {
    IW_TRY(const auto list, client_->get_firewall_domain_list(list_id));
    if (list.status.starts_with("COMPLETE")) return {};
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begin);
    const auto pause = std::clamp(waited / 20, std::chrono::milliseconds{50}, std::chrono::milliseconds{1'000});
    if (waited + pause > patience)
      return fail(ErrorCode::unavailable,
                  fmt::format("the list is {} after {:.0f} s", printable(list.status, 40),
                              static_cast<double>(patience.count()) / 1000.0),
                  printable(list.name, 80), "look at the domain list; names take effect when it is COMPLETE");
    sleep_(pause);
  }
}

std::vector<std::string> lines_of(const std::set<std::string>& names,
                                  const std::function<std::string(const std::string&)>& line) {
  std::vector<std::string> out;
  for (const auto& name : names) {
    if (out.size() == most_kept_lines) {
      out.push_back(fmt::format("… and {} more", names.size() - out.size()));
      break;
    }
    out.push_back(line ? line(name) : name);
  }
  return out;
}

}  // namespace intelwall::firewalls
