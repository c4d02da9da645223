#pragma once

#include "aws/client.hpp"

namespace intelwall::lambda {

/// The environment with the Falcon keys of the secret that INTELWALL_FALCON_SECRET_ARN names, as it is now, in place of
/// FALCON_CLIENT_ID, FALCON_CLIENT_SECRET and FALCON_CLOUD: {"client_id","client_secret","cloud"}. Without such a
/// variable, the environment as it is.
Result<aws::Environment> with_falcon_secret(const aws::Session& session, const aws::Environment& env);

}  // namespace intelwall::lambda
