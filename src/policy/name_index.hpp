#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/guardrails.hpp"

namespace intelwall::policy {

/// Answers "what in this list stands at, above or below a name" in as many look-ups as the name has labels.
/// Holds views into the entries, which must outlive it.
class NameIndex {
 public:
  explicit NameIndex(const std::vector<ListEntry>& entries);

  /// The entries that cover `name`: its own, then those of its parents, nearest first.
  std::vector<const ListEntry*> covering(const DomainName& name) const;
  /// The first entry that is strictly below `name`.
  const ListEntry* below(const DomainName& name) const;

 private:
  /// The entries of one name: at most one of each scope counts.
  struct Here {
    const ListEntry* exact = nullptr;
    const ListEntry* subdomains = nullptr;
  };
  std::unordered_map<std::string_view, Here> at_;
  std::unordered_map<std::string_view, const ListEntry*> below_;
};

}  // namespace intelwall::policy
