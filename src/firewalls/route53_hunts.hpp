#pragma once

#include <map>
#include <set>
#include <string>

#include "firewalls/route53.hpp"
#include "firewalls/route53_lists.hpp"

namespace intelwall::firewalls {

/// Names as domain lists hold them: with subdomains, "evil.com" and "*.evil.com".
struct DnsNames {
  std::set<std::string> block, alert;

  std::size_t size() const { return block.size() + alert.size(); }
};

/// What hunts keep in DNS Firewall: `<prefix>-hunts-block` (BLOCK, NXDOMAIN, from priority 150) and
/// `<prefix>-hunts-alert` (ALERT, from 250), each behind the list of responders' blocks with the same action. The
/// ledger is their record, so these lists belong to the hunts as a whole. Thread-safe, keeps nothing between calls.
class Route53Hunts {
 public:
  Route53Hunts(std::shared_ptr<const aws::Route53ResolverClient> client, Route53Options options,
               Sleep sleep = really_sleep);

  /// What our lists, the blocks' included, and their rules are, by name; the same as long as nobody writes to them.
  using Versions = std::map<std::string, std::string>;
  Result<Versions> versions() const;

  struct Seen {
    DnsNames live;
    std::size_t room = 0;  ///< names that both lists may hold together
    DnsLists lists;
  };
  /// Room is what the account's quota leaves beside all other lists, less a fiftieth of it for the next blocks.
  Result<Seen> observe() const;

  Plan plan(const Seen& seen, const DnsNames& wanted) const;
  /// Makes the lists hold `wanted`. What goes goes first, so that a full account takes what comes; a name that changes
  /// lists is in one of them at any time. `rounds` and `before` of the answer say nothing.
  Result<Applied> apply(Seen seen, const DnsNames& wanted) const;

 private:
  std::shared_ptr<const aws::Route53ResolverClient> client_;
  Route53Options options_;
  DnsListStore store_;
};

}  // namespace intelwall::firewalls
