#include <fmt/format.h>

#include "lab/cloud_dns_firewall.hpp"
#include "lab/demo_steps.hpp"
#include "lab/network.hpp"

namespace intelwall::lab {
namespace {

/// What the VPC's resolver says of a name: "NOERROR", "NXDOMAIN"; empty when it says nothing.
std::string look_up(const std::string& name) {
  const auto done = exec_captured({"dig", fmt::format("@{}", resolver_address), "+tries=1", "+time=2", name});
  constexpr std::string_view mark = "status: ";
  const auto at = done ? done->out.find(mark) : std::string::npos;
  if (at == std::string::npos) return {};
  const auto begin = at + mark.size();
  return done->out.substr(begin, done->out.find(',', begin) - begin);
}

}  // namespace

Result<void> step_resolver(Demo& demo) {
  const auto environment = demo.environment;
  demo.environment["INTELWALL_DNS_FIREWALL"] = dns_rule_group_id;
  const auto before = look_up(bad_subdomain);
  IW_TRY(const auto blocked, intelwall(demo, {"block", bad_name}));
  const auto during = look_up(bad_subdomain);
  const auto other = look_up(good_name);
  IW_TRY(const auto lifted, intelwall(demo, {"unblock", bad_name}));
  const auto after = look_up(bad_subdomain);
  demo.environment = environment;
  const bool done = blocked.exit_code == 0 && lifted.exit_code == 0;
  demo.add("a look-up that passes no firewall gets no address from DNS Firewall",
           done && before == "NOERROR" && during == "NXDOMAIN" && other == "NOERROR" && after == "NOERROR",
           fmt::format("dig @{} {}: {}, blocked {}, lifted {}; {}: {}{}", resolver_address, bad_subdomain, before,
                       during, after, good_name, other, done ? "" : "\n" + blocked.err + lifted.err));
  return {};
}

}  // namespace intelwall::lab
