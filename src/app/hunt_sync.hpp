#pragma once

#include <optional>
#include <vector>

#include "app/block.hpp"
#include "rules/compile.hpp"
#include "store/ledger.hpp"

namespace intelwall::app {

/// The ledger's hunts against the lists of Route 53 DNS Firewall.
struct DnsSync {
  bool unchanged = false;                ///< neither the hunts nor the lists had changed since the last time
  std::size_t enforced = 0;              ///< domains that the lists hold
  std::size_t names = 0;                 ///< that these take of the account's quota
  std::size_t room = 0;                  ///< names that hunts may take of it
  std::vector<rules::LeftOut> left_out;  ///< the quota did not hold them; the first to go last
  Enforcement enforcement;
};

/// The ledger's hunts against the firewall.
struct SyncOutcome {
  bool has_rules = true;              ///< a firewall that takes rules is named; else DNS Firewall is the only one
  bool unchanged = false;             ///< neither the hunts nor the firewall's groups had changed since the last time
  std::size_t wanted = 0;             ///< domains of all hunts, each once
  std::size_t doubled = 0;            ///< kept by several hunts
  std::size_t covered_by_blocks = 0;  ///< a responder's block does as much already
  std::size_t over_limit = 0;         ///< beyond their hunts' limits
  std::size_t enforced = 0;           ///< that the rules hold
  std::vector<rules::LeftOut> left_out;  ///< the budget did not hold them; the first to go last
  std::size_t rules = 0, groups = 0, bytes = 0;
  Enforcement enforcement;
  std::optional<DnsSync> dns;  ///< where DNS Firewall is named
  /// Every enforcement point holds what it should.
  bool complete() const;
};

/// How much one sync may take out of the firewall beyond what the ledger knows of.
enum class Removals { guarded, deliberate };

/// Compiles what the hunts keep and makes the firewall's groups say it: `suricata` for few domains, `packed` for many;
/// then DNS Firewall's lists, where it is named. What these do not take is the failure of `dns`, and the groups stand.
/// Drops come before rejects before alerts where the budget is short, within them the sighted and the surest first.
/// Nothing changed: one call, no write. A ledger that is new cannot empty groups that it knows nothing of (`refused`).
Result<SyncOutcome> sync_hunts(Context& context, store::Ledger& ledger, Removals removals, Mode mode);

/// What the last sync left behind on a Network Firewall and in DNS Firewall, for a ledger that is made anew with the
/// same hunts; empty where there was none. A ledger that does not know it looks at all that is there, and cannot take
/// much out of it.
Result<std::string> save_applied(const Context& context, store::Ledger& ledger);
Result<void> restore_applied(const Context& context, store::Ledger& ledger, const std::string& saved);

}  // namespace intelwall::app
