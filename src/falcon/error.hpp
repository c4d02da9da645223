#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "aws/http.hpp"
#include "aws/json_text.hpp"
#include "core/time.hpp"

namespace intelwall::falcon {

using aws::Json;

/// One item of an answer's "errors".
struct ApiFault {
  int code = 0;
  std::string message;
  std::string id;  ///< what it is about; usually empty
};

/// What an answer's envelope says: {"meta": …, "resources": […], "errors": […]}, each of which may be missing or null.
struct Answer {
  Json meta;
  std::vector<Json> resources;
  std::vector<ApiFault> errors;
  std::string trace_id;
};
Answer read_answer(Json body, const aws::HttpResponse& response);

/// What the errors are told with.
struct Refused {
  std::string what;                  ///< "GET /alerts/queries/alerts/v2"
  std::string scope;                 ///< what the API client needs for it, "Alerts: Read"
  std::string cloud;                 ///< the cloud that Falcon says the client belongs to, when it is another one
  std::vector<std::string> secrets;  ///< struck out wherever the other side repeats them
};

/// The error of a status that is no success: Falcon's code, message and trace id, and what to do.
Error to_error(const aws::HttpResponse& response, const Refused& refused);
/// A transport fault, with hints that speak of Falcon.
Error to_error(Error transport_fault, const Refused& refused);

/// Whether the same request may go through later: 408, 429, 5xx.
bool is_passing(int status);
/// X-Ratelimit-Retryafter (Unix seconds) or Retry-After (seconds or a date) as time from now; at least one second,
/// since the former has no fractions.
std::optional<std::chrono::milliseconds> retry_after(const aws::HttpResponse& response, Time now);

}  // namespace intelwall::falcon
