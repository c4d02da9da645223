#pragma once

#include <memory>
#include <optional>
#include <string>

#include "aws/network_firewall.hpp"
#include "firewalls/firewall.hpp"

namespace intelwall::firewalls {

/// How decisions are written into rule groups (docs/rules.md).
enum class Format { suricata, domain_list };
const char* to_string(Format format);
Result<Format> parse_format(std::string_view text);

/// What to do for blocks over QUIC where the firewall takes no rules on its names (tried with a dry run).
enum class QuicFallback { none, drop_all };
Result<QuicFallback> parse_quic_fallback(std::string_view text);

struct NetworkFirewallOptions {
  std::string firewall;              ///< name or ARN
  std::string prefix = "intelwall";  ///< our groups are <prefix>-blocks-N and <prefix>-blocks-quic-N
  Format format = Format::suricata;
  std::size_t group_capacity = 5'000;    ///< reserved at creation: 2,500 domains over tls and http
  std::size_t policy_capacity = 30'000;  ///< the account's quota of stateful rules a policy
  std::optional<int> priority;           ///< in a strict-order policy; nothing: the first free one from 100
  QuicFallback quic_fallback = QuicFallback::none;
  double max_removals = 0.2;  ///< share of our decisions that one unattended change may remove
};

/// AWS Network Firewall. The rule groups are the record: what is decided stands in them and nowhere else.
/// Thread-safe, keeps nothing between calls.
std::unique_ptr<Firewall> make_network_firewall(std::shared_ptr<const aws::NetworkFirewallClient> client,
                                                NetworkFirewallOptions options, Sleep sleep = really_sleep);

}  // namespace intelwall::firewalls
