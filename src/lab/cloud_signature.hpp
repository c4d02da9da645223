#pragma once

#include <string>

#include "core/time.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// The one identity of the lab.
struct Identity {
  std::string access_key_id;
  std::string secret_access_key;
};

/// Checks Signature Version 4 as AWS does and returns the signing service of the credential scope.
/// Refusals: MissingAuthenticationTokenException, IncompleteSignatureException, UnrecognizedClientException,
/// InvalidSignatureException (wrong signature, wrong scope, more than five minutes off).
ApiResult<std::string> check_signature(const CloudRequest& request, const Identity& identity, Time now);

}  // namespace intelwall::lab
