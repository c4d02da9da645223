#pragma once

#include <map>
#include <string>
#include <vector>

#include "aws/client.hpp"

namespace intelwall::aws {

/// The one call of EC2 that we need (query protocol, version 2016-11-15).
class Ec2Client {
 public:
  explicit Ec2Client(Session session);

  /// Instances by the private addresses of their network interfaces. An address that several interfaces have (in
  /// different VPCs), or whose interface is no instance's, is not in the result.
  Result<std::map<std::string, std::string>> instances_at(const std::vector<std::string>& addresses) const;

 private:
  ServiceClient client_;
};

}  // namespace intelwall::aws
