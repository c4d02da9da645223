// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and …WithWebIdentity: query in, XML out.
#include <fmt/format.h>

#include "aws/endpoint.hpp"
#include "aws/sigv4.hpp"
#include "aws/temporary_credentials.hpp"
#include "aws/text.hpp"
#include "aws/xml_text.hpp"
#include "os/file.hpp"

namespace intelwall::aws {

namespace {

using std::chrono::milliseconds;
using Parameters = std::vector<std::pair<std::string, std::string>>;

constexpr int attempts = 3;
constexpr std::size_t token_limit = 20'000;  // WebIdentityToken, API reference

std::unexpected<Error> refused(const HttpResponse& response, const std::string& action, const Role& role) {
  const auto code = xml_text(response.body, "Code");
  const auto hint = code == "ExpiredTokenException" || code == "InvalidIdentityToken"
                        ? "the web identity token is not valid any more: check its file and the role's trust policy"
                        : "the role's trust policy must name who asks, and its external id must be the one that is set";
  return fail(response.status >= 500 ? ErrorCode::unavailable : ErrorCode::denied,
              fmt::format("STS answered {}: {} {}", response.status, printable(code, 60),
                          printable(xml_text(response.body, "Message"), 300)),
              fmt::format("sts {} {}", action, printable(role.arn, 160)), hint);
}

Result<Temporary> read_answer(const HttpResponse& response, const std::string& action) {
  Temporary out{{xml_text(response.body, "AccessKeyId"), xml_text(response.body, "SecretAccessKey"),
                 xml_text(response.body, "SessionToken")},
                {}};
  if (out.credentials.access_key_id.empty() || out.credentials.secret_access_key.empty() ||
      out.credentials.session_token.empty())
    return fail(ErrorCode::protocol, "the answer holds no credentials", "sts " + action,
                "check AWS_ENDPOINT_URL: this is not an answer of AWS STS");
  IW_TRY(out.expires, parse_time(xml_text(response.body, "Expiration")));
  return out;
}

Result<Temporary> ask(const Environment& env, const ChainOptions& options, const Parameters& parameters,
                      const Credentials* signer, const Role& role) {
  IW_TRY(const auto endpoint, resolve_endpoint(env, "STS", "sts", options.region));
  HttpRequest request;
  request.scheme = endpoint.scheme;
  request.host = endpoint.host;
  request.path = endpoint.base_path + "/";
  request.body = encode_query(parameters);
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
    options.sleep(milliseconds{200 * attempt});
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
