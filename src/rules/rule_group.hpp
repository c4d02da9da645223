#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/decision.hpp"
#include "core/result.hpp"

namespace intelwall::rules {

/// Limits of Network Firewall (facts: AWS quotas page).
inline constexpr std::size_t max_rule_bytes = 8192;
inline constexpr std::size_t max_group_bytes = 2'000'000;

/// The sids we give. Foreign rules may stand anywhere; ours are looked for and made only here.
inline constexpr std::uint32_t first_sid = 1'200'000'000;
inline constexpr std::uint32_t last_sid = 2'100'000'000;

/// One line of a rule group, kept byte for byte. `decision_id` and `protocol` are set when the line is a rule of ours.
struct RuleLine {
  std::string text;  ///< without the line break
  std::string decision_id;
  std::optional<Protocol> protocol;
  std::optional<std::uint32_t> sid;  ///< of any rule, also foreign ones

  bool ours() const { return !decision_id.empty(); }
};

/// The text of a `suricata` rule group, read without loss: to_string(parse(x)) == x for any x.
struct RuleDocument {
  std::vector<RuleLine> lines;
  bool ends_with_newline = true;

  /// Rules that count for capacity: lines that are neither blank nor comments (continuations by "\" count once).
  std::size_t rule_count() const;
  std::size_t bytes() const;
};

RuleDocument parse_rules(std::string_view text);
std::string to_string(const RuleDocument& document);

/// Our decisions in a document, the rules of one decision folded into one. A rule that claims to be ours (metadata
/// iw_id) but cannot be read back exactly is treated as foreign and reported in `problems`.
struct ReadBack {
  std::vector<Decision> decisions;
  std::vector<Error> problems;
};
ReadBack read_decisions(const RuleDocument& document);

/// Whether an id may stand in a rule: decision_id_bytes of [a-z0-9].
inline constexpr std::size_t decision_id_bytes = 12;
bool is_decision_id(std::string_view id);

/// Bounds on what a rule carries, so that 2,500 decisions over tls and http (names of 20 bytes, all texts full) fit
/// max_group_bytes: the arithmetic is in docs/rules.md. The reason gets what the other three leave of max_texts.
inline constexpr std::size_t max_source = 20;
inline constexpr std::size_t max_actor = 24;
inline constexpr std::size_t max_confidence = 8;
inline constexpr std::size_t max_texts = 70;

/// The decision as its rules carry it: texts cut to the bounds above, times within the years 1970 to 9999.
/// For any valid d: read_decisions(parse_rules(render(d))) == {normalised(d)}. Compare only normalised decisions.
Decision normalised(Decision decision);

/// One rule per protocol of the decision, in protocol order, with stable sids: derived from (decision id, protocol),
/// moved on by linear probing where `taken` has them. Adds the sids it gives to `taken`. Asserts nothing about the
/// group. The decision is normalised first. Its id must be 12 characters of [a-z0-9] and its action not pass (asserted:
/// an id is the one part of a rule that no type of its own keeps clean). No rule is longer than max_rule_bytes.
std::vector<RuleLine> render(const Decision& decision, std::set<std::uint32_t>& taken);

/// The `domain-list` form (RulesSourceList). It carries no id, no expiry, no reason.
struct DomainList {
  std::vector<std::string> targets;  ///< "evil.com" exact, ".evil.com" with subdomains
  std::set<Protocol> protocols;      ///< tls → TLS_SNI, http → HTTP_HOST; dns cannot be expressed
  Action action = Action::drop;      ///< drop DENYLIST, reject REJECTLIST, alert ALERTLIST, pass ALLOWLIST
};
/// Capacity as AWS counts it: domains x protocols + protocols (measured 2021, cloudnetworks.io; see docs/rules.md).
std::size_t capacity_of(const DomainList& list);
std::string to_target(const DomainSpec& domain);
/// Targets that are no domain of ours stay untouched in the list and yield nothing here.
std::optional<DomainSpec> from_target(std::string_view target);

}  // namespace intelwall::rules
