#include "aws/service_error.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "aws/json_text.hpp"
#include "aws/text.hpp"
#include "aws/xml_text.hpp"

namespace intelwall::aws {

namespace {

using std::chrono::seconds;

/// AWS refuses signatures that are more than five minutes off.
constexpr seconds skew_limit{300};

template <std::size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  return std::ranges::find(names, name) != std::end(names);
}

/// "com.amazonaws.x#NameException:http://…" → "NameException".
std::string short_name(std::string_view text) {
  text = text.substr(0, text.find(':'));
  text = trim(text.substr(text.rfind('#') + 1));
  return is_error_name(text) ? std::string(text) : std::string();
}

std::optional<Time> date_of(const std::string& text) {
  const std::time_t value = text.empty() ? -1 : curl_getdate(text.c_str(), nullptr);
  if (value < 0) return std::nullopt;
  return Time(seconds(value));
}

bool says_throttled(std::string_view name) {
  static constexpr std::string_view names[] = {
      "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
      "TooManyRequestsException", "TooManyUpdates", "RequestLimitExceeded", "BandwidthLimitExceeded", "SlowDown",
      "PriorRequestNotComplete", "TransactionInProgressException", "ProvisionedThroughputExceededException",
      "RequestTimeout", "RequestTimeoutException",
      // "not enough capacity now": told before anything is made.
      "InsufficientCapacityException"};
  return is_one_of(name, names);
}

bool says_skewed(const ServiceError& error, const HttpResponse& response, Time now) {
  if (error.name == "RequestTimeTooSkewed" || error.name == "RequestExpired") return true;
  if (error.message.contains("Signature expired") || error.message.contains("Signature not yet current")) return true;
  const auto theirs = date_of(response.header("date"));
  return theirs && (now > *theirs ? now - *theirs : *theirs - now) > skew_limit;
}

ErrorCode code_of(const ServiceError& error) {
  const std::string_view name = error.name;
  static constexpr std::string_view conflicts[] = {
      "InvalidTokenException", "ResourceConflictException", "ConflictException", "InvalidOperationException",
      "RouteAlreadyExists",    "ResourceInUseException",    "PreconditionFailed"};
  static constexpr std::string_view denials[] = {"UnrecognizedClientException",
                                                 "InvalidSignatureException",
                                                 "SignatureDoesNotMatch",
                                                 "InvalidClientTokenId",
                                                 "InvalidAccessKeyId",
                                                 "IncompleteSignature",
                                                 "IncompleteSignatureException",
                                                 "MissingAuthenticationToken",
                                                 "MissingAuthenticationTokenException",
                                                 "RequestTimeTooSkewed",
                                                 "RequestExpired",
                                                 "InvalidAccessException",
                                                 "OptInRequired",
                                                 "NotAuthorized",
                                                 "UnauthorizedOperation"};
  if (is_one_of(name, conflicts)) return ErrorCode::conflict;
  if (is_one_of(name, denials) || name.starts_with("AccessDenied") || name.starts_with("ExpiredToken"))
    return ErrorCode::denied;
  if (name.contains("LimitExceeded") || name.contains("QuotaExceeded") || error.message.contains("capacity exceeded"))
    return ErrorCode::quota;
  if (name.contains("NotFound")) return ErrorCode::not_found;
  if (name.starts_with("Invalid") || name.contains("Validation")) return ErrorCode::invalid_input;
  switch (error.status) {
    case 401:
    case 403:
    case 407:
      return ErrorCode::denied;
    case 404:
      return name.empty() ? ErrorCode::protocol : ErrorCode::not_found;
    case 409:
      return ErrorCode::conflict;
    default:
      break;
  }
  return name.empty() || error.status < 400 ? ErrorCode::protocol : ErrorCode::invalid_input;
}

std::string denial_hint(const ServiceError& error, const HttpResponse& response, Time now) {
  const std::string_view name = error.name;
  if (name.starts_with("AccessDenied") || name == "NotAuthorized" || name == "UnauthorizedOperation")
    return "give this user or role the permission for the call, or use another profile";
  if (name.starts_with("ExpiredToken")) return "the session is over: fetch new credentials";
  if (name == "InvalidAccessException" || name == "OptInRequired")
    return "turn the service on in this account and region, or check AWS_REGION";
  if (says_skewed(error, response, now)) {
    const auto theirs = date_of(response.header("date"));
    const std::string by =
        theirs ? ", it is " + std::to_string(std::abs((now - *theirs).count())) + " s off" : std::string();
    return "set this machine's clock (timedatectl set-ntp true)" + by;
  }
  if (name.contains("Signature")) return "check AWS_SECRET_ACCESS_KEY: it does not belong to the access key";
  if (name.empty()) return "a proxy or gateway refused, not the service: check HTTPS_PROXY and AWS_ENDPOINT_URL";
  return "check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN: AWS does not know these keys here";
}

}  // namespace

