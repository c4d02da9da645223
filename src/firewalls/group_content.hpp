#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "aws/network_firewall.hpp"
#include "core/decision.hpp"
#include "firewalls/network_firewall.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::firewalls {

/// What stands in one of our rule groups, in either format, with everybody else's lines kept as they are.
class GroupContent {
 public:
  /// Reads a RuleGroup document. Sources that are neither a RulesString nor a RulesSourceList are kept untouched and
  /// have no room for us.
  static GroupContent read(const aws::Json& rule_group_body);
  /// A new group able to hold `decision`. domain-list cannot carry dns: `invalid_input`.
  static Result<GroupContent> make_for(const Decision& decision, Format format);

  const std::vector<Decision>& decisions() const { return decisions_; }
  const std::vector<Error>& problems() const { return problems_; }

  /// Whether this group's format can hold `decision` at all (whatever the room).
  bool suits(const Decision& decision, Format format) const;
  struct Size {
    std::size_t capacity = 0;  ///< units as the service counts them
    std::size_t bytes = 0;     ///< of a RulesString
  };
  /// What put() would make of it.
  Size size_with(const Decision& decision) const;
  /// Puts or replaces; `taken` are the sids in use over all our groups.
  void put(const Decision& decision, std::set<std::uint32_t>& taken);
  /// Whether something was there to remove.
  bool remove(const std::string& decision_id, std::set<std::uint32_t>& taken);
  /// `decision` as this group would give it back: a domain-list keeps only name, action and protocols.
  Decision stored(const Decision& decision) const;

  std::size_t rules() const;          ///< lines or targets
  std::size_t foreign_rules() const;  ///< those that are not ours
  std::size_t capacity() const;       ///< units as the service counts them
  std::size_t bytes() const;
  std::set<std::uint32_t> sids() const;
  std::vector<std::string> lines() const;  ///< rule texts or targets, for a plan

  /// `old_body` with this content as its RulesSource; everything else stays. A group that would be empty holds a
  /// placeholder that matches nothing: the service wants at least one rule.
  aws::Json to_body(const aws::Json& old_body) const;

 private:
  struct Untouchable {};
  std::variant<rules::RuleDocument, rules::DomainList, Untouchable> source_;
  std::vector<Decision> decisions_;
  std::vector<Error> problems_;
};

}  // namespace intelwall::firewalls
