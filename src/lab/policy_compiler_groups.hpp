#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "lab/policy_compiler.hpp"
#include "lab/suricata_rule.hpp"

namespace intelwall::lab {

/// A rule of a group with its variables put in, and where it came from.
struct GroupRule {
  SuricataRule rule;
  CompiledPolicy::Origin origin;
};

/// "group NAME, line N", for errors.
std::string place_of(const GroupRule& rule);

/// The rules that a domain list stands for, as the developer guide shows its expansion
/// (docs.aws.amazon.com/network-firewall/latest/developerguide/suricata-examples.html), sids from 1.
Result<std::vector<SuricataRule>> expand_domain_list(const nlohmann::json& source_list);
/// StatefulRules (5-tuples with options) as Suricata rules; `line` of each is its position, from 1.
Result<std::vector<SuricataRule>> render_stateful_rules(const nlohmann::json& rules);

/// All rules of a group, top down. Variables are the group's own, else the policy's, else HOME_NET = the VPC's CIDR and
/// EXTERNAL_NET = everything but the HOME_NET of the policy: a group that overrides only HOME_NET keeps that
/// EXTERNAL_NET, as in Network Firewall.
Result<std::vector<GroupRule>> rules_of_group(const PolicyGroup& group, const PolicySnapshot& policy);

}  // namespace intelwall::lab
