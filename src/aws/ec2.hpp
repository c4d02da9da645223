#pragma once

#include <map>
#include <string>
#include <vector>

#include "aws/client.hpp"

namespace intelwall::aws {

/// The calls of EC2 that we need (query protocol, version 2016-11-15).
class Ec2Client {
 public:
  explicit Ec2Client(Session session);

  /// Instances by the private addresses of their network interfaces. An address that several interfaces have (in
  /// different VPCs), or whose interface is no instance's, is not in the result.
  Result<std::map<std::string, std::string>> instances_at(const std::vector<std::string>& addresses) const;

  /// A way from a route table to an endpoint of a firewall.
  struct Route {
    std::string table;        ///< "rtb-…"
    std::string destination;  ///< CIDR block, of IPv4 or IPv6
    std::string endpoint;     ///< "vpce-…"
  };
  /// `conflict` when the table has a route to this destination.
  Result<void> create_route(const Route& route) const;
  /// `not_found` when the table has none.
  Result<void> replace_route(const Route& route) const;
  Result<void> delete_route(const std::string& table, const std::string& destination) const;

 private:
  ServiceClient client_;
};

}  // namespace intelwall::aws
