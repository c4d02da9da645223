#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/decision.hpp"

// How a decision stands in domain lists of DNS Firewall, which carry names and nothing else (ADR 6).
namespace intelwall::firewalls {

/// The names of a list that a decision needs: a wildcard does not cover the name itself, so with subdomains there are
/// two.
std::vector<std::string> names_of(const DomainSpec& domain);

/// All that a decision is beside its domain and action, and the id that tells these, as a name below `invalid`, which
/// no resolver is asked for (RFC 6761). `decision` is a normalised one (rules::normalised).
std::string to_record(const Decision& decision);

/// A record that to_record() would write. Domain and action are still to be found: the decision's id is theirs.
struct DnsRecord {
  std::string id;
  std::set<Protocol> protocols;
  std::string reason, source, actor, confidence;
  Time created_at{};
  std::optional<Time> expires_at;

  Decision decision(const DomainSpec& domain, Action action) const;
};
std::optional<DnsRecord> read_record(std::string_view name);

}  // namespace intelwall::firewalls
