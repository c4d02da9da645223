#pragma once

#include <set>
#include <string>
#include <vector>

#include "firewalls/firewall.hpp"

namespace intelwall::firewalls {

inline Decision decision(const std::string& name, Action action = Action::drop,
                         std::set<Protocol> protocols = {Protocol::tls, Protocol::http}) {
  auto domain = parse_domain(name);
  IW_ASSERT(domain.has_value());
  return {.id = decision_id(*domain, action),
          .domain = *domain,
          .action = action,
          .protocols = std::move(protocols),
          .reason = RuleText("test"),
          .source = RuleText("manual"),
          .actor = RuleText("tester"),
          .created_at = Time{std::chrono::seconds{1'790'000'000}},
          .expires_at = Time{std::chrono::seconds{1'795'000'000}}};
}

inline Fold put(std::vector<Decision> decisions) {
  return [decisions = std::move(decisions)](const Observation&) -> Result<Change> {
    return Change{.put = decisions, .remove = {}};
  };
}
inline Fold remove(std::vector<std::string> ids, Change::Intent intent = Change::Intent::deliberate) {
  return [ids = std::move(ids), intent](const Observation&) -> Result<Change> {
    return Change{.put = {}, .remove = ids, .intent = intent};
  };
}

}  // namespace intelwall::firewalls
