#pragma once

#include <map>
#include <mutex>
#include <string>

#include "lab/falcon_alerts.hpp"

namespace intelwall::lab {

/// The Hosts API's devices, by device_id. Thread-safe.
class FalconHosts {
 public:
  /// POST /devices/entities/devices/v2
  FalconAnswer entities(const Json& body) const;
  /// POST /lab/falcon/hosts
  FalconAnswer add(const Json& body);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Json> devices_;
};

}  // namespace intelwall::lab
