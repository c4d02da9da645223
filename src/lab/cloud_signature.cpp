#include "lab/cloud_signature.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <chrono>
#include <vector>

#include "aws/sigv4.hpp"
#include "lab/cloud.hpp"

namespace intelwall::lab {
namespace {

constexpr auto allowed_skew = std::chrono::minutes(5);
constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::unexpected<ApiError> incomplete(std::string reason) {
  return refuse("IncompleteSignatureException", std::move(reason));
}
std::unexpected<ApiError> invalid(std::string reason) {
  return refuse("InvalidSignatureException", std::move(reason), 403);
}

struct Authorization {
  std::string credential, signed_headers, signature;
};

ApiResult<Authorization> parse(std::string_view header) {
  if (!header.starts_with(algorithm)) return incomplete("Unsupported AWS 'algorithm' in the Authorization header.");
  Authorization found;
  for (std::string_view part : split(header.substr(algorithm.size()), ',')) {
    while (part.starts_with(' ')) part.remove_prefix(1);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = part.substr(0, equals);
    const std::string value(part.substr(equals + 1));
    if (name == "Credential") found.credential = value;
    if (name == "SignedHeaders") found.signed_headers = value;
    if (name == "Signature") found.signature = value;
  }
  for (const auto& [name, value] : {std::pair{"Credential", &found.credential},
                                    {"Signature", &found.signature},
                                    {"SignedHeaders", &found.signed_headers}}) {
    if (value->empty()) return incomplete(fmt::format("Authorization header requires '{}' parameter.", name));
  }
  return found;
}

}  // namespace

ApiResult<std::string> check_signature(const CloudRequest& request, const Identity& identity, Time now) {
  const std::string_view header = request.header("authorization");
  if (header.empty()) return refuse("MissingAuthenticationTokenException", "Missing Authentication Token", 403);
  IW_TRY(const Authorization given, parse(header));

  const auto scope = split(given.credential, '/');
  if (scope.size() != 5 || scope[4] != "aws4_request")
    return incomplete(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request.");
  const std::string date(request.header("x-amz-date"));
  if (date.empty()) return incomplete("Authorization header requires existence of an 'X-Amz-Date' header.");
  const Result<Time> signed_at = parse_time(date);
  if (!signed_at || date.size() != 16) return incomplete("Date must be in ISO-8601 'basic format'.");

  if (scope[0] != identity.access_key_id)
    return refuse("UnrecognizedClientException", "The security token included in the request is invalid.", 403);
  if (scope[1] != date.substr(0, 8))
    return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.");
  if (scope[2] != region)
    return invalid(fmt::format("Credential should be scoped to a valid region, here '{}'.", region));
  if (*signed_at + allowed_skew < now)
    return invalid(fmt::format("Signature expired: {} is now earlier than {} ({} - 5 min.)", date,
                               format_compact(now - allowed_skew), format_compact(now)));
  if (*signed_at > now + allowed_skew)
    return invalid(fmt::format("Signature not yet current: {} is still later than {} ({} + 5 min.)", date,
                               format_compact(now + allowed_skew), format_compact(now)));

  const std::string covered = ";" + given.signed_headers + ";";
  for (const auto& [name, value] : request.headers) {
    // What chooses the operation must not be changeable by somebody between.
    if ((name == "host" || name.starts_with("x-amz-")) && covered.find(";" + name + ";") == std::string::npos)
      return invalid(fmt::format("'{}' must be a 'SignedHeader' in the AWS Authorization.", printable(name, 64)));
  }

  const std::string expected = aws::signature_for(
      request.method, request.path, request.query, request.headers, given.signed_headers, request.body, date,
      {.region = region, .service = std::string(scope[3])}, identity.secret_access_key);
  if (expected.size() != given.signature.size() ||
      CRYPTO_memcmp(expected.data(), given.signature.data(), expected.size()) != 0)
    return invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and "
        "signing method. Consult the service documentation for details.");
  return std::string(scope[3]);
}

}  // namespace intelwall::lab
