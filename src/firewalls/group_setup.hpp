#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aws/network_firewall.hpp"

// Our rule groups before the first block, and when all is over: for whoever installs and removes intelwall as a whole.
namespace intelwall::firewalls {

enum class Attachment {
  policy,  ///< the groups stand in the firewall's policy
  none,    ///< somebody else's matter (Firewall Manager)
};

struct GroupSetup {
  std::string firewall;  ///< name or ARN; empty without attachment
  std::string prefix = "intelwall";
  std::vector<std::string> groups;  ///< "blocks-1", "hunts-1": behind the prefix
  Attachment attachment = Attachment::policy;
  bool strict_order = true;  ///< of new groups
  std::size_t capacity = 5'000;
  std::optional<int> priority;  ///< of the first reference, in a strict-order policy
};

/// Makes the groups that are missing, and refers to them from the policy, where everything else stays as it is. Safe to
/// repeat. When it fails, groups that it made are deleted again.
Result<void> set_up_groups(const aws::NetworkFirewallClient& client, const GroupSetup& setup, const Sleep& sleep);

/// Takes all groups of the prefix out of the policy, then deletes them and those that are named. A group in which
/// somebody else has rules, or that another policy holds, stays; their names. What is gone already is fine.
Result<std::vector<std::string>> take_down_groups(const aws::NetworkFirewallClient& client, const GroupSetup& setup,
                                                  const Sleep& sleep);

}  // namespace intelwall::firewalls
