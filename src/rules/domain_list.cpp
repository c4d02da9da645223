#include <algorithm>

#include "rules/rule_group.hpp"

namespace intelwall::rules {

std::size_t capacity_of(const DomainList& list) {
  const auto protocols = static_cast<std::size_t>(
      std::ranges::count_if(list.protocols, [](Protocol p) { return p == Protocol::tls || p == Protocol::http; }));
  return list.targets.size() * protocols + protocols;
}

std::string to_target(const DomainSpec& domain) {
  return (domain.scope == Scope::subdomains ? "." : "") + domain.name.text();
}

std::optional<DomainSpec> from_target(std::string_view target) {
  const auto scope = target.starts_with('.') ? Scope::subdomains : Scope::exact;
  auto name = DomainName::parse(scope == Scope::subdomains ? target.substr(1) : target);
  if (!name) return std::nullopt;
  DomainSpec domain{*std::move(name), scope};
  // "Evil.com" or "evil.com." would be written back differently: they are somebody else's and stay as they are.
  if (to_target(domain) != target) return std::nullopt;
  return domain;
}

}  // namespace intelwall::rules
