#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aws/route53_resolver.hpp"

// Domain lists of a DNS Firewall rule group: what whoever keeps names in them needs, whatever the names mean.
namespace intelwall::firewalls {

/// The rule group's rules and the account's own lists; the managed ones of AWS are left out.
struct DnsLists {
  std::vector<aws::DnsRule> rules;
  std::vector<aws::DomainListState> account;

  bool has_rule(const std::string& list_id) const;
  /// Names of lists are not unique: the one that a rule of the group has comes before any other, then the first id.
  std::optional<aws::DomainListState> find(const std::string& name) const;
};

/// Reads lists, and writes them a batch at a time. Thread-safe, keeps nothing between calls.
class DnsListStore {
 public:
  using Operation = aws::Route53ResolverClient::Operation;

  DnsListStore(std::shared_ptr<const aws::Route53ResolverClient> client, std::string rule_group,
               Sleep sleep = really_sleep);

  Result<DnsLists> read() const;
  /// As the service keeps them, without the root's dot.
  Result<std::set<std::string>> names_in(const aws::DomainListState& list) const;
  /// Names in all lists of the account, which is what its quota counts.
  Result<std::size_t> names_of_account(const DnsLists& lists) const;

  /// The list with this name that exists after the call.
  Result<aws::DomainListState> create(const std::string& name) const;
  /// All names, as many calls as that takes; each waits until the list takes an update again.
  Result<void> update(const aws::DomainListState& list, Operation operation, const std::set<std::string>& names) const;
  /// A rule for the list with the first free priority from `priority` on; it stands in `lists` afterwards.
  Result<void> add_rule(DnsLists& lists, const aws::DomainListState& list, const char* action, int priority) const;
  /// `unavailable` when time is up.
  Result<void> wait_until_complete(const std::string& list_id, std::chrono::milliseconds patience) const;

 private:
  Result<void> update_when_free(const aws::DomainListState& list, Operation operation,
                                const std::vector<std::string>& names) const;

  std::shared_ptr<const aws::Route53ResolverClient> client_;
  std::string rule_group_;
  Sleep sleep_;
};

/// What a step tells of names that come or go: each by `line`, and how many more there are beyond a thousand.
std::vector<std::string> lines_of(const std::set<std::string>& names,
                                  const std::function<std::string(const std::string&)>& line = {});

}  // namespace intelwall::firewalls
