#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// Secrets Manager: secrets with their current and previous version, found by name, ARN, or ARN without its last six
/// characters. Thread-safe. https://docs.aws.amazon.com/secretsmanager/latest/apireference/
class SecretStore {
 public:
  explicit SecretStore(Clock clock) : clock_(std::move(clock)) {}
  ApiAnswer call(const std::string& operation, Json input);

  /// For the lab's own parts: creates it, or gives it a new version; the ARN.
  ApiResult<std::string> set(const std::string& name, const std::string& text);
  void remove(const std::string& name);

 private:
  struct Version {
    std::string id;
    Json value;  ///< {"SecretString": …} or {"SecretBinary": base64}
    std::vector<std::string> stages;
    Time created;
  };
  struct Secret {
    std::string name, arn, description;
    std::vector<Version> versions;  ///< from old to new; those without a stage are forgotten
    Json tags = Json::array();
    Time created, changed;
    std::optional<Time> deletion;  ///< when it will be gone
  };
  // With the lock held.
  ApiResult<Secret*> find(const Json& input);
  void forget_deleted();
  static ApiResult<std::string> add_version(Secret& secret, const Json& input, Time now);
  ApiAnswer create(const Json& input);
  ApiAnswer get(const Json& input);
  ApiAnswer put(const Json& input);
  ApiAnswer describe(const Json& input);
  ApiAnswer erase(const Json& input);
  ApiAnswer restore(const Json& input);

  Clock clock_;
  std::mutex mutex_;
  std::map<std::string, Secret> secrets_;  ///< by name
};

}  // namespace intelwall::lab
