#include "aws/profile.hpp"

#include <filesystem>
#include <system_error>

#include "aws/ini.hpp"
#include "aws/text.hpp"
#include "os/file.hpp"

namespace intelwall::aws {

namespace {

constexpr std::size_t file_limit = 4u << 20;

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

constexpr const char* how_to_sign_in =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with keys or a role in AWS_PROFILE";

}  // namespace

std::string Profile::get(const std::string& key) const {
  const auto found = keys.find(key);
  return found == keys.end() ? std::string() : found->second;
}

std::optional<std::string> lookup(const Environment& env, const std::string& name) {
  auto value = env ? env(name) : std::nullopt;
  if (value && value->empty()) return std::nullopt;
  return value;
}

std::string in_quotes(const std::string& text) {
  return '"' + printable(text, 60) + '"';
}

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

Result<Credentials> keys_of(const Profile& profile, const std::string& also_looked_at) {
  Credentials credentials{profile.get("aws_access_key_id"), profile.get("aws_secret_access_key"),
                          profile.get("aws_session_token")};
  if (!credentials.access_key_id.empty() && !credentials.secret_access_key.empty()) return credentials;
  if (!credentials.access_key_id.empty() || !credentials.secret_access_key.empty())
    return fail(ErrorCode::denied,
                "profile " + in_quotes(profile.name) + " has only one of aws_access_key_id and aws_secret_access_key",
                profile.looked_at, how_to_sign_in);
  return fail(ErrorCode::denied,
              profile.exists ? "profile " + in_quotes(profile.name) + " has no keys"
                             : "no AWS credentials: there is no profile " + in_quotes(profile.name),
              also_looked_at + profile.looked_at, how_to_sign_in);
}

}  // namespace intelwall::aws
