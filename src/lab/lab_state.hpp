#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "lab/lab.hpp"

namespace intelwall::lab {

/// What state.json (mode 0600) holds: enough to find the lab again, and to take down what is left of it.
struct State {
  UpOptions::Plane data_plane = UpOptions::Plane::real;
  int aws_port = 0;
  int falcon_port = 0;
  std::string secret_access_key;
  std::string falcon_secret;
  std::filesystem::path self;
  std::uint32_t indicators = 0;
  std::filesystem::path indicator_file;
  std::optional<TemplateOptions> stack;
};

/// Makes the directory, which must not exist or be empty, and its state.json. The first file of a lab: two that come up
/// at the same time get one directory and one refusal.
Result<void> create_state(const std::filesystem::path& directory, const State& state);
/// Replaces it.
Result<void> write_state(const std::filesystem::path& directory, const State& state);
/// `not_found` when no lab is up, with the hint to bring one up.
Result<State> read_state(const std::filesystem::path& directory);
/// Removes the directory if it is a lab's; somebody else's files are an error.
Result<void> remove_state(const std::filesystem::path& directory);

/// How the daemon tells `up` that it serves, or why it does not.
struct Serving {
  int aws_port = 0;
  int falcon_port = 0;
  std::optional<Error> error;
};
Result<void> write_serving(const std::filesystem::path& directory, const Serving& serving);
std::optional<Serving> read_serving(const std::filesystem::path& directory);

/// Processes `… lab serve DIRECTORY`, by their command lines; of any directory when none is given.
std::vector<int> find_daemons(const std::optional<std::filesystem::path>& directory);

/// The variables that point a client at the lab.
std::map<std::string, std::string> environment_of(const State& state);

}  // namespace intelwall::lab
