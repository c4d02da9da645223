#pragma once

#include <map>
#include <optional>
#include <string>

#include "aws/credentials.hpp"

// The shared AWS files, for this room.
namespace intelwall::aws {

/// What both files say about one profile. Keys of the credentials file win, as in the AWS CLI.
struct Profile {
  std::string name;
  std::string looked_at;
  bool exists = false;
  std::map<std::string, std::string> keys;

  /// Empty when it is not there.
  std::string get(const std::string& key) const;
};

/// `chosen`, else AWS_PROFILE, else "default".
Result<Profile> read_profile(const Environment& env, const std::optional<std::string>& chosen);

/// Its long-lived keys; an error where there are none or half of them.
Result<Credentials> keys_of(const Profile& profile, const std::string& also_looked_at);

/// Absent and empty are the same.
std::optional<std::string> lookup(const Environment& env, const std::string& name);
std::string in_quotes(const std::string& text);

}  // namespace intelwall::aws
