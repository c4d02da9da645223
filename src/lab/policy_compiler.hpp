#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace intelwall::lab {

/// One stateful rule group as a firewall policy refers to it.
struct PolicyGroup {
  std::string arn;
  std::optional<int> priority;  ///< strict order only
  nlohmann::json body;          ///< the RuleGroup document of the API
};

/// What becomes of TCP packets whose connection's beginning the engine has not seen (StreamExceptionPolicy).
enum class StreamException { drop, reject, go_on };

/// What a firewall policy is made of, for the engine.
struct PolicySnapshot {
  bool strict_order = true;
  StreamException stream_exception = StreamException::drop;
  std::vector<PolicyGroup> groups;               ///< in any order
  std::map<std::string, std::string> variables;  ///< PolicyVariables: "HOME_NET" → "[10.0.0.0/8]"
  std::string vpc_cidr = "10.94.0.0/24";         ///< the default HOME_NET, as in Network Firewall
  std::vector<std::string> default_actions;      ///< StatefulDefaultActions
};

/// The order of `action-order` in suricata.yaml that a rule file is written for.
enum class EngineOrder {
  action,  ///< Suricata's own: pass, drop, reject, alert
  strict,  ///< alert, drop, reject, pass: what decides is looked at first, what acts comes after it
};

/// The rules of a whole policy as stock Suricata takes them.
struct CompiledPolicy {
  std::string rules;  ///< text of the rule file
  EngineOrder order = EngineOrder::action;
  StreamException stream_exception = StreamException::drop;
  std::size_t rule_count = 0;  ///< what Suricata must report as loaded
  struct Origin {
    std::string group_arn;
    std::uint32_t sid = 0;  ///< in the group
    std::string message;
  };
  std::map<std::uint32_t, Origin> origins;  ///< by sid in `rules`
};

/// Turns a policy into one rule file with the meaning Network Firewall documents: domain lists expanded as its guide
/// shows, sids renumbered over all groups, each group's own variables put in, action order or strict order (groups by
/// priority, rules top down, the first of pass, drop, reject ends it). Stock Suricata always sorts by action, so strict
/// order is written out with flowbits (policy_compiler_strict.hpp). What cannot be expressed is an error in words, with
/// the group and line.
Result<CompiledPolicy> compile_policy(const PolicySnapshot& policy);

}  // namespace intelwall::lab