bool is_error_name(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  const auto fits = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && text.size() <= 100 && is_letter(text.front()) && std::ranges::all_of(text, fits);
}

ServiceError parse_service_error(const HttpResponse& response) {
  ServiceError error;
  error.status = response.status;
  error.name = short_name(response.header("x-amzn-errortype"));
  if (response.body.starts_with("<?xml") || response.body.contains("<Error>")) {
    if (error.name.empty()) error.name = short_name(xml_text(response.body, "Code"));
    error.message = xml_text(response.body, "Message");
    return error;
  }
  const auto body = parse_json(response.body);
  if (!body) return error;
  for (const char* key : {"__type", "code", "Code"})
    if (error.name.empty()) error.name = short_name(text_in(*body, key));
  for (const char* key : {"message", "Message", "errorMessage"})
    if (error.message.empty()) error.message = text_in(*body, key);
  return error;
}

Refusal classify(const ServiceError& error) {
  if (says_throttled(error.name) || error.status == 429 || error.status == 408) return Refusal::throttled;
  static constexpr std::string_view faults[] = {"InternalServerError", "InternalException",
                                                "InternalFailure",     "InternalServiceError",
                                                "ServiceUnavailable",  "ServiceUnavailableException"};
  if (error.status >= 500 || is_one_of(error.name, faults)) return Refusal::fault;
  return Refusal::final;
}

Error to_error(const ServiceError& error, const HttpResponse& response, Time now) {
  Error out;
  const Refusal refusal = classify(error);
  out.code = refusal == Refusal::final ? code_of(error) : ErrorCode::unavailable;
  if (error.name.empty()) {
    const std::string_view told = error.message.empty() ? std::string_view(response.body) : error.message;
    out.message = "HTTP " + std::to_string(error.status) + (told.empty() ? "" : ": " + printable(trim(told), 160));
  } else {
    out.message = error.name + (error.message.empty() ? "" : ": " + printable(error.message, 400));
  }
  switch (out.code) {
    case ErrorCode::denied:
      out.hint = denial_hint(error, response, now);
      break;
    case ErrorCode::protocol:
      out.hint = "check AWS_ENDPOINT_URL: this is not an answer of an AWS service";
      break;
    case ErrorCode::quota:
      out.hint = "free some, or ask AWS for a higher quota (Service Quotas)";
      break;
    case ErrorCode::unavailable:
      out.hint = refusal == Refusal::throttled ? "AWS limits the rate of calls: try again later" : "try again later";
      break;
    default:
      break;
  }
  return out;
}

std::optional<std::chrono::milliseconds> retry_after(const HttpResponse& response, Time now) {
  const std::string value = response.header("retry-after");
  unsigned int delay = 0;
  const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), delay);
  if (!value.empty() && fault == std::errc() && end == value.data() + value.size()) return seconds(delay);
  if (const auto date = date_of(value)) return std::max(*date - now, seconds(0));
  return std::nullopt;
}

}  // namespace intelwall::aws
