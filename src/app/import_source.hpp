#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/context.hpp"
#include "intel/list_reader.hpp"

namespace intelwall::app {

/// A name in a list that somebody else keeps, as that list means it.
struct ImportEntry {
  DomainSpec domain;
  std::optional<Action> action;  ///< what the list does with it; nothing: it does not say
  std::set<Protocol> protocols;  ///< empty: it does not say
  std::string place;             ///< "FILE:LINE", "GROUP, target N" or "GROUP, line N"
};

struct ImportSource {
  enum class Kind { file, rule_group };
  Kind kind = Kind::file;
  std::string name;  ///< of the file or group
  std::string arn;   ///< of a rule group
  std::vector<ImportEntry> entries;
  std::uint64_t refused_count = 0;      ///< lines, targets and rules that name no domain
  std::vector<intel::Refused> refused;  ///< the first of them; `line` of a group's target is its number
};

/// Reads a file (a Squid list or squid.conf, see intel::read_dstdomains) or a stateful rule group by its name or ARN.
/// `-` is standard input. Groups of our own are refused: nothing in them is left to adopt. Opens a session for a group.
Result<ImportSource> read_import_source(Context& context, const std::string& source,
                                        const std::optional<std::string>& acl);

/// What a rule group that is not ours blocks by name, from its RuleGroup document: the targets of a domain list, or the
/// rules that hold exactly one content on tls.sni, http.host, dns.query or quic.sni and match what a name, or a name
/// and its subdomains, would. Any other rule is refused with its reason: adopting it would block something else.
ImportSource names_of_rule_group(const aws::Json& body, const std::string& name);

}  // namespace intelwall::app
