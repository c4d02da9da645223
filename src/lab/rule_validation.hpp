#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace intelwall::lab {

/// What a rule group's rules are checked against.
struct RuleContext {
  bool strict_order = false;
  /// Variables that rules may use, with the bytes of their value once inserted. HOME_NET and EXTERNAL_NET always exist.
  std::map<std::string, std::size_t, std::less<>> address_variables, port_variables;
  /// IP set references, used as "@NAME".
  std::map<std::string, std::size_t, std::less<>> references;
};

struct RuleSummary {
  std::uint32_t sid = 0;
  std::string message;  ///< as written between the quotes
  std::string metadata;
};

/// What Network Firewall refuses in a RulesString, as its guide lists it (facts: "Limitations and caveats for stateful
/// rules"): datasets, Lua, iprep, file extraction, thresholds, host bits, pcre without a buffer, unknown actions,
/// `reject` on quic, `priority` in strict order, missing and repeated sids, undefined variables, rules over 8,192 bytes
/// with variables inserted. Returns the number of rules; the error says line and reason. One pass, no regular
/// expressions.
Result<std::size_t> validate_rules(std::string_view text, const RuleContext& context);

/// The same for rules that came one by one (StatefulRules); the error says which, from 1.
Result<void> validate_rule_list(const std::vector<std::string>& rules, const RuleContext& context);

/// Sids, messages and metadata of rules that are valid.
std::vector<RuleSummary> summarize_rules(std::string_view text);

inline constexpr std::size_t rule_byte_limit = 8192;

}  // namespace intelwall::lab
