#pragma once

#include <unordered_map>

#include "falcon/client.hpp"

namespace intelwall::falcon {

inline constexpr const char* hosts_scope = "Hosts: Read";

/// What the Hosts API (scope "Hosts: Read") tells of sensors' hosts, by AID; kept for an hour.
/// https://www.falconpy.io/Service-Collections/Hosts
class Hosts {
 public:
  explicit Hosts(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  /// Makes sure that these are known, with as few calls as possible. One that Falcon does not know is null.
  Result<void> look_up(const std::vector<std::string>& aids);
  /// The device of the last look-up, or null.
  const Json& device(const std::string& aid) const;

 private:
  struct Known {
    Json device;
    Time until{};
  };
  std::shared_ptr<Client> client_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace intelwall::falcon
