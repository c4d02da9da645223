#pragma once

#include <string>
#include <vector>

#include "aws/json_text.hpp"

namespace intelwall::app {

/// A rule that lets traffic through before a rule of ours is asked.
struct PassRule {
  enum class Reach { some, all };  ///< all: every name from the workloads to anywhere
  Reach reach = Reach::some;
  std::string text;  ///< for people
};

/// The pass rules of a RuleGroup document, whatever its source. Rules for connections that are not established yet are
/// left out: they let the handshake by, and the name comes after it.
std::vector<PassRule> pass_rules(const aws::Json& rule_group_body);

}  // namespace intelwall::app
