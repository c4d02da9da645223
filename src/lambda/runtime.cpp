#include "lambda/runtime.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "aws/json_text.hpp"
#include "os/stop_signals.hpp"

namespace intelwall::lambda {

namespace {

using Json = nlohmann::json;

constexpr const char* version = "/2018-06-01/runtime/";
/// An invocation's event has at most 6 MB, also when it is pushed in one piece.
constexpr std::size_t most_bytes = 16u << 20;

Json error_body(const Error& error) {
  return {{"errorType", error_type(error)}, {"errorMessage", error.to_text()}, {"stackTrace", Json::array()}};
}

Time deadline_of(const std::string& milliseconds) {
  long long value = 0;
  std::from_chars(milliseconds.data(), milliseconds.data() + milliseconds.size(), value);
  return Time{std::chrono::seconds{value / 1'000}};
}

}  // namespace

void log_line(const char* level, const std::string& request_id, const std::string& message, const Error* error) {
  Json line{{"time", format_time(system_now())}, {"level", level}, {"message", printable(message, 2'000)}};
  if (!request_id.empty()) line["request_id"] = printable(request_id, 100);
  if (error != nullptr) {
    line["error_type"] = error_type(*error);
    line["error"] = {{"message", error->message}, {"place", error->place}, {"hint", error->hint}};
  }
  const auto text = aws::dump_json(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

Runtime::Runtime(std::string host)
    : host_(std::move(host)),
      client_(aws::make_curl_client()),
      waiting_(aws::make_curl_streaming_client(std::chrono::hours{24 * 365})) {}

Result<aws::HttpResponse> Runtime::next(const std::stop_token& stop) {
  using Flow = aws::StreamingClient::Flow;
  std::string body;
  IW_TRY(auto response,
         waiting_->stream(
             {.method = "GET", .scheme = "http", .host = host_, .path = version + std::string("invocation/next")},
             [&](const aws::HttpResponse&, std::string_view bytes) {
               body += bytes.substr(0, most_bytes - std::min(most_bytes, body.size()));
               return bytes.empty() && stop.stop_requested() ? Flow::stop : Flow::on;
             }));
  if (response.status == 200) response.body = std::move(body);
  return response;
}

Result<void> Runtime::post(const std::string& path, const std::string& body, const std::string& error_type) {
  aws::HttpRequest request{.method = "POST", .scheme = "http", .host = host_, .path = version + path, .body = body};
  request.headers.emplace_back("Content-Type", "application/json");
  if (!error_type.empty()) request.headers.emplace_back("Lambda-Runtime-Function-Error-Type", error_type);
  IW_TRY(const auto response, client_->send(request));
  if (response.status < 300) return {};
  return fail(response.status >= 500 ? ErrorCode::unavailable : ErrorCode::protocol,
              fmt::format("the Runtime API answered {}: {}", response.status, printable(response.body, 200)), path);
}

Result<void> Runtime::run_one(const Handler& handler, const aws::HttpResponse& next) {
  const Invocation invocation{.event = next.body,
                              .request_id = next.header("lambda-runtime-aws-request-id"),
                              .function_arn = next.header("lambda-runtime-invoked-function-arn"),
                              .deadline = deadline_of(next.header("lambda-runtime-deadline-ms"))};
  // What X-Ray's clients in this process go by.
  if (const auto trace = next.header("lambda-runtime-trace-id"); !trace.empty())
    ::setenv("_X_AMZN_TRACE_ID", trace.c_str(), 1);
  const auto place = "invocation/" + invocation.request_id;
  auto answer = handler(invocation);
  auto told = answer ? post(place + "/response", *answer, {}) : Result<void>{};
  if (!told && told.error().code == ErrorCode::protocol) answer = std::unexpected(told.error());  // too large, perhaps
  if (!answer) {
    log_line("ERROR", invocation.request_id, "the invocation failed", &answer.error());
    told = post(place + "/error", aws::dump_json(error_body(answer.error())), error_type(answer.error()));
  }
  if (!told && told.error().code == ErrorCode::unavailable) return told;
  if (!told) log_line("ERROR", invocation.request_id, "the Runtime API did not take the answer", &told.error());
  return {};
}

Result<void> Runtime::serve(const Handler& handler, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    IW_TRY(const auto response, next(stop));
    if (stop.stop_requested() && response.body.empty()) break;
    if (response.status != 200)
      return fail(ErrorCode::protocol, fmt::format("the Runtime API answered {}", response.status), "invocation/next");
    IW_CHECK(run_one(handler, response));
  }
  return {};
}

void Runtime::tell_init_failure(const Error& error) {
  const auto body = aws::dump_json(error_body(error));
  if (const auto told = post("init/error", body, error_type(error)); !told)
    log_line("ERROR", {}, "the Runtime API did not take the failure", &told.error());
}

int run(const aws::Environment& env) {
  const auto host = env("AWS_LAMBDA_RUNTIME_API");
  if (!host) {
    std::fputs(
        "intelwall: AWS_LAMBDA_RUNTIME_API is not set: this runs as a Lambda function (see docs/lambda.md), or in the "
        "lab\n",
        stderr);
    return 2;
  }
  // Before any other thread.
  const os::StopSignals signals;
  // A proxy that handlers are to use is not for the Runtime API.
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const auto host_name = host->substr(0, host->rfind(':'));
    ::setenv(name, env(name) ? (*env(name) + "," + host_name).c_str() : host_name.c_str(), 1);
  }
  Runtime runtime(*host);
  auto handler = make_handler(env);
  if (!handler) {
    log_line("ERROR", {}, "the function cannot start", &handler.error());
    runtime.tell_init_failure(handler.error());
    return 1;
  }
  if (const auto served = runtime.serve(*handler, signals.token()); !served) {
    log_line("ERROR", {}, "the function ends", &served.error());
    return 1;
  }
  return 0;
}

}  // namespace intelwall::lambda
