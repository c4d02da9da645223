#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/context.hpp"
#include "findings/finding.hpp"

namespace intelwall::app {

/// A Security Hub finding that names the domain, or whose note of ours does.
struct NamingFinding {
  std::string id, product_arn, product, title, severity, updated_at, workflow;
  std::string source_url;                      ///< the product's own page of the detection
  std::string note, note_by, noted_at;         ///< empty without a note
  std::optional<findings::Evidence> evidence;  ///< where the finding itself names it; nothing: only the note does
  policy::Judgement judgement;                 ///< what pressing the action would lead to now; with evidence only
};

/// One record of the alert log.
struct LoggedAlert {
  Time at{};
  std::string name;      ///< SNI, Host or query, as sent
  std::string protocol;  ///< tls, http, dns
  std::string from, to;  ///< address:port
  std::string action;    ///< blocked or allowed
  std::string message;   ///< of the rule
};

struct AlertLogPart {
  std::vector<LoggedAlert> last;  ///< the newest ones for the name, oldest first
  std::size_t matching = 0;       ///< records for the name, listed or not
  std::size_t blocked = 0;        ///< of these
  std::size_t records = 0;        ///< alert records in the file
  std::size_t unreadable = 0;     ///< lines that may hold an alert but are no JSON object
};

/// Where a search looked, in words, or why it could not.
struct Searched {
  std::string where;
  std::size_t seen = 0;
  bool complete = true;  ///< false: there was more than is looked at
  std::optional<Error> failure;
};

struct Explanation {
  enum class State { blocked, alerted, not_blocked, unknown };
  DomainName domain;
  State state = State::unknown;
  std::string firewall;
  Time now{};
  std::vector<firewalls::Enforced> rules;  ///< that cover the name
  std::vector<firewalls::Enforced> near;   ///< about names below it, or only about a parent itself
  std::vector<Error> damaged;              ///< rules that claim to be ours but cannot be read
  std::vector<NamingFinding> findings;     ///< newest first
  policy::Judgement judgement;             ///< what `block` would say now
  /// Empty for a blocked name. Codes: alert-only, only-below, only-parent, expired, lifted, observed-only, undecided,
  /// firewall-unknown, and those of Guardrails that refuse or ask.
  std::vector<policy::Reason> why_not;
  std::optional<AlertLogPart> log;
  std::vector<Searched> searched;  ///< each system that was asked
};
const char* to_string(Explanation::State state);

/// From detection to finding to verdict to rule to last drops, from the live systems alone: what cannot be read stands
/// in `searched`, the rest is still told. `log` is a file of Network Firewall's alert records or Suricata's eve.json,
/// a line each, packed or not. An Error only when `domain` is none. Needs firewall and guardrails; writes nothing.
Result<Explanation> explain(Context& context, const std::string& domain, const std::optional<std::string>& log);

/// 0 answered, 3 something could not be asked, 1 the firewall could not.
int exit_code(const Explanation& explanation);
nlohmann::json to_json(const Explanation& explanation);
std::string to_text(const Explanation& explanation);

/// The records for `name` and the names below it.
Result<AlertLogPart> read_alert_log(const std::string& path, const DomainName& name);

}  // namespace intelwall::app
