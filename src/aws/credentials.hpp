#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "core/time.hpp"

namespace intelwall::aws {

/// Never logged, never part of an Error.
struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  ///< empty for long-lived keys
};

/// Reads a variable; absent and empty are the same. Passed in, so that tests need not change the process environment.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

class CredentialProvider {
 public:
  virtual ~CredentialProvider() = default;
  virtual Result<Credentials> get() = 0;
};

/// AWS_ACCESS_KEY_ID and friends, else the profile (AWS_PROFILE or "default") in AWS_SHARED_CREDENTIALS_FILE
/// (~/.aws/credentials) and AWS_CONFIG_FILE (~/.aws/config, "[profile NAME]"). A profile named explicitly wins over
/// keys in the environment, as in the AWS CLI. The error names each place that was looked at.
std::unique_ptr<CredentialProvider> default_credentials(const Environment& env,
                                                        std::optional<std::string> profile = {});

/// Region: explicit, AWS_REGION, AWS_DEFAULT_REGION, the profile's. An error says how to set it.
Result<std::string> resolve_region(const Environment& env, const std::optional<std::string>& profile = {});

}  // namespace intelwall::aws
