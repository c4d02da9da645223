// Credentials that the machine hands out:
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html and
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
#include <fmt/format.h>

#include <algorithm>

#include "aws/json_text.hpp"
#include "aws/profile.hpp"
#include "aws/temporary_credentials.hpp"
#include "aws/text.hpp"
#include "os/file.hpp"

namespace intelwall::aws {

namespace {

constexpr std::size_t token_limit = 64u << 10;

struct Address {
  std::string scheme, host, path;
};

/// "http://host:port/path?query", taken apart without decoding: it is asked for as it stands.
std::optional<Address> split_url(const std::string& url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string::npos) return std::nullopt;
  const auto host_begin = scheme_end + 3;
  const auto path_begin = std::min(url.find('/', host_begin), url.size());
  Address address{lower_case(url.substr(0, scheme_end)), url.substr(host_begin, path_begin - host_begin),
                  path_begin == url.size() ? "/" : url.substr(path_begin)};
  if ((address.scheme != "http" && address.scheme != "https") || address.host.empty() || address.host.contains('@'))
    return std::nullopt;
  return address;
}

std::string without_port(const std::string& host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

/// Plain http goes only to the addresses that AWS names for this, and to this machine.
bool may_go_in_clear(const std::string& host) {
  const auto name = lower_case(without_port(host));
  constexpr std::array<std::string_view, 6> allowed = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                                       "localhost",     "127.0.0.1",      "[::1]"};
  return std::ranges::find(allowed, name) != allowed.end();
}

HttpRequest request_to(const Address& address, const char* method) {
  HttpRequest request;
  request.method = method;
  request.scheme = address.scheme;
  request.host = address.host;
  request.path = address.path.substr(0, address.path.find('?'));
  const auto mark = address.path.find('?');
  if (mark != std::string::npos) {
    for (const auto part : split(std::string_view(address.path).substr(mark + 1), '&')) {
      const auto equals = std::min(part.find('='), part.size());
      request.query.emplace_back(part.substr(0, equals), part.substr(std::min(equals + 1, part.size())));
    }
  }
  return request;
}

Result<Temporary> read_answer(const HttpResponse& response, const std::string& place) {
  const auto answer = parse_json(response.body);
  if (response.status != 200 || !answer)
    return fail(response.status >= 500 ? ErrorCode::unavailable : ErrorCode::denied,
                fmt::format("the credentials endpoint answered {}{}", response.status,
                            answer ? " " + printable(text_in(*answer, "message"), 200) : std::string()),
                place, "check the role of the task, the pod or the instance");
  Temporary out{{text_in(*answer, "AccessKeyId"), text_in(*answer, "SecretAccessKey"), text_in(*answer, "Token")}, {}};
  if (out.credentials.access_key_id.empty() || out.credentials.secret_access_key.empty())
    return fail(ErrorCode::denied,
                fmt::format("the credentials endpoint gives none: {}", printable(text_in(*answer, "Code"), 100)), place,
                "check the role of the task, the pod or the instance");
  if (const auto expiration = text_in(*answer, "Expiration"); !expiration.empty()) {
    IW_TRY(out.expires, parse_time(expiration));
  }
  return out;
}

/// What goes into the Authorization header; the file wins and is read each time.
Result<std::string> authorization(const Environment& env) {
  std::string token = lookup(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
  if (const auto file = lookup(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    IW_TRY(token, os::read_file(*file, token_limit));
    token = trim(token);
  }
  if (token.contains('\n') || token.contains('\r'))
    return fail(ErrorCode::invalid_input, "the container's authorization token holds a line break",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN", "check what writes it");
  return token;
}

}  // namespace

bool has_container_credentials(const Environment& env) {
  return lookup(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || lookup(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

Result<Temporary> container_credentials(const Environment& env, const ChainOptions& options) {
  const auto relative = lookup(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const char* const variable =
      relative ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" : "AWS_CONTAINER_CREDENTIALS_FULL_URI";
  const auto url =
      relative ? "http://169.254.170.2" + *relative : lookup(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI").value_or("");
  const auto address = split_url(url);
  if (!address || (relative && !relative->starts_with('/')))
    return fail(ErrorCode::usage, "this is no address to ask for credentials", variable,
                "the container's runtime sets it: leave it as it is");
  if (address->scheme == "http" && !may_go_in_clear(address->host))
    return fail(ErrorCode::denied,
                fmt::format("no credentials are asked for over plain http from {}",
                            printable(without_port(address->host), 100)),
                variable, "use https, or one of 169.254.170.2, 169.254.170.23, [fd00:ec2::23] and this machine");
  auto request = request_to(*address, "GET");
  IW_TRY(const auto token, authorization(env));
  if (!token.empty()) request.headers.emplace_back("Authorization", token);
  IW_TRY(const auto response, options.metadata->send(request));
  return read_answer(response, variable);
}

Result<Temporary> instance_credentials(const Environment& env, const ChainOptions& options) {
  const auto base = split_url(lookup(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254"));
  if (!base)
    return fail(ErrorCode::usage, "this is no address of the instance metadata service",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT", "write it as http://169.254.169.254");
  const auto at = [&](const char* method, const std::string& path) {
    return request_to({base->scheme, base->host, path}, method);
  };
  const auto not_here = [](const std::string& why) {
    return fail(ErrorCode::not_found, why, "instance metadata (IMDSv2)",
                "give the instance a role; in a container, raise the instance's hop limit to 2");
  };
  // A session token first: what answers without one is version 1, or no metadata service at all.
  auto ask_token = at("PUT", "/latest/api/token");
  ask_token.headers.emplace_back("X-aws-ec2-metadata-token-ttl-seconds", "21600");
  const auto token = options.metadata->send(ask_token);
  if (!token) return not_here("there is no instance metadata service: " + token.error().message);
  if (token->status != 200 || token->body.empty() || token->body.size() > token_limit)
    return not_here(fmt::format("the instance metadata service gives no session token ({})", token->status));
  const std::string path = "/latest/meta-data/iam/security-credentials/";
  const auto get = [&](const std::string& what) {
    auto request = at("GET", what);
    request.headers.emplace_back("X-aws-ec2-metadata-token", std::string(trim(token->body)));
    return options.metadata->send(request);
  };
  IW_TRY(const auto roles, get(path));
  const auto role = std::string(trim(roles.body.substr(0, roles.body.find('\n'))));
  if (roles.status != 200 || role.empty()) return not_here("this instance has no role");
  IW_TRY(const auto response, get(path + role));
  return read_answer(response, "instance metadata, role " + printable(role, 64));
}

}  // namespace intelwall::aws
