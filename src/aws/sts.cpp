// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and …WithWebIdentity: query in, XML out.
#include <fmt/format.h>

#include <array>
#include <thread>

#include "aws/endpoint.hpp"
#include "aws/sigv4.hpp"
#include "aws/temporary_credentials.hpp"
#include "aws/text.hpp"
#include "os/file.hpp"

namespace intelwall::aws {

namespace {

using std::chrono::milliseconds;
using Parameters = std::vector<std::pair<std::string, std::string>>;

constexpr int attempts = 3;
constexpr std::size_t token_limit = 20'000;  // WebIdentityToken, API reference

/// The text of the first element of this name; empty when there is none.
std::string element(std::string_view xml, std::string_view name) {
  const auto open = fmt::format("<{}>", name);
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  const auto end = xml.find(fmt::format("</{}>", name), begin);
  if (end == std::string_view::npos) return {};
  std::string text(xml.substr(begin + open.size(), end - begin - open.size()));
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> entities = {
      {{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}}};
  for (const auto& [entity, character] : entities)
    for (auto at = text.find(entity); at != std::string::npos; at = text.find(entity, at + character.size()))
      text.replace(at, entity.size(), character);
  return text;
}

std::unexpected<Error> refused(const HttpResponse& response, const std::string& action, const Role& role) {
  const auto code = element(response.body, "Code");
  const auto hint = code == "ExpiredTokenException" || code == "InvalidIdentityToken"
                        ? "the web identity token is not valid any more: check its file and the role's trust policy"
                        : "the role's trust policy must name who asks, and its external id must be the one that is set";
  return fail(response.status >= 500 ? ErrorCode::unavailable : ErrorCode::denied,
              fmt::format("STS answered {}: {} {}", response.status, printable(code, 60),
                          printable(element(response.body, "Message"), 300)),
              fmt::format("sts {} {}", action, printable(role.arn, 160)), hint);
}

Result<Temporary> read_answer(const HttpResponse& response, const std::string& action) {
  Temporary out{{element(response.body, "AccessKeyId"), element(response.body, "SecretAccessKey"),
                 element(response.body, "SessionToken")},
                {}};
  if (out.credentials.access_key_id.empty() || out.credentials.secret_access_key.empty() ||
      out.credentials.session_token.empty())
    return fail(ErrorCode::protocol, "the answer holds no credentials", "sts " + action,
                "check AWS_ENDPOINT_URL: this is not an answer of AWS STS");
  IW_TRY(out.expires, parse_time(element(response.body, "Expiration")));
  return out;
}

Result<Temporary> ask(const Environment& env, const ChainOptions& options, const Parameters& parameters,
                      const Credentials* signer, const Role& role) {
  IW_TRY(const auto endpoint, resolve_endpoint(env, "STS", "sts", options.region));
  HttpRequest request;
  request.scheme = endpoint.scheme;
  request.host = endpoint.host;
  request.path = endpoint.base_path + "/";
  for (const auto& [name, value] : parameters)
    request.body += fmt::format("{}{}={}", request.body.empty() ? "" : "&", name, encode_query_part(value));
  const std::string& action = parameters.front().second;
  for (int attempt = 1;; ++attempt) {
    auto sent = request;
    sent.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
    if (signer != nullptr) sign(sent, {options.region, "sts"}, *signer, options.clock());
    const auto response = options.http->send(sent);
    if (response && response->status == 200) return read_answer(*response, action);
    const bool passing =
        response ? response->status >= 500 || response->status == 429 : response.error().code == ErrorCode::unavailable;
    if (!passing || attempt == attempts)
      return response ? Result<Temporary>(refused(*response, action, role)) : std::unexpected(response.error());
    const milliseconds pause{200 * attempt};
    if (options.sleep)
      options.sleep(pause);
    else
      std::this_thread::sleep_for(pause);
  }
}

Parameters parameters_for(const char* action, const Role& role) {
  return {{"Action", action},
          {"Version", "2011-06-15"},
          {"RoleArn", role.arn},
          {"RoleSessionName", role.session_name.empty() ? "intelwall" : role.session_name}};
}

}  // namespace

Result<Temporary> sts_assume_role(const Environment& env, const ChainOptions& options, const Credentials& base,
                                  const Role& role, std::chrono::seconds duration) {
  auto parameters = parameters_for("AssumeRole", role);
  parameters.emplace_back("DurationSeconds", std::to_string(duration.count()));
  if (!role.external_id.empty()) parameters.emplace_back("ExternalId", role.external_id);
  return ask(env, options, parameters, &base, role);
}

Result<Temporary> sts_web_identity(const Environment& env, const ChainOptions& options, const std::string& token_file,
                                   const Role& role) {
  auto token = os::read_file(token_file, token_limit);
  if (!token) {
    token.error().code = ErrorCode::denied;
    token.error().hint = "AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile, must name it";
    return std::unexpected(std::move(token).error());
  }
  auto parameters = parameters_for("AssumeRoleWithWebIdentity", role);
  parameters.emplace_back("WebIdentityToken", trim(*token));
  return ask(env, options, parameters, nullptr, role);
}

}  // namespace intelwall::aws
