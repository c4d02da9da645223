#include <fmt/format.h>

#include <algorithm>

#include "app/doctor.hpp"
#include "aws/route53_resolver.hpp"

namespace intelwall::app {

using Severity = Check::Severity;

std::vector<Check> examine_dns(const Context& context) {
  const auto& id = context.settings.dns.rule_group;
  if (id.empty()) return {};
  const aws::Route53ResolverClient client(*context.session);
  const auto name = client.get_firewall_rule_group(id);
  const auto associations = client.list_firewall_rule_group_associations(id);
  if (!name || !associations) {
    const auto& error = name ? associations.error() : name.error();
    return {{Severity::problem, "dns-firewall-unreadable",
             fmt::format("the rule group {} of DNS Firewall cannot be read: {}", id, error.message), error.hint}};
  }
  const auto in_force =
      std::ranges::count_if(*associations, [](const auto& each) { return each.status != "DELETING"; });
  if (in_force == 0)
    return {{Severity::problem, "dns-firewall-unused",
             fmt::format("the rule group {} ({}) of DNS Firewall protects no VPC", printable(*name, 64), id),
             "associate it with the VPCs of the workloads"}};
  return {{Severity::ok,
           "dns-firewall",
           fmt::format("DNS Firewall's rule group {} protects {} VPCs", printable(*name, 64), in_force),
           {}}};
}

}  // namespace intelwall::app
