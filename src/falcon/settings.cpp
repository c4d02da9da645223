#include "falcon/settings.hpp"

#include <fmt/format.h>

#include <array>

#include "aws/text.hpp"

namespace intelwall::falcon {
namespace {

struct Cloud {
  std::string_view name, host;
};
/// https://www.falconpy.io/Usage/Environment-Configuration, and gofalcon for us-3.
constexpr std::array clouds{Cloud{"us-1", "api.crowdstrike.com"},
                            Cloud{"us-2", "api.us-2.crowdstrike.com"},
                            Cloud{"us-3", "api.us-3.crowdstrike.com"},
                            Cloud{"eu-1", "api.eu-1.crowdstrike.com"},
                            Cloud{"us-gov-1", "api.laggar.gcw.crowdstrike.com"},
                            Cloud{"us-gov-2", "api.us-gov-2.crowdstrike.mil"}};

/// "US-Gov-1" and "usgov1" alike.
std::string bare(std::string_view name) {
  std::string out = aws::lower_case(aws::trim(name));
  std::erase_if(out, [](char c) { return c == '-' || c == '_'; });
  return out;
}

std::string value_of(const aws::Environment& env, const std::string& name) {
  return env ? std::string(aws::trim(env(name).value_or(std::string()))) : std::string();
}

Result<Origin> base_url(const std::string& text) {
  constexpr const char* hint = "give scheme and host only, for example https://api.eu-1.crowdstrike.com";
  auto url = parse_url(text.contains("://") ? text : "https://" + text);
  if (!url) return fail(ErrorCode::usage, url.error().message, "FALCON_BASE_URL", hint);
  if (url->path.find_first_not_of('/') != std::string::npos || !url->query.empty())
    return fail(ErrorCode::usage, "the URL has a path or a query", "FALCON_BASE_URL", hint);
  if (url->origin.scheme == "http" && !is_loopback(url->origin)) {
    return fail(ErrorCode::usage, "plain http would send the client secret in clear", "FALCON_BASE_URL",
                "write https://; http is taken only to this machine");
  }
  return std::move(url->origin);
}

}  // namespace

std::optional<Origin> cloud_named(std::string_view name) {
  std::string wanted = bare(name);
  if (wanted.starts_with("gov")) wanted.insert(0, "us");
  for (const auto& cloud : clouds)
    if (bare(cloud.name) == wanted) return Origin{"https", std::string(cloud.host)};
  return std::nullopt;
}

std::string cloud_names() {
  std::string names;
  for (const auto& cloud : clouds) names += fmt::format("{}{}", names.empty() ? "" : ", ", cloud.name);
  return names;
}

std::string name_of_cloud(const Origin& origin) {
  for (const auto& cloud : clouds)
    if (origin.host == cloud.host) return std::string(cloud.name);
  return {};
}

Result<Settings> settings_from(const aws::Environment& env) {
  Settings settings;
  settings.client_id = value_of(env, "FALCON_CLIENT_ID");
  settings.client_secret = value_of(env, "FALCON_CLIENT_SECRET");
  settings.member_cid = value_of(env, "FALCON_MEMBER_CID");
  for (const auto& [value, variable] : {std::pair{&settings.client_id, "FALCON_CLIENT_ID"},
                                        std::pair{&settings.client_secret, "FALCON_CLIENT_SECRET"}}) {
    if (value->empty()) {
      return fail(ErrorCode::denied, fmt::format("{} is not set", variable), "Falcon credentials",
                  "create an API client (Falcon console: Support and resources, API clients and keys) and export both "
                  "FALCON_CLIENT_ID and FALCON_CLIENT_SECRET");
    }
  }
  if (const std::string url = value_of(env, "FALCON_BASE_URL"); !url.empty()) {
    IW_TRY(settings.origin, base_url(url));
    return settings;
  }
  for (const char* variable : {"FALCON_CLOUD", "FALCON_CLOUD_REGION"}) {
    const std::string name = value_of(env, variable);
    if (name.empty()) continue;
    if (bare(name) == "autodiscover") break;
    auto origin = cloud_named(name);
    if (!origin) {
      return fail(ErrorCode::usage, fmt::format("\"{}\" is no Falcon cloud", printable(name, 40)), variable,
                  fmt::format("give one of {}, or autodiscover", cloud_names()));
    }
    settings.origin = *std::move(origin);
    return settings;
  }
  settings.origin = *cloud_named("us-1");
  settings.discovery = Discovery::on;
  return settings;
}

}  // namespace intelwall::falcon
