#pragma once

#include <memory>
#include <string>

#include "aws/route53_resolver.hpp"
#include "firewalls/firewall.hpp"

namespace intelwall::firewalls {

struct Route53Options {
  std::string rule_group;            ///< id (rslvr-frg-…); empty: no DNS Firewall
  std::string prefix = "intelwall";  ///< our domain lists are <prefix>-block, <prefix>-alert and <prefix>-record
  std::size_t domains = 100'000;     ///< the account's quota of names in domain lists
  double max_removals = 0.2;         ///< as in NetworkFirewallOptions
};

/// Route 53 Resolver DNS Firewall: drop and reject answer NXDOMAIN, alert only tells. It is asked before any connection
/// and sees the queries to a VPC's resolver, which pass no Network Firewall. The lists are the record (ADR 6).
///
/// Lists have no tokens. Names are added and removed one by one and never replaced as a whole, so that what others
/// write at the same time stays; a name in our lists without a record of ours is theirs.
/// Thread-safe, keeps nothing between calls.
std::unique_ptr<Firewall> make_route53(std::shared_ptr<const aws::Route53ResolverClient> client, Route53Options options,
                                       Sleep sleep = really_sleep);

/// Two points for the same decisions: what stands in `first` is the record, and `dns` is made to hold the same after
/// each change. Whatever `dns` cannot take is told as the failure of a change that `first` has taken.
std::unique_ptr<Firewall> make_with_dns(std::unique_ptr<Firewall> first, std::unique_ptr<Firewall> dns);

}  // namespace intelwall::firewalls
