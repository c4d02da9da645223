#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "firewalls/firewall.hpp"
#include "firewalls/list_content.hpp"
#include "firewalls/network_firewall.hpp"

namespace intelwall::firewalls {

/// What compiled lists may take of the firewall's policy, what they hold now included.
struct ListRoom {
  std::size_t groups = 0;       ///< references
  std::size_t capacity = 0;     ///< rules, as groups reserve them
  std::size_t group_bytes = 0;  ///< of one group
};

/// A list's group as it stands.
struct ListGroup {
  std::string name;
  std::string arn;
  LiveList live;
};

/// The part of the firewall that lists are about.
struct ListObservation {
  std::string firewall, policy;
  std::vector<ListGroup> groups;  ///< <prefix>-hunts-N, by number
  ListRoom room;
  /// Update tokens by ARN, of the policy and of all our groups, blocks included: as long as they stay, so does what was
  /// read.
  std::map<std::string, std::string> versions;
  std::uint64_t content = 0;  ///< fingerprint of the groups
};

using ListFold = std::function<Result<std::vector<ListPart>>(const ListObservation&)>;

struct ListApplied {
  Applied applied;         ///< for Firewall::verify; its `before` is empty
  ListObservation before;  ///< what the last fold saw
  /// As ListObservation has them, after the writes.
  std::map<std::string, std::string> versions;
  std::uint64_t content = 0;
  /// Groups that no policy holds any more, but that the service did not let go yet; give them to the next apply().
  std::vector<std::string> leftovers;
};

/// The rule groups of compiled lists, `<prefix>-hunts-N`, beside the blocks of responders. Room is what the policy has
/// free, less one group of blocks while there is none: a list never takes the place of the first block.
///
/// Growth makes groups and swaps references in one update of the policy; what has no use any more is deleted after it.
/// A group in which somebody else has rules stays for them. Thread-safe, keeps nothing between calls.
class ListGroups {
 public:
  ListGroups(std::shared_ptr<const aws::NetworkFirewallClient> client, NetworkFirewallOptions options,
             Sleep sleep = really_sleep);

  /// What the zones run, by ARN, in one call; a group that some zone runs otherwise has an empty version.
  Result<std::map<std::string, std::string>> live_versions() const;
  Result<ListObservation> observe() const;
  /// Writes nothing.
  Result<Plan> plan(const ListFold& fold) const;
  /// observe, fold, write; on a stale token all again. Groups that say what they should are not written.
  Result<ListApplied> apply(const ListFold& fold, const std::vector<std::string>& leftovers = {}) const;

 private:
  struct View;
  struct Group;
  struct Edit;
  Result<View> read(const std::vector<std::string>& orphans) const;
  Result<void> add_group(View& view, const std::string& name_or_arn, const std::string& name, bool referenced) const;
  Result<Edit> edit(View& view, const ListFold& fold) const;
  Plan plan_of(const View& view, const Edit& edit) const;
  Result<void> write(View& view, Edit& edit, ListApplied& done, std::vector<std::string>& orphans) const;
  Result<void> write_policy(View& view, const Edit& edit, ListApplied& done) const;
  Result<aws::RuleGroupState> create(const View& view, const Group& group, std::vector<std::string>& orphans) const;
  void remove(const std::string& arn, const std::string& name, ListApplied& done) const;

  std::shared_ptr<const aws::NetworkFirewallClient> client_;
  NetworkFirewallOptions options_;
  Sleep sleep_;
};

}  // namespace intelwall::firewalls
