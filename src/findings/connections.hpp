#pragma once

#include <string_view>
#include <vector>

#include "findings/falcon_fields.hpp"
#include "findings/finding.hpp"
#include "findings/json.hpp"

namespace intelwall::findings {

/// Gathers the connections of one finding. A connection needs two addresses that single hosts can have: one alone may
/// be a CDN's, behind which everybody else's names are too. What is odd is left out, for it must not hide an indicator.
class Connections {
 public:
  static constexpr std::size_t limit = 50;

  explicit Connections(const Node& finding) : finding_(&finding) {}

  /// ASFF's Network.
  void take_network(const Node& record);
  /// The NetworkConnectionAction of ASFF (whose own side stands in ProductFields) and of GuardDuty.
  void take_action(const Node& action, std::string_view local_address);
  /// An item of Falcon's NetworkAccesses.
  void take_access(const Node& access);

  std::vector<Connection> finish() { return std::move(kept_); }

 private:
  struct End {
    std::string_view address;
    double port = 0;
  };
  void keep(const End& source, const End& destination, const Node& place);

  const Node* finding_;
  std::vector<Connection> kept_;
};

/// As inet_ntop writes it, an IPv4 address inside IPv6 as IPv4; empty for what is no address of a single remote host
/// (none, any, loopback, multicast).
std::string host_address(std::string_view text);

}  // namespace intelwall::findings
