#include "lab/lab_state.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>

#include "lab/cloud.hpp"
#include "lab/falcon_cloud.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"

namespace intelwall::lab {
namespace {

using Json = nlohmann::json;

constexpr const char* state_name = "state.json";

std::filesystem::path state_file(const std::filesystem::path& directory) {
  return directory / state_name;
}

Json to_json(const TemplateOptions& stack) {
  return {{"file", stack.file.string()},
          {"package", stack.package.string()},
          {"parameters", stack.parameters},
          {"schedule_seconds", stack.schedule_seconds}};
}

/// Nothing where there is none, or none that can be read.
std::optional<TemplateOptions> stack_in(const Json& json) {
  if (!json.is_object()) return {};
  TemplateOptions stack{.file = json.value("file", ""), .package = json.value("package", ""), .parameters = {}};
  const Json parameters = json.value("parameters", Json::object());
  for (const auto& [name, value] : parameters.items())
    if (value.is_string()) stack.parameters[name] = value.get<std::string>();
  stack.schedule_seconds = json.value("schedule_seconds", 0);
  return stack;
}

std::string to_text(const State& state) {
  return Json{{"lab", "intelwall"},
              {"data_plane", state.data_plane == UpOptions::Plane::real ? "real" : "none"},
              {"aws_port", state.aws_port},
              {"falcon_port", state.falcon_port},
              {"secret_access_key", state.secret_access_key},
              {"falcon_secret", state.falcon_secret},
              {"self", state.self.string()},
              {"indicators", state.indicators},
              {"indicator_file", state.indicator_file.string()},
              {"stack", state.stack ? to_json(*state.stack) : Json()}}
             .dump(2) +
         "\n";
}

std::string reason(const std::error_code& error) {
  return error.message();
}

/// Whether the directory is that of a lab: it holds a state file of ours, or no more than what creating one leaves.
bool is_ours(const std::filesystem::path& directory) {
  if (const auto text = os::read_file(state_file(directory), 1u << 20)) {
    const auto json = Json::parse(*text, nullptr, false);
    if (json.is_object() && json.value("lab", Json()) == "intelwall") return true;
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (!entry.path().filename().string().contains(state_name)) return false;
  }
  return !error;
}

}  // namespace

Result<void> create_state(const std::filesystem::path& directory, const State& state) {
  std::error_code error;
  std::filesystem::create_directories(directory.parent_path(), error);
  if (!std::filesystem::create_directory(directory, error) && error) {
    return fail(ErrorCode::system, "cannot make the lab's directory: " + reason(error), printable(directory.string()),
                "set INTELWALL_LAB_DIR to a directory that can be made");
  }
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  // Only its owner may read the secret: the file has its mode before it has a content, and replacing keeps the mode.
  const os::Descriptor made(::open(state_file(directory).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.is_open()) {
    if (errno != EEXIST) {
      return fail(ErrorCode::system, "cannot write the lab's state: " + std::generic_category().message(errno),
                  printable(state_file(directory).string()));
    }
    if (!find_daemons(directory).empty()) {
      return fail(ErrorCode::conflict, "a lab is up", printable(directory.string()), "run `intelwall lab down` first");
    }
    return fail(ErrorCode::conflict, "a lab that was not taken down left things behind", printable(directory.string()),
                "run `intelwall lab down`");
  }
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().filename() == state_name) continue;
    std::filesystem::remove(state_file(directory), error);
    return fail(ErrorCode::refused, "the lab's directory holds other files", printable(directory.string()),
                "set INTELWALL_LAB_DIR to a directory that is empty or does not exist");
  }
  return write_state(directory, state);
}

Result<void> write_state(const std::filesystem::path& directory, const State& state) {
  return os::replace_file(state_file(directory), to_text(state));
}

