#pragma once

#include <optional>

#include "aws/client.hpp"

namespace intelwall::aws {

/// What the service did with a call that it answered with an error.
enum class Refusal {
  throttled,  ///< did not act, try again
  fault,      ///< its own fault: may have acted, try again where that is safe
  final,      ///< trying again changes nothing
};

/// Whether `text` has the shape of a service's error name ("InvalidTokenException").
bool is_error_name(std::string_view text);
/// Name from x-amzn-ErrorType or the body's __type or code (or Code of an XML error), without name space and URL; empty
/// when the answer is not a service's (a proxy's page).
ServiceError parse_service_error(const HttpResponse& response);
Refusal classify(const ServiceError& error);
/// `now` tells a clock that is wrong from a key that is wrong.
Error to_error(const ServiceError& error, const HttpResponse& response, Time now);
/// Seconds or an HTTP date (RFC 9110 10.2.3); nothing when absent or unreadable.
std::optional<std::chrono::milliseconds> retry_after(const HttpResponse& response, Time now);

}  // namespace intelwall::aws
