#pragma once

#include <optional>
#include <set>
#include <string>

#include "core/domain_name.hpp"
#include "core/rule_text.hpp"
#include "core/time.hpp"

namespace intelwall {

/// What the firewall does with a match. `pass` is only ever read (other people's rules), never written by us.
enum class Action { pass, drop, reject, alert };
enum class Protocol { tls, http, dns, quic };

const char* to_string(Action action);
const char* to_string(Protocol protocol);
Result<Action> parse_action(std::string_view text);          ///< drop, reject or alert
std::string to_string(const std::set<Protocol>& protocols);  ///< "tls,http"
/// "tls,http" → both; order and repeats do not matter; empty is an error.
Result<std::set<Protocol>> parse_protocols(std::string_view text);

/// One thing we want enforced: the record that lives in the rule group itself.
struct Decision {
  std::string id;  ///< 12 lower-case base32 characters, from decision_id()
  DomainSpec domain;
  Action action = Action::drop;
  std::set<Protocol> protocols = {Protocol::tls, Protocol::http};
  RuleText reason{""};
  RuleText source{""};      ///< where the verdict came from: "manual", "securityhub", "guardduty", a product name
  RuleText actor{""};       ///< who decided: a user or role name
  RuleText confidence{""};  ///< high, medium, low or empty
  Time created_at{};
  std::optional<Time> expires_at;  ///< nothing: never

  bool operator==(const Decision&) const = default;
};

/// The same domain, scope and action always have the same id, so that deciding twice is deciding once.
std::string decision_id(const DomainSpec& domain, Action action);

}  // namespace intelwall
