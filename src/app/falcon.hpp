#pragma once

#include <memory>

#include "app/context.hpp"
#include "falcon/client.hpp"

namespace intelwall::app {

/// The Falcon API with the keys and the cloud of the environment: FALCON_CLIENT_ID, FALCON_CLIENT_SECRET, FALCON_CLOUD
/// or FALCON_BASE_URL. No call is made yet.
Result<std::shared_ptr<falcon::Client>> open_falcon(Context& context);

}  // namespace intelwall::app
