#pragma once

#include <memory>
#include <optional>
#include <string>

#include "aws/network_firewall.hpp"
#include "firewalls/firewall.hpp"

namespace intelwall::firewalls {

enum class Format { suricata, domain_list };
Result<Format> parse_format(std::string_view text);

struct NetworkFirewallOptions {
  std::string firewall;               ///< name or ARN
  std::string prefix = "intelwall";   ///< our groups are <prefix>-blocks-N
  Format format = Format::suricata;
  std::size_t group_capacity = 5'000; ///< reserved at creation: 2,500 domains over tls and http
  std::optional<int> priority;        ///< in a strict-order policy; nothing: the first free one from 100
  double max_removals = 0.2;          ///< share of our decisions one change may remove, when it removes more than 10
};

/// AWS Network Firewall. See docs/adr/0003-rule-groups-are-the-record.md.
std::unique_ptr<Firewall> make_network_firewall(std::shared_ptr<aws::NetworkFirewallClient> client,
                                                NetworkFirewallOptions options, Clock clock = system_now,
                                                std::function<void(std::chrono::milliseconds)> sleep = {});

}  // namespace intelwall::firewalls
