#include "lab/lab.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "aws/http.hpp"
#include "aws/json_text.hpp"
#include "aws/sigv4.hpp"
#include "core/time.hpp"
#include "falcon/client.hpp"
#include "lab/cloud.hpp"
#include "lab/falcon_cloud.hpp"
#include "lab/lab_internet.hpp"
#include "lab/lab_state.hpp"
#include "lab/network.hpp"
#include "lab/template_document.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

using Json = nlohmann::json;

/// Servers stand in sbin, which an ordinary user's PATH may not have.
void widen_path() {
  const char* now = std::getenv("PATH");
  const std::string path = now == nullptr ? "/usr/bin:/bin" : now;
  if (!(":" + path + ":").contains(":/usr/sbin:")) ::setenv("PATH", (path + ":/usr/sbin:/sbin").c_str(), 1);
}

Result<void> require_programs() {
  std::string missing;
  for (const std::string program : {"ip", "ethtool", "sysctl", "suricata", "nginx", "dnsmasq", "openssl"}) {
    bool found = false;
    const char* const path = std::getenv("PATH");
    std::string_view rest = path == nullptr ? "" : path;
    while (!rest.empty() && !found) {
      const auto directory = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
      found = ::access((std::filesystem::path(directory) / program).c_str(), X_OK) == 0;
    }
    if (!found) missing += (missing.empty() ? "" : ", ") + program;
  }
  if (missing.empty()) return {};
  return fail(ErrorCode::not_found, "the lab needs " + missing, {},
              "run scripts/setup, or `intelwall lab up --no-data-plane`");
}

Result<std::string> make_secret() {
  std::array<unsigned char, 20> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return fail(ErrorCode::system, "the system has no random bytes");
  }
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string last_words(const std::filesystem::path& log) {
  const auto text = os::read_file(log);
  if (!text || text->empty()) return "it left no log";
  return printable(text->substr(text->size() - std::min<std::size_t>(text->size(), 300)), 300);
}

