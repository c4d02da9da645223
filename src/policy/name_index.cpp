#include "policy/name_index.hpp"

namespace intelwall::policy {
namespace {

/// The name above, or an empty text above a single label.
std::string_view above(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
}

}  // namespace

NameIndex::NameIndex(const std::vector<ListEntry>& entries) {
  at_.reserve(entries.size());
  for (const ListEntry& entry : entries) {
    const std::string_view name = entry.domain.name.text();
    Here& here = at_[name];
    const ListEntry*& place = entry.domain.scope == Scope::exact ? here.exact : here.subdomains;
    if (place == nullptr) place = &entry;
    for (std::string_view parent = above(name); !parent.empty(); parent = above(parent)) {
      below_.try_emplace(parent, &entry);
    }
  }
}

std::vector<const ListEntry*> NameIndex::covering(const DomainName& name) const {
  std::vector<const ListEntry*> found;
  for (std::string_view at = name.text(); !at.empty(); at = above(at)) {
    const auto here = at_.find(at);
    if (here == at_.end()) continue;
    if (here->second.exact != nullptr && at.size() == name.text().size()) found.push_back(here->second.exact);
    if (here->second.subdomains != nullptr) found.push_back(here->second.subdomains);
  }
  return found;
}

const ListEntry* NameIndex::below(const DomainName& name) const {
  const auto found = below_.find(name.text());
  return found == below_.end() ? nullptr : found->second;
}

}  // namespace intelwall::policy
