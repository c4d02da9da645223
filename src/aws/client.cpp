#include "aws/client.hpp"

#include <algorithm>

#include "aws/endpoint.hpp"
#include "aws/json_text.hpp"
#include "aws/service_error.hpp"
#include "aws/text.hpp"
#include "core/jitter.hpp"

namespace intelwall::aws {

using std::chrono::milliseconds;

milliseconds RetryPolicy::back_off(int attempt) const {
  milliseconds ceiling = base;
  for (int doubled = 1; doubled < attempt && ceiling < cap; ++doubled) ceiling *= 2;
  return jitter(std::min(ceiling, cap));
}

ServiceClient::Attempt ServiceClient::judge(const Result<HttpResponse>& response, Repeat repeat, Reading reading,
                                            Time now) {
  const bool safe = repeat == Repeat::safe;
  constexpr const char* uncertain = "it may have been carried out all the same: look before repeating it";
  if (!response) {
    Error error = response.error();
    const bool unsent = never_sent(error);
    const bool passing = error.code == ErrorCode::unavailable;
    if (passing && !unsent && !safe) error.hint = uncertain;
    return {std::unexpected(std::move(error)), passing && (unsent || safe), {}};
  }
  if (response->status >= 200 && response->status < 300) {
    if (reading == Reading::raw) return {Answered{*response, {}}, false, {}};
    if (trim(response->body).empty()) return {Answered{{}, Json::object()}, false, {}};
    auto json = parse_json(response->body);
    if (json && json->is_object()) return {Answered{{}, *std::move(json)}, false, {}};
    const std::string reason = json ? "this is JSON but no object" : json.error().message;
    return {fail(ErrorCode::protocol, "the answer cannot be read: " + reason, {},
                 "check AWS_ENDPOINT_URL: this is not an answer of an AWS service"),
            false,
            {}};
  }
  const ServiceError told = parse_service_error(*response);
  Error error = to_error(told, *response, now);
  const Refusal refusal = classify(told);
  if (refusal == Refusal::fault && !safe) error.hint = uncertain;
  const bool again = refusal == Refusal::throttled || (refusal == Refusal::fault && safe);
  return {std::unexpected(std::move(error)), again, retry_after(*response, now)};
}

ServiceClient::ServiceClient(Session session, std::string id, const std::string& endpoint_prefix, std::string signing)
    : session_(std::move(session)), id_(std::move(id)), signing_(std::move(signing)) {
  IW_ASSERT(session_.http != nullptr);
  IW_ASSERT(session_.credentials != nullptr);
  auto endpoint = resolve_endpoint(session_.env, id_, endpoint_prefix, session_.region);
  if (!endpoint) {
    endpoint_status_ = std::unexpected(std::move(endpoint).error());
    return;
  }
  scheme_ = std::move(endpoint->scheme);
  host_ = std::move(endpoint->host);
  base_path_ = std::move(endpoint->base_path);
}

Result<Json> ServiceClient::call_json(const std::string& version, const std::string& target, const Json& input,
                                      Repeat repeat) const {
  HttpRequest request;
  request.headers = {{"Content-Type", "application/x-amz-json-" + version}, {"X-Amz-Target", target}};
  request.body = dump_json(input);
  IW_TRY(auto answer, exchange(std::move(request), repeat, target.substr(target.rfind('.') + 1), Reading::json));
  return std::move(answer.json);
}

Result<Json> ServiceClient::call_rest(HttpRequest request, Repeat repeat) const {
  if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  const std::string operation = request.method + ' ' + printable(request.path, 80);
  IW_TRY(auto answer, exchange(std::move(request), repeat, operation, Reading::json));
  return std::move(answer.json);
}

Result<HttpResponse> ServiceClient::call_raw(HttpRequest request, Repeat repeat) const {
  const std::string operation = request.method + ' ' + printable(request.path, 80);
  IW_TRY(auto answer, exchange(std::move(request), repeat, operation, Reading::raw));
  return std::move(answer.response);
}

Result<std::string> ServiceClient::call_query(const std::vector<std::pair<std::string, std::string>>& parameters,
                                              Repeat repeat) const {
  HttpRequest request;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = encode_query(parameters);
  const auto action = std::ranges::find(parameters, "Action", &std::pair<std::string, std::string>::first);
  IW_ASSERT(action != parameters.end());
  IW_TRY(auto answer, exchange(std::move(request), repeat, action->second, Reading::raw));
  return std::move(answer.response.body);
}

Result<ServiceClient::Answered> ServiceClient::exchange(HttpRequest request, Repeat repeat,
                                                        const std::string& operation, Reading reading) const {
  IW_CHECK(endpoint_status_);
  const RetryPolicy& policy = session_.retries;
  request.scheme = scheme_;
  request.host += host_;
  request.path = base_path_ + request.path;
  request.headers.emplace_back("User-Agent", "intelwall");
  const auto unsigned_headers = request.headers;
  for (int attempt = 1;; ++attempt) {
    IW_TRY(const Credentials credentials, session_.credentials->get());
    request.headers = unsigned_headers;
    sign(request, {session_.region, signing_}, credentials, session_.clock());
    const auto response = session_.http->send(request);
    Attempt outcome = judge(response, repeat, reading, session_.clock());
    if (outcome.result) return std::move(outcome.result);
    Error error = std::move(outcome.result).error();
    const bool asks_too_much = outcome.wait && *outcome.wait > policy.retry_after_cap;
    if (outcome.again && !asks_too_much && attempt < policy.attempts) {
      session_.sleep(std::max(outcome.wait.value_or(milliseconds(0)), policy.back_off(attempt)));
      continue;
    }
    if (outcome.again && asks_too_much)
      error.hint = "the service asks to wait " + std::to_string(outcome.wait->count() / 1000) + " s";
    if (attempt > 1) error.message += " (attempt " + std::to_string(attempt) + ", the last)";
    const std::string id = response ? response->header("x-amzn-requestid") : std::string();
    error.place = signing_ + ' ' + operation + (error.place.empty() ? "" : ", " + error.place) +
                  (id.empty() ? "" : ", request " + printable(id, 64));
    return std::unexpected(std::move(error));
  }
}

std::string service_error_name(const Error& error) {
  const std::string_view message = error.message;
  const std::string_view name = message.substr(0, message.find_first_of(": "));
  const std::string_view rest = message.substr(name.size());
  const bool alone = rest.empty() || rest.starts_with(": ") || rest.starts_with(" (attempt ");
  return alone && is_error_name(name) ? std::string(name) : std::string();
}

}  // namespace intelwall::aws