Result<State> read_state(const std::filesystem::path& directory) {
  const auto text = os::read_file(state_file(directory), 1u << 20);
  if (!text) return fail(ErrorCode::not_found, "no lab is up", printable(directory.string()), "run `intelwall lab up`");
  const auto json = Json::parse(*text, nullptr, false);
  if (!json.is_object() || json.value("lab", Json()) != "intelwall" ||
      !json.value("aws_port", Json()).is_number_integer() || !json.value("secret_access_key", Json()).is_string() ||
      !json.value("falcon_port", Json()).is_number_integer() || !json.value("falcon_secret", Json()).is_string() ||
      !json.value("self", Json()).is_string() || !json.value("indicators", Json()).is_number_unsigned() ||
      !json.value("indicator_file", Json()).is_string()) {
    return fail(ErrorCode::invalid_input, "the lab's state cannot be read", printable(state_file(directory).string()),
                "run `intelwall lab down`, then `intelwall lab up`");
  }
  return State{json.value("data_plane", Json()) == "none" ? UpOptions::Plane::none : UpOptions::Plane::real,
               json["aws_port"].get<int>(),
               json["falcon_port"].get<int>(),
               json["secret_access_key"].get<std::string>(),
               json["falcon_secret"].get<std::string>(),
               json["self"].get<std::string>(),
               json["indicators"].get<std::uint32_t>(),
               json["indicator_file"].get<std::string>(),
               stack_in(json.value("stack", Json()))};
}

Result<void> remove_state(const std::filesystem::path& directory) {
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) return {};
  if (!is_ours(directory)) {
    return fail(ErrorCode::refused, "the lab's directory holds files that are not a lab's: nothing was removed",
                printable(directory.string()), "look at INTELWALL_LAB_DIR");
  }
  // A program of a killed `up` may still write its last file there.
  for (int round = 0; round < 5; ++round) {
    std::filesystem::remove_all(directory, error);
    if (!error) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  if (error)
    return fail(ErrorCode::system, "cannot remove the lab's directory: " + reason(error),
                printable(directory.string()));
  return {};
}

Result<void> write_serving(const std::filesystem::path& directory, const Serving& serving) {
  Json json = {{"aws_port", serving.aws_port}, {"falcon_port", serving.falcon_port}};
  if (const auto& error = serving.error) {
    json["error"] = {
        {"code", to_string(error->code)}, {"message", error->message}, {"place", error->place}, {"hint", error->hint}};
  }
  return os::replace_file(directory / "serving.json", json.dump() + "\n");
}

std::optional<Serving> read_serving(const std::filesystem::path& directory) {
  const auto text = os::read_file(directory / "serving.json", 1u << 20);
  if (!text) return std::nullopt;
  const auto json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Serving serving;
  serving.aws_port = json.value("aws_port", 0);
  serving.falcon_port = json.value("falcon_port", 0);
  if (const auto error = json.find("error"); error != json.end() && error->is_object()) {
    serving.error =
        Error{ErrorCode::unavailable, error->value("message", ""), error->value("place", ""), error->value("hint", "")};
  }
  return serving;
}

std::vector<int> find_daemons(const std::optional<std::filesystem::path>& directory) {
  std::vector<int> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    int pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    const auto text = os::read_file(entry.path() / "cmdline", 1u << 16);
    if (!text || pid == ::getpid()) continue;
    std::vector<std::string_view> argv;
    for (std::string_view rest = *text; !rest.empty();) {
      argv.push_back(rest.substr(0, rest.find('\0')));
      rest.remove_prefix(std::min(rest.size(), argv.back().size() + 1));
    }
    if (argv.size() == 4 && argv[1] == "lab" && argv[2] == "serve" && (!directory || argv[3] == directory->string())) {
      found.push_back(pid);
    }
  }
  return found;
}

std::map<std::string, std::string> environment_of(const State& state) {
  return {{"AWS_ENDPOINT_URL", fmt::format("http://127.0.0.1:{}", state.aws_port)},
          {"AWS_REGION", region},
          {"AWS_DEFAULT_REGION", region},
          {"AWS_ACCESS_KEY_ID", access_key_id},
          {"AWS_SECRET_ACCESS_KEY", state.secret_access_key},
          {"INTELWALL_FIREWALL", firewall_name},
          {"INTELWALL_STATE", (state_directory() / "ledger").string()},
          {"FALCON_BASE_URL", fmt::format("http://127.0.0.1:{}", state.falcon_port)},
          {"FALCON_CLIENT_ID", falcon_client_id},
          {"FALCON_CLIENT_SECRET", state.falcon_secret}};
}

}  // namespace intelwall::lab
