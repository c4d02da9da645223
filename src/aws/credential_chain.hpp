#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "aws/credentials.hpp"
#include "aws/http.hpp"

namespace intelwall::aws {

/// A role to take on with credentials that are there already.
struct Role {
  std::string arn;
  std::string external_id;   ///< empty: none
  std::string session_name;  ///< empty: "intelwall"
};

struct ChainOptions {
  std::shared_ptr<HttpClient> http;      ///< for STS
  std::shared_ptr<HttpClient> metadata;  ///< for containers and instances; empty: one that gives up soon
  Clock clock = system_now;
  Sleep sleep = really_sleep;
  std::string region;  ///< of STS
  std::optional<std::string> profile;
};

/// The first of these that is there:
///  1. AWS_ACCESS_KEY_ID and friends, unless a profile is named explicitly
///  2. the profile's role (role_arn with source_profile, credential_source or web_identity_token_file; external_id)
///  3. AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN (Kubernetes), unless a profile is named explicitly
///  4. the profile's keys
///  5. a container's: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI (ECS, EKS pod identity)
///  6. an instance's, by IMDSv2 only, unless AWS_EC2_METADATA_DISABLED
/// What ends is kept until five minutes before its end, and past that as long as it lasts when it cannot be renewed.
/// Not supported, and told: SSO, credential_process, MFA. Thread-safe. An error names every place that was looked at.
std::unique_ptr<CredentialProvider> credential_chain(Environment env, ChainOptions options);

/// STS AssumeRole with what `base` gives; kept as above.
std::unique_ptr<CredentialProvider> assume_role(std::shared_ptr<CredentialProvider> base, Role role, Environment env,
                                                ChainOptions options);

}  // namespace intelwall::aws
