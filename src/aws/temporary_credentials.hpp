#pragma once

#include <optional>
#include <string>

#include "aws/credential_chain.hpp"

// The sources of credentials that end, for this room.
namespace intelwall::aws {

struct Temporary {
  Credentials credentials;
  std::optional<Time> expires;  ///< nothing: not told
};

/// STS AssumeRole, signed with `base`.
Result<Temporary> sts_assume_role(const Environment& env, const ChainOptions& options, const Credentials& base,
                                  const Role& role, std::chrono::seconds duration);
/// STS AssumeRoleWithWebIdentity, unsigned; the token file is read each time, for it changes.
Result<Temporary> sts_web_identity(const Environment& env, const ChainOptions& options, const std::string& token_file,
                                   const Role& role);

/// Whether the environment says that a container's credentials are to be asked for.
bool has_container_credentials(const Environment& env);
Result<Temporary> container_credentials(const Environment& env, const ChainOptions& options);

/// IMDSv2. `not_found` when there is no instance behind the address, or one without a role.
Result<Temporary> instance_credentials(const Environment& env, const ChainOptions& options);

}  // namespace intelwall::aws
