#pragma once

#include <memory>
#include <optional>

#include "app/settings.hpp"
#include "aws/network_firewall.hpp"
#include "aws/security_hub.hpp"
#include "firewalls/firewall.hpp"
#include "policy/guardrails.hpp"

namespace intelwall::app {

/// What the use cases work with. Faces make one, run the steps they need, and call use cases with it.
struct Context {
  aws::Environment env = aws::process_environment();
  Clock clock = system_now;
  Sleep sleep = really_sleep;
  std::shared_ptr<aws::HttpClient> http;  ///< empty: connect() makes one

  Settings settings;
  std::optional<aws::Session> session;
  std::unique_ptr<firewalls::Firewall> firewall;
  std::optional<policy::Guardrails> guardrails;
};

/// Credentials and Region → session.
Result<void> connect(Context& context);
/// Needs `firewall` or `dns_firewall` in the settings; of both, the first holds the record.
Result<void> open_firewall(Context& context);
/// Shipped zones and names, and the lists that the settings name. A list that cannot be read stops everything:
/// guardrails that are half there are none.
Result<void> load_guardrails(Context& context);

}  // namespace intelwall::app
