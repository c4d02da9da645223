#pragma once

#include "app/hunt_sync.hpp"
#include "app/hunt_wanted.hpp"
#include "firewalls/route53_hunts.hpp"

namespace intelwall::app {

/// Where the ledger notes what the last sync left behind in DNS Firewall.
std::string dns_note_key(const Context& context);

/// The names that say in DNS Firewall what is wanted, at most `room` of them, and what they leave out. Protocols play
/// no part there; what a parent covers as strongly needs no name of its own. Pure.
struct DnsSelection {
  firewalls::DnsNames names;
  std::size_t enforced = 0;  ///< domains, the covered ones included
  std::vector<rules::LeftOut> left_out;
};
DnsSelection select_names(const Desired& desired, std::size_t room);

/// The ledger's hunts in the lists of DNS Firewall. Needs session and firewall of the context.
Result<DnsSync> sync_hunts_with_dns(Context& context, store::Ledger& ledger, WantedOnce& wanted, Removals removals,
                                    Mode mode);

}  // namespace intelwall::app
