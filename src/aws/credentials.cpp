#include "aws/credentials.hpp"

#include <cstdlib>

#include "aws/endpoint.hpp"
#include "aws/profile.hpp"

namespace intelwall::aws {

namespace {

/// Without a network: what needs one is the chain's (credential_chain.hpp).
std::unexpected<Error> not_supported(const Profile& profile, const std::string& key) {
  return fail(ErrorCode::denied,
              "profile " + in_quotes(profile.name) + " uses " + key + ", which is not supported here",
              profile.looked_at,
              "put its keys in the environment: "
              "eval \"$(aws configure export-credentials --profile NAME --format env)\"");
}

Result<Credentials> from_profile(const Environment& env, const std::optional<std::string>& chosen) {
  IW_TRY(const Profile profile, read_profile(env, chosen));
  // Before keys: a profile with a role and keys means the role, and the keys are somebody else.
  for (const char* key : {"role_arn", "web_identity_token_file", "sso_session", "sso_start_url", "login_session"})
    if (!profile.get(key).empty()) return not_supported(profile, key);
  const bool has_keys = !profile.get("aws_access_key_id").empty() || !profile.get("aws_secret_access_key").empty();
  if (!has_keys && !profile.get("credential_process").empty()) return not_supported(profile, "credential_process");
  return keys_of(profile, chosen ? "" : "environment (AWS_ACCESS_KEY_ID), ");
}

/// Reads anew each time: whoever renews keys in the files or the environment is heard without a restart.
class DefaultCredentials final : public CredentialProvider {
 public:
  DefaultCredentials(Environment env, std::optional<std::string> profile)
      : env_(std::move(env)), profile_(std::move(profile)) {}

  Result<Credentials> get() override {
    if (!profile_) {
      const auto id = lookup(env_, "AWS_ACCESS_KEY_ID");
      const auto secret = lookup(env_, "AWS_SECRET_ACCESS_KEY");
      if (id && secret) return Credentials{*id, *secret, lookup(env_, "AWS_SESSION_TOKEN").value_or("")};
      if (id || secret)
        return fail(ErrorCode::denied, "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set", "environment",
                    "set both, or neither to use a profile");
    }
    return from_profile(env_, profile_);
  }

 private:
  Environment env_;
  std::optional<std::string> profile_;
};

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

std::unique_ptr<CredentialProvider> default_credentials(const Environment& env, std::optional<std::string> profile) {
  return std::make_unique<DefaultCredentials>(env, std::move(profile));
}

Result<std::string> resolve_region(const Environment& env, const std::optional<std::string>& profile) {
  std::string region;
  std::string place = "AWS_REGION";
  if (const auto named = lookup(env, "AWS_REGION")) {
    region = *named;
  } else if (const auto usual = lookup(env, "AWS_DEFAULT_REGION")) {
    region = *usual;
    place = "AWS_DEFAULT_REGION";
  } else {
    IW_TRY(const Profile chosen, read_profile(env, profile));
    region = chosen.get("region");
    place = "profile " + in_quotes(chosen.name);
    if (region.empty())
      return fail(ErrorCode::usage, "no AWS region is set", "AWS_REGION, AWS_DEFAULT_REGION, " + chosen.looked_at,
                  "set AWS_REGION, for example us-east-1");
  }
  if (!is_region_name(region))
    return fail(ErrorCode::usage, in_quotes(region) + " is not the name of an AWS region", place,
                "set AWS_REGION, for example us-east-1");
  return region;
}

}  // namespace intelwall::aws
