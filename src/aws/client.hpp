#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "aws/credentials.hpp"
#include "aws/http.hpp"
#include "aws/sigv4.hpp"

namespace intelwall::aws {

using Json = nlohmann::json;

struct RetryPolicy {
  int attempts = 5;                     ///< in all
  std::chrono::milliseconds base{100};  ///< full jitter: sleep uniform in [0, min(cap, base * 2^n)]
  std::chrono::milliseconds cap{5'000};
  std::chrono::milliseconds retry_after_cap{30'000};  ///< a longer Retry-After gives up with `unavailable`

  /// Before the next try, after this many.
  std::chrono::milliseconds back_off(int attempt) const;
};

/// All that a client needs from outside, so that nothing is a singleton.
struct Session {
  std::shared_ptr<HttpClient> http;
  std::shared_ptr<CredentialProvider> credentials;
  std::string region;
  Environment env;  ///< AWS_ENDPOINT_URL_<SERVICE> and AWS_ENDPOINT_URL
  Clock clock = system_now;
  Sleep sleep = really_sleep;
  RetryPolicy retries;
};

/// The error of a service, besides transport faults: its short name ("InvalidTokenException") and its text.
struct ServiceError {
  std::string name;
  std::string message;
  int status = 0;
};

/// One AWS service over one of its protocols. Retries throttling, 5xx, the `fault` errors and transport faults, within
/// the policy; all else is told at once. Calls that are not idempotent are retried only when the service did not act
/// (throttling, connect failure).
class ServiceClient {
 public:
  /// `id` names AWS_ENDPOINT_URL_<ID> (upper case, "NETWORK_FIREWALL"); `endpoint_prefix` the default host; `signing`
  /// the SigV4 service name.
  ServiceClient(Session session, std::string id, const std::string& endpoint_prefix, std::string signing);

  enum class Repeat { safe, unsafe };
  /// JSON protocol: POST / with X-Amz-Target `target`. version "1.0" or "1.1".
  Result<Json> call_json(const std::string& version, const std::string& target, const Json& input, Repeat repeat) const;
  /// Query protocol (EC2, STS): the parameters as a form; the answer is XML, as it came.
  Result<std::string> call_query(const std::vector<std::pair<std::string, std::string>>& parameters,
                                 Repeat repeat) const;
  /// REST JSON.
  Result<Json> call_rest(HttpRequest request, Repeat repeat) const;
  /// REST with bodies that are no JSON (S3): the answer as it came. The request's host goes in front of the endpoint's
  /// ("bucket.").
  Result<HttpResponse> call_raw(HttpRequest request, Repeat repeat) const;

  const Session& session() const { return session_; }

 private:
  struct Answered {
    HttpResponse response;
    Json json;  ///< where the protocol has it
  };
  enum class Reading { json, raw };
  /// How one attempt ended.
  struct Attempt {
    Result<Answered> result;
    bool again = false;                             ///< another attempt may help and can do no harm
    std::optional<std::chrono::milliseconds> wait;  ///< told by the service
  };
  static Attempt judge(const Result<HttpResponse>& response, Repeat repeat, Reading reading, Time now);
  Result<Answered> exchange(HttpRequest request, Repeat repeat, const std::string& operation, Reading reading) const;
  Session session_;
  std::string id_, scheme_, host_, base_path_, signing_;
  Result<void> endpoint_status_;
};

/// Errors of calls carry the service's error name at the start of `message` ("InvalidTokenException: …"); this finds
/// it.
std::string service_error_name(const Error& error);

}  // namespace intelwall::aws
