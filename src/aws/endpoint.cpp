#include "aws/endpoint.hpp"

#include <curl/urlapi.h>

#include <utility>

#include "aws/text.hpp"

namespace intelwall::aws {

namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK || text == nullptr) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

Result<Endpoint> parse_endpoint(const std::string& text, const std::string& variable) {
  // The text is not repeated: a URL may hold a password.
  const auto wrong = [&](std::string message) {
    return fail(ErrorCode::usage, std::move(message), variable,
                "give scheme, host and port only, for example http://127.0.0.1:4566");
  };
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return wrong("this is not a URL");
  Endpoint endpoint{lower_case(part_of(url.get(), CURLUPART_SCHEME)), lower_case(part_of(url.get(), CURLUPART_HOST)),
                    part_of(url.get(), CURLUPART_PATH), true};
  if (endpoint.scheme != "http" && endpoint.scheme != "https") return wrong("the URL's scheme is not http or https");
  if (endpoint.host.empty()) return wrong("the URL has no host");
  if (!part_of(url.get(), CURLUPART_USER).empty() || !part_of(url.get(), CURLUPART_PASSWORD).empty())
    return wrong("the URL holds a user name or password");
  if (!part_of(url.get(), CURLUPART_QUERY).empty() || !part_of(url.get(), CURLUPART_FRAGMENT).empty())
    return wrong("the URL has a query or fragment");
  const std::string port = part_of(url.get(), CURLUPART_PORT);
  if (!port.empty() && port != (endpoint.scheme == "https" ? "443" : "80")) endpoint.host += ':' + port;
  while (endpoint.base_path.ends_with('/')) endpoint.base_path.pop_back();
  return endpoint;
}

/// https://docs.aws.amazon.com/general/latest/gr/rande.html
std::string_view domain_suffix(std::string_view region) {
  static constexpr std::pair<std::string_view, std::string_view> suffixes[] = {
      {"cn-", "amazonaws.com.cn"},
      {"us-isob-", "sc2s.sgov.gov"},
      {"us-iso-", "c2s.ic.gov"},
      {"eusc-", "amazonaws.eu"},
  };
  for (const auto& [prefix, suffix] : suffixes)
    if (region.starts_with(prefix)) return suffix;
  return "amazonaws.com";
}

}  // namespace

bool is_region_name(std::string_view text) {
  return !text.empty() && text.size() <= 40 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos &&
         !text.starts_with('-') && !text.ends_with('-');
}

Result<Endpoint> resolve_endpoint(const Environment& env, const std::string& id, const std::string& prefix,
                                  const std::string& region) {
  if (!is_region_name(region))
    return fail(ErrorCode::usage, "\"" + printable(region, 60) + "\" is not the name of an AWS region", "region",
                "set AWS_REGION, for example us-east-1");
  for (const std::string& variable : {"AWS_ENDPOINT_URL_" + id, std::string("AWS_ENDPOINT_URL")}) {
    const auto url = env ? env(variable) : std::nullopt;
    if (url && !url->empty()) return parse_endpoint(*url, variable);
  }
  return Endpoint{"https", prefix + '.' + region + '.' + std::string(domain_suffix(region)), {}, false};
}

}  // namespace intelwall::aws
