#include "falcon/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "aws/service_error.hpp"
#include "aws/text.hpp"

namespace intelwall::falcon {
namespace {

constexpr std::size_t message_limit = 300;

std::string without(std::string text, const std::vector<std::string>& secrets) {
  constexpr std::size_t shortest = 4;  // striking out less would only hide the message
  for (const auto& secret : secrets) {
    if (secret.size() < shortest) continue;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at))
      text.replace(at, secret.size(), "***");
  }
  return text;
}

std::string told(const Answer& answer, const aws::HttpResponse& response) {
  std::string text;
  for (const auto& fault : answer.errors) text += (text.empty() ? "" : "; ") + fault.message;
  if (text.empty() && answer.meta.is_null()) text = aws::trim(response.body);  // a proxy's page, or plain words
  return text;
}

std::string denial_hint(const Refused& refused, int status, const std::string& message) {
  if (!refused.cloud.empty())
    return fmt::format("this API client belongs to the cloud {0}: set FALCON_CLOUD={0}", printable(refused.cloud, 20));
  if (refused.scope.empty()) {
    if (status == 403 && message.contains("authorization failed"))
      return "check the API client's scopes and its list of allowed IP addresses in the Falcon console";
    return "check FALCON_CLIENT_ID and FALCON_CLIENT_SECRET, and FALCON_CLOUD: keys work only in their own cloud";
  }
  if (status == 401)
    return "a new token was refused too: check FALCON_CLOUD or FALCON_BASE_URL, and whether the API client was revoked";
  return fmt::format(
      "give the API client the scope \"{}\" (Falcon console: Support and resources, API clients and keys), and check "
      "its "
      "list of allowed IP addresses",
      refused.scope);
}

void set_code_and_hint(Error& error, const Refused& refused, int status, const std::string& message) {
  if (status == 401 || status == 403 || (status == 400 && refused.scope.empty())) {
    error.code = ErrorCode::denied;
    error.hint = denial_hint(refused, status, message);
  } else if (status == 404) {
    error.code = ErrorCode::not_found;
  } else if (status == 409) {
    error.code = ErrorCode::conflict;
  } else if (status == 429) {
    error.code = ErrorCode::unavailable;
    error.hint = "Falcon limits the calls of a minute for all clients of the customer: try again later";
  } else if (is_passing(status)) {
    error.code = ErrorCode::unavailable;
    error.hint = "try again later";
  } else if (status >= 300 && status < 400) {
    error.code = ErrorCode::protocol;
    error.hint = refused.cloud.empty() ? "redirects are not followed: check FALCON_BASE_URL and HTTPS_PROXY"
                                       : denial_hint(refused, status, message);
  } else if (status >= 400 && status < 500) {
    error.code = ErrorCode::invalid_input;
  } else {
    error.code = ErrorCode::protocol;
    error.hint = "check FALCON_BASE_URL: this is not an answer of the Falcon API";
  }
}

}  // namespace

Answer read_answer(Json body, const aws::HttpResponse& response) {
  Answer answer;
  if (const auto meta = body.find("meta"); meta != body.end() && meta->is_object()) answer.meta = std::move(*meta);
  answer.trace_id = aws::text_in(answer.meta, "trace_id");
  if (answer.trace_id.empty()) answer.trace_id = response.header("x-cs-traceid");
  for (const auto& item : aws::items_in(body, "errors")) {
    const Json& code = aws::member(item, "code");
    ApiFault fault{0, aws::text_in(item, "message"), aws::text_in(item, "id")};
    if (code.is_number_integer())
      fault.code = static_cast<int>(std::clamp<std::int64_t>(code.get<std::int64_t>(), 0, 999'999));
    if (fault.message.empty()) fault.message = aws::text_in(item, "message_key");
    answer.errors.push_back(std::move(fault));
  }
  if (const auto resources = body.find("resources"); resources != body.end() && resources->is_array())
    answer.resources = std::move(resources->get_ref<std::vector<Json>&>());
  return answer;
}

Error to_error(const aws::HttpResponse& response, const Refused& refused) {
  auto body = aws::parse_json(response.body);
  const Answer answer = read_answer(body && body->is_object() ? *std::move(body) : Json::object(), response);
  const std::string message = without(told(answer, response), refused.secrets);
  Error error;
  error.message = fmt::format("Falcon answered {}{}{}", response.status, message.empty() ? "" : ": ",
                              printable(message, message_limit));
  for (const auto& fault : answer.errors) {
    if (fault.code == 0 || fault.code == response.status) continue;
    error.message += fmt::format(" (code {})", fault.code);
    break;
  }
  error.place = "Falcon " + refused.what;
  if (!answer.trace_id.empty()) error.place += ", trace " + printable(without(answer.trace_id, refused.secrets), 64);
  set_code_and_hint(error, refused, response.status, message);
  return error;
}

Error to_error(Error fault, const Refused& refused) {
  constexpr std::string_view theirs = "the region or AWS_ENDPOINT_URL";
  if (const auto at = fault.hint.find(theirs); at != std::string::npos)
    fault.hint.replace(at, theirs.size(), "FALCON_CLOUD or FALCON_BASE_URL");
  fault.place = "Falcon " + refused.what + (fault.place.empty() ? "" : ", " + fault.place);
  return fault;
}

bool is_passing(int status) {
  return status == 408 || status == 429 || (status >= 500 && status < 600);
}

std::optional<std::chrono::milliseconds> retry_after(const aws::HttpResponse& response, Time now) {
  using std::chrono::seconds;
  const std::string text = response.header("x-ratelimit-retryafter");
  std::int64_t epoch = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (!text.empty() && fault == std::errc() && end == text.data() + text.size()) {
    // Clamped before the subtraction, which must not overflow.
    constexpr std::int64_t furthest = std::int64_t{1} << 40;
    return std::max(Time(seconds(std::clamp<std::int64_t>(epoch, 0, furthest))) - now, seconds(1));
  }
  auto wait = aws::retry_after(response, now);
  if (wait) wait = std::max<std::chrono::milliseconds>(*wait, seconds(1));
  return wait;
}

}  // namespace intelwall::falcon