/// The daemon, and the ports on which it serves.
Result<Serving> start_daemon(const std::filesystem::path& directory, const State& state) {
  const auto log = directory / "logs/daemon.log";
  IW_TRY(const auto pid, os::spawn({state.self, "lab", "serve", directory}, {.output = log}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  for (;;) {
    if (const auto serving = read_serving(directory)) {
      if (serving->error) return std::unexpected(*serving->error);
      return *serving;
    }
    if (!os::is_running(pid)) {
      return fail(ErrorCode::unavailable, "the lab's daemon ended: " + last_words(log), printable(log.string()));
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return fail(ErrorCode::unavailable, "the lab's daemon does not get ready", printable(log.string()));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Result<void> bring_up(const std::filesystem::path& directory, State state) {
  std::error_code error;
  for (const auto* name : {"logs", "www", "tls", "rules", "run"}) {
    std::filesystem::create_directory(directory / name, error);
    if (error)
      return fail(ErrorCode::system, "cannot make a directory: " + error.message(),
                  printable((directory / name).string()));
  }
  if (state.data_plane == UpOptions::Plane::real) {
    IW_CHECK(create_network());
    IW_CHECK(start_internet(directory));
  }
  IW_TRY(const auto serving, start_daemon(directory, state));
  state.aws_port = serving.aws_port;
  state.falcon_port = serving.falcon_port;
  return write_state(directory, state);
}

/// Whatever there is of the lab in `directory`.
Result<void> take_down(const std::filesystem::path& directory) {
  for (const int pid : find_daemons(directory)) os::stop(pid, std::chrono::seconds(10));
  const auto state = read_state(directory);
  // Without a state nobody knows whose the namespaces are; they are left over if no lab runs at all.
  const bool ours = state ? state->data_plane == UpOptions::Plane::real : find_daemons(std::nullopt).empty();
  if (ours && !existing_namespaces().empty()) {
    IW_CHECK(can_create_network());
    IW_CHECK(remove_network());
  }
  return remove_state(directory);
}

/// One signed request to the lab's own routes.
Result<Json> ask(const State& state, const std::string& method, const std::string& path, const std::string& body) {
  aws::HttpRequest request;
  request.method = method;
  request.scheme = "http";
  request.host = fmt::format("127.0.0.1:{}", state.aws_port);
  request.path = path;
  request.body = body;
  request.headers = {{"Content-Type", "application/json"}};
  aws::sign(request, {region, "lab"}, {access_key_id, state.secret_access_key, {}}, system_now());
  const auto client = aws::make_curl_client({.connect = std::chrono::seconds(5), .total = std::chrono::minutes(5)});
  auto response = client->send(request);
  if (!response) {
    auto error = response.error();
    error.hint = "run `intelwall lab status`";
    return std::unexpected(std::move(error));
  }
  auto answer = Json::parse(response->body, nullptr, false);
  if (response->status != 200) {
    std::string why = response->body;
    for (const auto* key : {"message", "Message"}) {
      if (answer.is_object() && answer.value(key, Json()).is_string()) why = answer[key].get<std::string>();
    }
    return fail(response->status == 404 ? ErrorCode::not_found : ErrorCode::invalid_input, printable(why, 300));
  }
  if (answer.is_discarded()) return fail(ErrorCode::protocol, "the lab answered what is no JSON");
  return answer;
}

DataPlaneHealth health_of(const Json& answer) {
  DataPlaneHealth health;
  const auto plane = answer.is_object() ? answer.find("data_plane") : answer.end();
  if (!answer.is_object() || plane == answer.end() || !plane->is_object()) return health;
  const auto word = plane->value("state", "absent");
  for (const auto state :
       {DataPlaneHealth::State::running, DataPlaneHealth::State::degraded, DataPlaneHealth::State::down}) {
    if (word == to_string(state)) health.state = state;
  }
  health.detail = plane->value("detail", "");
  health.rules_loaded = plane->value("rules_loaded", std::size_t{0});
  return health;
}

void add_stack(Status& status, const Json& answer) {
  const Json& stack = aws::member(answer, "stack");
  if (const Json& functions = aws::member(stack, "functions"); functions.is_object())
    for (const auto& [name, function] : functions.items()) {
      const Json& last = aws::member(function, "answer");
      status.functions.push_back({name, aws::count_in(function, "invocations"), aws::count_in(function, "failures"),
                                  last.is_null() ? std::string() : aws::dump_json(last),
                                  aws::text_in(function, "error")});
    }
  if (const Json& outputs = aws::member(stack, "outputs"); outputs.is_object())
    for (const auto& [name, value] : outputs.items())
      if (value.is_string()) status.outputs[name] = value.get<std::string>();
  for (const auto& type : aws::items_in(stack, "skipped"))
    if (type.is_string()) status.skipped.push_back(type.get<std::string>());
}

}  // namespace

std::filesystem::path state_directory() {
  const auto variable = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const auto own = variable("INTELWALL_LAB_DIR"); !own.empty())
    return std::filesystem::absolute(own).lexically_normal();
  if (::geteuid() == 0) return "/run/intelwall-lab";
  if (const auto runtime = variable("XDG_RUNTIME_DIR"); !runtime.empty()) return runtime / "intelwall-lab";
  return std::filesystem::temp_directory_path() / fmt::format("intelwall-lab-{}", ::geteuid());
}

Result<void> up(const UpOptions& options) {
  widen_path();
  const auto directory = state_directory();
  State state{options.data_plane, options.aws_port,   options.falcon_port,    {},           {},
              options.self,       options.indicators, options.indicator_file, options.stack};
  IW_TRY(state.secret_access_key, make_secret());
  IW_TRY(state.falcon_secret, make_secret());
  if (options.data_plane == UpOptions::Plane::real) {
    IW_CHECK(require_programs());
    IW_CHECK(can_create_network());
  }
  // What is wrong with it is told before anything is started.
  if (options.stack) {
    IW_TRY(const auto text, os::read_file(options.stack->file, template_byte_limit + 1));
    IW_CHECK(read_template(text));
  }
  IW_CHECK(create_state(directory, state));
  auto done = bring_up(directory, state);
  if (!done) {
    // The logs go with the directory, so what they say has to be in the error.
    if (const auto undone = take_down(directory); !undone) {
      done.error().message += "; and not all of it could be undone: " + undone.error().message;
    }
  }
  return done;
}

Result<void> down() {
  widen_path();
  return take_down(state_directory());
}

Result<Status> status() {
  const auto directory = state_directory();
  const auto state = read_state(directory);
  Status status;
  if (!state) {
    const auto left = existing_namespaces();
    if (state.error().code != ErrorCode::not_found || (!left.empty() && find_daemons(std::nullopt).empty())) {
      status.detail = "things are left of a lab that was not taken down: run `intelwall lab down`";
    }
    return status;
  }
  status.aws_port = state->aws_port;
  status.falcon_port = state->falcon_port;
  if (find_daemons(directory).empty()) {
    status.detail = "the lab's daemon does not run: run `intelwall lab down`, then `intelwall lab up`";
    if (state->data_plane == UpOptions::Plane::real) status.data_plane.state = DataPlaneHealth::State::down;
    return status;
  }
  const auto answer = ask(*state, "GET", "/lab/health", {});
  if (!answer) {
    status.detail = "the lab's endpoint does not answer: " + answer.error().message;
    return status;
  }
  status.up = true;
  status.data_plane = health_of(*answer);
  add_stack(status, *answer);
  return status;
}

Result<std::map<std::string, std::string>> environment() {
  IW_TRY(const auto state, read_state(state_directory()));
  return environment_of(state);
}

Result<std::string> press(const std::string& action, const std::vector<std::string>& finding_ids) {
  IW_TRY(const auto state, read_state(state_directory()));
  IW_TRY(const auto answer,
         ask(state, "POST", "/lab/press",
             Json{{"action", action}, {"findings", finding_ids}}.dump(-1, ' ', false, Json::error_handler_t::replace)));
  return answer.dump();
}

Result<std::string> falcon_call(const std::string& route, const std::string& body) {
  IW_TRY(const auto state, read_state(state_directory()));
  falcon::Session session;
  session.http = aws::make_curl_client();
  session.settings.origin = {"http", fmt::format("127.0.0.1:{}", state.falcon_port)};
  session.settings.client_id = falcon_client_id;
  session.settings.client_secret = state.falcon_secret;
  IW_TRY(const auto answer,
         falcon::Client(std::move(session)).call({.method = "POST", .path = "/lab/falcon/" + route, .body = body}));
  return Json(answer.resources).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::filesystem::path alert_log() {
  return state_directory() / "logs/alert.json";
}

}  // namespace intelwall::lab
