#pragma once

#include <functional>
#include <string>
#include <vector>

#include "aws/credentials.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace intelwall::lambda {

/// What the Runtime API gives for one call of the function.
struct Invocation {
  std::string event;  ///< JSON, as it came
  std::string request_id;
  std::string function_arn;
  Time deadline{};
};

/// One function's work: the answer as JSON. An Error becomes the invocation's error, with a type that an operator can
/// search for (error_type()); the service then tries again or hands the event to the dead-letter queue. Keeps what is
/// costly (connections, lists) from call to call; calls never overlap.
using Handler = std::function<Result<std::string>(const Invocation&)>;

/// Makes a handler from the function's environment: the contract is in docs/lambda.md. Errors end the start of the
/// function.
struct HandlerKind {
  const char* name;  ///< of _HANDLER
  const char* description;
  Result<Handler> (*make)(const aws::Environment& env);
};
const std::vector<HandlerKind>& handler_kinds();
/// By the function's _HANDLER.
Result<Handler> make_handler(const aws::Environment& env);

/// "Intelwall.InvalidInput": stable words for filters and alarms.
std::string error_type(const Error& error);

Result<Handler> make_respond_handler(const aws::Environment& env);
Result<Handler> make_expire_handler(const aws::Environment& env);
Result<Handler> make_custom_resource_handler(const aws::Environment& env);
Result<Handler> make_hunt_handler(const aws::Environment& env);
Result<Handler> make_sightings_handler(const aws::Environment& env);
Result<Handler> make_forward_handler(const aws::Environment& env);

}  // namespace intelwall::lambda
