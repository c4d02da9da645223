#pragma once

#include <map>
#include <string>
#include <vector>

#include "aws/client.hpp"

namespace intelwall::aws {

/// A domain list of Route 53 Resolver DNS Firewall.
struct DomainListState {
  std::string id, arn, name;
  std::string owner;      ///< of a managed list; empty: the account's own
  std::string status;     ///< COMPLETE, UPDATING, …; empty where only listed
  std::string modified;   ///< when it was changed last, in the service's words; empty where only listed
  std::size_t count = 0;  ///< domains in it; 0 where only listed
};

struct DnsRule {
  std::string name, list_id, action;  ///< BLOCK, ALERT, ALLOW
  int priority = 0;                   ///< the lowest is asked first
};

/// A rule group in force in a VPC.
struct DnsAssociation {
  std::string vpc, status;
};

/// The calls of Route 53 Resolver that DNS Firewall needs (json 1.1, target Route53Resolver). Lists have no update
/// token: adding and removing names is what is safe beside other writers.
class Route53ResolverClient {
 public:
  /// UpdateFirewallDomains takes so many names a call
  /// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html).
  static constexpr std::size_t domains_per_call = 1'000;

  explicit Route53ResolverClient(Session session);

  /// The group's name; not_found where there is none.
  Result<std::string> get_firewall_rule_group(const std::string& id) const;
  Result<std::vector<DnsAssociation>> list_firewall_rule_group_associations(const std::string& group_id) const;
  Result<std::vector<DnsRule>> list_firewall_rules(const std::string& group_id) const;
  /// A rule that blocks answers NXDOMAIN.
  Result<void> create_firewall_rule(const std::string& group_id, const DnsRule& rule) const;

  Result<std::vector<DomainListState>> list_firewall_domain_lists() const;
  Result<DomainListState> get_firewall_domain_list(const std::string& id) const;
  /// Two writers who make the same list at the same time get one.
  Result<DomainListState> create_firewall_domain_list(const std::string& name,
                                                      const std::map<std::string, std::string>& tags) const;
  /// All names, as the service keeps them.
  Result<std::vector<std::string>> list_firewall_domains(const std::string& list_id) const;
  enum class Operation { add, remove };
  /// At most domains_per_call; `conflict` while the list is being updated.
  Result<void> update_firewall_domains(const std::string& list_id, Operation operation,
                                       const std::vector<std::string>& names) const;

 private:
  Result<Json> call(const char* operation, const Json& input, ServiceClient::Repeat repeat) const;
  /// The items of all pages.
  Result<std::vector<Json>> all_pages(const char* operation, Json input, const char* items, int page) const;
  /// The same for the same words within an hour.
  std::string request_id(const std::string& words) const;

  ServiceClient client_;
};

}  // namespace intelwall::aws
