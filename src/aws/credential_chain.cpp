#include "aws/credential_chain.hpp"

#include <fmt/format.h>

#include <mutex>

#include "aws/profile.hpp"
#include "aws/temporary_credentials.hpp"

namespace intelwall::aws {

namespace {

constexpr std::chrono::minutes renew_before{5};
constexpr std::chrono::seconds usual_duration{3'600};
constexpr int longest_chain = 5;  // of source profiles

/// What one look at all places found.
using Load = std::function<Result<Temporary>()>;

class Kept final : public CredentialProvider {
 public:
  Kept(Load load, Clock clock) : load_(std::move(load)), clock_(std::move(clock)) {}

  Result<Credentials> get() override {
    const std::lock_guard lock(mutex_);
    const Time now = clock_();
    if (kept_ && now < *kept_->expires - renew_before) return kept_->credentials;
    auto fresh = load_();
    if (fresh) {
      // What has no end may be changed at any time: it is read anew, as the environment and files are.
      kept_.reset();
      if (fresh->expires) kept_ = *fresh;
      return std::move(fresh->credentials);
    }
    if (kept_ && now < *kept_->expires) return kept_->credentials;
    return std::unexpected(std::move(fresh).error());
  }

 private:
  Load load_;
  Clock clock_;
  std::mutex mutex_;
  std::optional<Temporary> kept_;
};

Temporary lasting(Credentials credentials) {
  return {std::move(credentials), std::nullopt};
}

class Chain {
 public:
  Chain(Environment env, ChainOptions options) : env_(std::move(env)), options_(std::move(options)) {}

  Result<Temporary> load() const {
    if (!options_.profile) {
      IW_TRY(auto keys, environment_keys());
      if (keys) return lasting(*std::move(keys));
    }
    IW_TRY(const auto profile, read_profile(env_, options_.profile));
    for (const char* key : {"sso_session", "sso_start_url", "login_session"})
      if (!profile.get(key).empty()) return not_supported(profile, key);
    if (!profile.get("role_arn").empty()) return role_of(profile, 1);
    const auto token_file = lookup(env_, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const auto role_arn = lookup(env_, "AWS_ROLE_ARN");
    if (!options_.profile && token_file && role_arn)
      return sts_web_identity(env_, options_, *token_file,
                              {*role_arn, {}, lookup(env_, "AWS_ROLE_SESSION_NAME").value_or("")});
    if (!profile.get("aws_access_key_id").empty() || !profile.get("aws_secret_access_key").empty()) {
      IW_TRY(auto keys, keys_of(profile, {}));
      return lasting(std::move(keys));
    }
    if (!profile.get("credential_process").empty()) return not_supported(profile, "credential_process");
    // A profile that was asked for by name and is not there must not end in somebody else's credentials.
    if (options_.profile && !profile.exists) return std::unexpected(keys_of(profile, {}).error());
    if (has_container_credentials(env_)) return container_credentials(env_, options_);
    std::string also = options_.profile ? "" : "environment (AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE), ";
    if (lookup(env_, "AWS_EC2_METADATA_DISABLED").value_or("") != "true") {
      auto instance = instance_credentials(env_, options_);
      if (instance || instance.error().code != ErrorCode::not_found) return instance;
      also += "instance metadata (" + instance.error().message + "), ";
    }
    return std::unexpected(keys_of(profile, also).error());
  }

 private:
  Result<std::optional<Credentials>> environment_keys() const {
    const auto id = lookup(env_, "AWS_ACCESS_KEY_ID");
    const auto secret = lookup(env_, "AWS_SECRET_ACCESS_KEY");
    if (!id && !secret) return std::nullopt;
    if (!id || !secret)
      return fail(ErrorCode::denied, "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set", "environment",
                  "set both, or neither to use a profile");
    return Credentials{*id, *secret, lookup(env_, "AWS_SESSION_TOKEN").value_or("")};
  }

  static std::unexpected<Error> not_supported(const Profile& profile, const std::string& key) {
    return fail(ErrorCode::denied,
                "profile " + in_quotes(profile.name) + " uses " + key + ", which intelwall does not support yet",
                profile.looked_at,
                "put its keys in the environment: "
                "eval \"$(aws configure export-credentials --profile NAME --format env)\"");
  }

  Result<Temporary> role_of(const Profile& profile, int depth) const {
    const Role role{profile.get("role_arn"), profile.get("external_id"), profile.get("role_session_name")};
    if (!profile.get("mfa_serial").empty()) return not_supported(profile, "mfa_serial");
    if (const auto file = profile.get("web_identity_token_file"); !file.empty())
      return sts_web_identity(env_, options_, file, role);
    const auto wrong = [&](std::string what) {
      return fail(ErrorCode::denied, "profile " + in_quotes(profile.name) + " " + std::move(what), profile.looked_at,
                  "a role needs source_profile, or credential_source: Environment, EcsContainer or "
                  "Ec2InstanceMetadata");
    };
    const auto source = profile.get("source_profile");
    const auto place = profile.get("credential_source");
    if (source.empty() == place.empty())
      return wrong(source.empty() ? "has a role but nobody who takes it on" : "has both a source and a source profile");
    if (depth > longest_chain) return wrong("is the end of a chain of roles that is too long, or goes in circles");
    IW_TRY(const auto base, source.empty() ? from_place(place, wrong) : from_source(profile, source, depth));
    auto duration = usual_duration;
    if (const auto text = profile.get("duration_seconds"); !text.empty())
      duration = std::chrono::seconds(std::strtol(text.c_str(), nullptr, 10));
    return sts_assume_role(env_, options_, base.credentials, role, duration);
  }

  Result<Temporary> from_place(const std::string& place, const auto& wrong) const {
    if (place == "Ec2InstanceMetadata") return instance_credentials(env_, options_);
    if (place == "EcsContainer") return container_credentials(env_, options_);
    if (place != "Environment") return wrong("names a credential_source that there is not");
    IW_TRY(auto keys, environment_keys());
    if (!keys) return wrong("takes its keys from the environment, where there are none");
    return lasting(*std::move(keys));
  }

  /// A profile may be its own source: then its keys are meant, not its role.
  Result<Temporary> from_source(const Profile& profile, const std::string& source, int depth) const {
    IW_TRY(const auto other, read_profile(env_, source));
    if (other.name != profile.name && !other.get("role_arn").empty()) return role_of(other, depth + 1);
    IW_TRY(auto keys, keys_of(other, {}));
    return lasting(std::move(keys));
  }

  Environment env_;
  ChainOptions options_;
};

ChainOptions completed(ChainOptions options) {
  using std::chrono::milliseconds;
  if (!options.http) options.http = make_curl_client();
  // These answer at once or not at all.
  if (!options.metadata)
    options.metadata = make_curl_client({.connect = milliseconds{1'000}, .total = milliseconds{3'000}}, 1u << 20);
  return options;
}

}  // namespace

std::unique_ptr<CredentialProvider> credential_chain(Environment env, ChainOptions options) {
  auto clock = options.clock;
  auto chain = std::make_shared<const Chain>(std::move(env), completed(std::move(options)));
  return std::make_unique<Kept>([chain] { return chain->load(); }, std::move(clock));
}

std::unique_ptr<CredentialProvider> assume_role(std::shared_ptr<CredentialProvider> base, Role role, Environment env,
                                                ChainOptions options) {
  auto clock = options.clock;
  auto load = [base = std::move(base), role = std::move(role), env = std::move(env),
               options = completed(std::move(options))]() -> Result<Temporary> {
    IW_TRY(const auto credentials, base->get());
    return sts_assume_role(env, options, credentials, role, usual_duration);
  };
  return std::make_unique<Kept>(std::move(load), std::move(clock));
}

}  // namespace intelwall::aws
