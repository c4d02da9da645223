#pragma once

#include <stop_token>

#include "aws/http.hpp"
#include "lambda/handler.hpp"

namespace intelwall::lambda {

/// One line of JSON to standard error, which Lambda keeps as the function's log. Texts are escaped, and never secrets.
void log_line(const char* level, const std::string& request_id, const std::string& message, const Error* error);

/// The Lambda Runtime API, version 2018-06-01 (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html): asks for the
/// next invocation without a time-out, and answers each with the handler's result or its error, until `stop`.
class Runtime {
 public:
  /// `host`: AWS_LAMBDA_RUNTIME_API, "127.0.0.1:9001".
  explicit Runtime(std::string host);

  /// Success when stopped. Errors: the API cannot be reached or says that the container is beyond recovery; the process
  /// must then end.
  Result<void> serve(const Handler& handler, const std::stop_token& stop);
  /// Tells that the function cannot start; the process must then end.
  void tell_init_failure(const Error& error);

 private:
  Result<aws::HttpResponse> next(const std::stop_token& stop);
  Result<void> post(const std::string& path, const std::string& body, const std::string& error_type);
  Result<void> run_one(const Handler& handler, const aws::HttpResponse& next);

  std::string host_;
  std::unique_ptr<aws::HttpClient> client_;
  std::unique_ptr<aws::StreamingClient> waiting_;
};

/// What `bootstrap` and `intelwall lambda` do: a handler from the environment, served until SIGTERM. The exit code.
int run(const aws::Environment& env);

}  // namespace intelwall::lambda
