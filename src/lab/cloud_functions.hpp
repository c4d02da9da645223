#pragma once

#include "lab/cloud.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// Lambda's Invoke, POST /2015-03-31/functions/NAME/invocations; the one operation of Lambda that the lab has.
/// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
bool is_invocation(const CloudRequest& request);
/// A function's own error is an answer with X-Amz-Function-Error. An invocation of type Event is answered when it is
/// over.
CloudResponse invoke_function(CloudStack& stack, const CloudRequest& request);

/// An answer to a custom resource's request, PUT to its ResponseURL; not signed, for its token is the key.
bool is_custom_resource_answer(const CloudRequest& request);
CloudResponse take_custom_resource_answer(CloudStack& stack, const CloudRequest& request);

}  // namespace intelwall::lab
