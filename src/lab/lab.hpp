#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "lab/data_plane.hpp"

namespace intelwall::lab {

/// The names that the lab's internet serves over https, http and dns. The certificate (of the lab's own CA) names them.
inline constexpr const char* bad_name = "badcdn.example";
inline constexpr const char* bad_subdomain = "c2.badcdn.example";
inline constexpr const char* lookalike_prefix = "notbadcdn.example";
inline constexpr const char* lookalike_suffix = "badcdn.example.org";
inline constexpr const char* good_name = "goodbank.example";
/// "gооdbank.example" with two Cyrillic о, as its A-label.
inline constexpr const char* homograph_name = "xn--gdbank-wqfa.example";

/// Where nginx and dnsmasq answer for all of these names.
inline constexpr const char* internet_address = "198.51.100.80";

/// A CloudFormation template whose stack runs in the lab (stack.hpp).
struct TemplateOptions {
  std::filesystem::path file;
  std::filesystem::path package;                  ///< the zip of its functions
  std::map<std::string, std::string> parameters;  ///< those given
  int schedule_seconds = 0;                       ///< between calls of every schedule; 0: as the schedule says
};

struct UpOptions {
  enum class Plane { real, none };
  Plane data_plane = Plane::real;
  int aws_port = 4566;
  int falcon_port = 4567;
  std::uint32_t indicators = 5'000;      ///< that Falcon Intel makes up, beside those of the names above
  std::filesystem::path indicator_file;  ///< JSON lines that it has besides; empty: none
  std::filesystem::path self;            ///< the intelwall binary, for the daemon and for the respond handler
  std::optional<TemplateOptions> stack;  ///< runs the template's functions in place of the respond handler
};

/// Everything under one directory: state.json (pids, ports, secrets; mode 0600), logs/, www/, tls/, rules/.
std::filesystem::path state_directory();

/// Starts the lab and returns when all is ready (or undoes what it began). Refuses when one is up, and says how to end
/// it.
Result<void> up(const UpOptions& options);
/// Leaves no namespace, process or file, also after a crash of `up`. Nothing there: success.
Result<void> down();

struct FunctionState {
  std::string name;
  std::uint64_t invocations = 0, failures = 0;
  std::string last_answer;  ///< of the last invocation, JSON text; empty when it failed or there was none
  std::string last_error;   ///< of the last invocation; empty when it succeeded
};

struct Status {
  bool up = false;
  std::string detail;
  DataPlaneHealth data_plane;
  int aws_port = 0;
  int falcon_port = 0;
  std::vector<FunctionState> functions;        ///< of the stack, by name
  std::map<std::string, std::string> outputs;  ///< of the stack
  std::vector<std::string> skipped;            ///< types of its resources that have no effect in the lab
};
Result<Status> status();

/// The variables that `lab env` exports: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
/// INTELWALL_FIREWALL, INTELWALL_STATE, FALCON_BASE_URL, FALCON_CLIENT_ID, FALCON_CLIENT_SECRET
Result<std::map<std::string, std::string>> environment();

/// Runs a command in the workload's namespace; its resolver is the lab's, its CA bundle (CURL_CA_BUNDLE, SSL_CERT_FILE)
/// too. Returns its exit code.
Result<int> exec(const std::vector<std::string>& argv);
/// The same with captured output, for the demo and tests.
struct Captured {
  int exit_code = 0;
  std::string out, err;
};
Result<Captured> exec_captured(const std::vector<std::string>& argv);

/// Presses a Security Hub custom action on findings, as its console would: the answer of what it triggered, as JSON
/// text.
Result<std::string> press(const std::string& action, const std::vector<std::string>& finding_ids);

/// A call to the lab's own Falcon routes (falcon_cloud.hpp), "events" for POST /lab/falcon/events: JSON text in, the
/// answer's resources as JSON text out.
Result<std::string> falcon_call(const std::string& route, const std::string& body);

/// The firewall's alert log: Network Firewall records (envelope firewall_name, availability_zone, event_timestamp,
/// event), one a line, sids mapped back to the group's own.
std::filesystem::path alert_log();

/// The daemon behind `up`: data plane supervisor and cloud endpoint, until SIGTERM.
Result<void> serve(const std::filesystem::path& state_directory);

}  // namespace intelwall::lab
