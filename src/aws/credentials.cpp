#include "aws/credentials.hpp"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "aws/endpoint.hpp"
#include "aws/ini.hpp"
#include "aws/text.hpp"
#include "os/file.hpp"

namespace intelwall::aws {

namespace {

constexpr std::size_t file_limit = 4u << 20;

std::optional<std::string> lookup(const Environment& env, const std::string& name) {
  auto value = env ? env(name) : std::nullopt;
  if (value && value->empty()) return std::nullopt;
  return value;
}

/// The file that `variable` names, else the one in the home directory; empty without a home.
std::filesystem::path aws_file(const Environment& env, const std::string& variable, const std::string& usual_name) {
  const auto home = lookup(env, "HOME");
  if (const auto named = lookup(env, variable)) {
    if (home && named->starts_with("~/")) return std::filesystem::path(*home) / named->substr(2);
    return *named;
  }
  return home ? std::filesystem::path(*home) / ".aws" / usual_name : std::filesystem::path();
}

/// A file that is not there is an empty one.
Result<Ini> read_ini(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.empty() || !std::filesystem::exists(path, ignored)) return Ini{};
  IW_TRY(const std::string text, os::read_file(path, file_limit));
  return parse_ini(text, path.string());
}

/// The profile that a section of the config file describes: "default", or X of "profile X"; else empty.
std::string_view profile_of_section(std::string_view section) {
  constexpr std::string_view word = "profile";
  if (section == "default") return section;
  if (!section.starts_with(word) || section.size() == word.size() || !is_blank(section[word.size()])) return {};
  std::string_view name = trim(section.substr(word.size()));
  if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front())
    name = name.substr(1, name.size() - 2);
  return name;
}

/// What both files say about one profile. Keys of the credentials file win, as in the AWS CLI.
struct Profile {
  std::string name;
  std::string looked_at;
  bool exists = false;
  std::map<std::string, std::string> keys;

  std::string get(const std::string& key) const {
    const auto found = keys.find(key);
    return found == keys.end() ? std::string() : found->second;
  }
};

Result<Profile> read_profile(const Environment& env, const std::optional<std::string>& chosen) {
  Profile profile;
  profile.name = chosen ? *chosen : lookup(env, "AWS_PROFILE").value_or("default");
  const auto credentials_path = aws_file(env, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  const auto config_path = aws_file(env, "AWS_CONFIG_FILE", "config");
  IW_TRY(Ini credentials, read_ini(credentials_path));
  IW_TRY(Ini config, read_ini(config_path));
  if (const auto found = credentials.find(profile.name); found != credentials.end()) {
    profile.exists = true;
    profile.keys = std::move(found->second);
  }
  for (auto& [section, keys] : config) {
    if (profile_of_section(section) != profile.name) continue;
    profile.exists = true;
    // Keys are one set: never the id from one file and the token from the other.
    if (!profile.get("aws_access_key_id").empty())
      for (const char* key : {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}) keys.erase(key);
    profile.keys.merge(keys);  // what is there already stays
  }
  profile.looked_at = credentials_path.empty() ? "no home directory for ~/.aws"
                                               : credentials_path.string() + " and " + config_path.string();
  return profile;
}

std::string in_quotes(const std::string& text) {
  return '"' + printable(text, 60) + '"';
}

constexpr const char* how_to_sign_in =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with keys in AWS_PROFILE";

std::unexpected<Error> not_supported(const Profile& profile, const std::string& key) {
  return fail(ErrorCode::denied,
              "profile " + in_quotes(profile.name) + " uses " + key + ", which intelwall does not support yet",
              profile.looked_at,
              "put its keys in the environment: "
              "eval \"$(aws configure export-credentials --profile NAME --format env)\"");
}

Result<Credentials> from_profile(const Environment& env, const std::optional<std::string>& chosen) {
  IW_TRY(const Profile profile, read_profile(env, chosen));
  // Before keys: a profile with a role and keys means the role, and the keys are somebody else.
  for (const char* key : {"role_arn", "web_identity_token_file", "sso_session", "sso_start_url", "login_session"})
    if (!profile.get(key).empty()) return not_supported(profile, key);
  Credentials credentials{profile.get("aws_access_key_id"), profile.get("aws_secret_access_key"),
                          profile.get("aws_session_token")};
  if (!credentials.access_key_id.empty() && !credentials.secret_access_key.empty()) return credentials;
  if (!profile.get("credential_process").empty()) return not_supported(profile, "credential_process");
  const std::string environment = chosen ? "" : "environment (AWS_ACCESS_KEY_ID), ";
  if (!credentials.access_key_id.empty() || !credentials.secret_access_key.empty())
    return fail(ErrorCode::denied,
                "profile " + in_quotes(profile.name) + " has only one of aws_access_key_id and aws_secret_access_key",
                profile.looked_at, how_to_sign_in);
  return fail(ErrorCode::denied,
              profile.exists ? "profile " + in_quotes(profile.name) + " has no keys"
                             : "no AWS credentials: there is no profile " + in_quotes(profile.name),
              environment + profile.looked_at, how_to_sign_in);
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
