#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "aws/endpoint.hpp"
#include "aws/json_text.hpp"
#include "aws/text.hpp"
#include "lambda/custom_resource.hpp"
#include "lambda/function_context.hpp"
#include "lambda/resource_kinds.hpp"
#include "lambda/runtime.hpp"

namespace intelwall::lambda {

namespace {

using Json = nlohmann::json;

constexpr int tries = 5;
constexpr std::size_t longest_reason = 1'000;  // all of an answer may have 4,096 bytes

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
    out += low < 0 ? text[i] : static_cast<char>(high * 16 + low);
    if (low >= 0) i += 2;
  }
  return out;
}

bool is_host_of_aws(std::string_view host) {
  static constexpr std::string_view suffixes[] = {".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu",
                                                  ".sc2s.sgov.gov", ".c2s.ic.gov"};
  return std::ranges::any_of(suffixes, [&](std::string_view suffix) { return host.ends_with(suffix); }) &&
         std::ranges::all_of(
             host, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'; });
}

Result<ResourceRequest> parse_request(const Json& event, const Invocation& invocation) {
  ResourceRequest request;
  const auto type = aws::text_in(event, "RequestType");
  if (type == "Update") {
    request.type = ResourceRequest::Type::update;
  } else if (type == "Delete") {
    request.type = ResourceRequest::Type::remove;
  } else if (type != "Create") {
    return fail(ErrorCode::usage, fmt::format("\"{}\" is no type of request", printable(type, 40)), "RequestType");
  }
  request.properties = aws::member(event, "ResourceProperties");
  request.physical_id = aws::text_in(event, "PhysicalResourceId");
  auto function = aws::Arn::parse(invocation.function_arn);
  if (!function) return fail(ErrorCode::protocol, "the function does not know its own ARN", "invocation");
  request.function = *std::move(function);
  return request;
}

Json answer_to(const Json& event, const Result<ResourceAnswer>& answer) {
  Json told{{"Status", answer ? "SUCCESS" : "FAILED"}};
  for (const char* key : {"StackId", "RequestId", "LogicalResourceId"}) told[key] = aws::text_in(event, key);
  const auto before = aws::text_in(event, "PhysicalResourceId");
  if (answer) {
    told["PhysicalResourceId"] = answer->physical_id;
    told["Data"] = answer->data;
    return told;
  }
  told["PhysicalResourceId"] = before.empty() ? nothing_made : before;
  const auto& error = answer.error();
  told["Reason"] = printable(error.message + (error.place.empty() ? "" : " (" + error.place + ")") +
                                 (error.hint.empty() ? "" : ": " + error.hint),
                             longest_reason);
  return told;
}

Result<void> tell(const app::Context& context, aws::HttpRequest request, const Json& answer) {
  request.body = aws::dump_json(answer);
  for (int attempt = 1;; ++attempt) {
    const auto response = context.http->send(request);
    if (response && response->status >= 200 && response->status < 300) return {};
    if (attempt == tries) {
      IW_CHECK(response);
      return fail(ErrorCode::unavailable, fmt::format("the answer's URL says {}", response->status), "ResponseURL");
    }
    context.sleep(std::chrono::milliseconds{100 << attempt});
  }
}

}  // namespace

Result<aws::HttpRequest> response_request(const app::Context& context, const std::string& url) {
  // The URL is a key to the answer: no error repeats it.
  aws::HttpRequest request;
  request.method = "PUT";
  const auto colon = std::min(url.find("://"), url.size());
  std::string_view rest = std::string_view(url).substr(std::min(colon + 3, url.size()));
  request.scheme = url.substr(0, colon);
  request.host = aws::lower_case(rest.substr(0, rest.find_first_of("/?#")));
  rest.remove_prefix(request.host.size());
  const auto given = aws::resolve_endpoint(context.env, "S3", "s3", context.session->region);
  const bool is_given = given && given->given && given->scheme == request.scheme && given->host == request.host;
  if (!is_given && (request.scheme != "https" || !is_host_of_aws(request.host)))
    return fail(ErrorCode::denied, "the answer's URL is none of AWS over https", "ResponseURL");
  const auto question = std::min(rest.find('?'), rest.size());
  request.path = percent_decoded(rest.substr(0, question));
  if (question < rest.size())
    for (const auto part : aws::split(rest.substr(question + 1), '&')) {
      const auto equals = std::min(part.find('='), part.size());
      request.query.emplace_back(percent_decoded(part.substr(0, equals)),
                                 percent_decoded(part.substr(std::min(equals + 1, part.size()))));
    }
  return request;
}

Result<std::string> answer_resource(const app::Context& context, const Invocation& invocation) {
  const auto event = Json::parse(invocation.event, nullptr, false);
  IW_TRY(auto response, response_request(context, aws::text_in(event, "ResponseURL")));
  auto request = parse_request(event, invocation);
  Result<ResourceAnswer> answer =
      request ? handle_resource(context, *request) : std::unexpected(std::move(request).error());
  if (!answer) log_line("ERROR", invocation.request_id, "the resource is as it was", &answer.error());
  const auto told = answer_to(event, answer);
  IW_CHECK(tell(context, std::move(response), told));
  const Json done{{"status", told["Status"]}, {"id", told["PhysicalResourceId"]}};
  auto text = aws::dump_json(done);
  log_line("INFO", invocation.request_id, text, nullptr);
  return text;
}

Result<Handler> make_custom_resource_handler(const aws::Environment& env) {
  IW_TRY(auto made, make_function_context(env));
  return [context = std::make_shared<const app::Context>(std::move(made))](const Invocation& invocation) {
    return answer_resource(*context, invocation);
  };
}

}  // namespace intelwall::lambda
