#include "lab/cloud_functions.hpp"

#include <fmt/format.h>

namespace intelwall::lab {
namespace {

constexpr std::string_view functions_path = "/2015-03-31/functions/";
constexpr std::string_view invocations = "/invocations";

CloudResponse json_response(int status, std::string body) {
  CloudResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  response.headers["x-amzn-RequestId"] = random_uuid();
  return response;
}

CloudResponse not_found(const Error& error) {
  auto response = json_response(404, dump_json({{"Type", "User"}, {"Message", error.message}}));
  response.headers["x-amzn-ErrorType"] = "ResourceNotFoundException";
  return response;
}

}  // namespace

bool is_invocation(const CloudRequest& request) {
  return request.method == "POST" && request.path.starts_with(functions_path) && request.path.ends_with(invocations) &&
         request.path.size() > functions_path.size() + invocations.size();
}

CloudResponse invoke_function(CloudStack& stack, const CloudRequest& request) {
  std::string_view encoded = request.path;
  encoded.remove_prefix(functions_path.size());
  encoded.remove_suffix(invocations.size());
  const std::string name = decode_percent(encoded);
  const std::string event = request.body.empty() ? "{}" : request.body;
  const bool later = request.header("x-amz-invocation-type") == "Event";
  const auto answer = later ? stack.deliver(name, event) : stack.invoke(name, event);
  if (!answer && answer.error().code == ErrorCode::not_found) return not_found(answer.error());
  if (later) return json_response(202, {});
  CloudResponse response = json_response(200, answer ? *answer : std::string());
  response.headers["X-Amz-Executed-Version"] = "$LATEST";
  if (!answer) {
    const std::string& message = answer.error().message;  // "errorType: errorMessage"
    const auto colon = std::min(message.find(": "), message.size());
    response.headers["X-Amz-Function-Error"] = "Unhandled";
    response.body = dump_json({{"errorType", message.substr(0, colon)},
                               {"errorMessage", message.substr(std::min(colon + 2, message.size()))}});
  }
  return response;
}

bool is_custom_resource_answer(const CloudRequest& request) {
  return request.method == "PUT" && request.path.starts_with(answer_path);
}

CloudResponse take_custom_resource_answer(CloudStack& stack, const CloudRequest& request) {
  const auto taken = stack.take_answer(request.path.substr(std::string_view(answer_path).size()), request.body);
  return json_response(taken == CloudStack::Taken::yes ? 200 : 403, {});
}

}  // namespace intelwall::lab
