#include <fmt/format.h>
#include <signal.h>

#include "lab/alert_log.hpp"
#include "lab/cloud.hpp"
#include "lab/data_plane_suricata.hpp"
#include "lab/falcon_cloud.hpp"
#include "lab/lab.hpp"
#include "lab/lab_state.hpp"
#include "lab/network.hpp"
#include "lab/stack.hpp"
#include "lab/vpc_resolver.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

/// The Lambda function behind the custom action, as a process: `intelwall ingest -` with the event on its input.
Result<std::string> invoke(const State& state, const std::string& function, const std::string& event) {
  if (function != respond_function) {
    return fail(ErrorCode::not_found, fmt::format("the lab has no function \"{}\"", printable(function)), {},
                fmt::format("it has {}", respond_function));
  }
  auto variables = environment_of(state);
  // What the user's own shell says of AWS is for AWS.
  for (const auto* name : {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_NETWORK_FIREWALL",
                           "AWS_ENDPOINT_URL_SECURITYHUB", "AWS_ENDPOINT_URL_SSM"}) {
    variables[name] = "";
  }
  variables["NO_PROXY"] = variables["no_proxy"] = "127.0.0.1";
  // The function's own configuration: here the workload's look-ups pass the firewall, so they are worth dropping too.
  variables["INTELWALL_PROTOCOLS"] = "tls,http,dns";
  IW_TRY(auto result, os::run({state.self, "ingest", "-", "--json"},
                              {.input = event, .extra_env = variables, .time_out = std::chrono::minutes(4)}));
  constexpr int done_in_part = 3;  // its report says what was not done
  if (result.exit_code == 0 || result.exit_code == done_in_part) return std::move(result.out);
  return fail(ErrorCode::refused, fmt::format("{} ended with {}: {}", function, result.exit_code,
                                              printable(result.err.empty() ? result.out : result.err, 600)));
}

/// The stack of `state`, not yet made.
std::shared_ptr<Stack> stack_of(const State& state, const std::filesystem::path& directory) {
  if (!state.stack) return {};
  StackOptions options;
  options.template_file = state.stack->file;
  options.package = state.stack->package;
  options.parameters = state.stack->parameters;
  options.directory = directory / "functions";
  if (state.stack->schedule_seconds > 0) options.schedule_every = std::chrono::seconds{state.stack->schedule_seconds};
  options.falcon_client_id = falcon_client_id;
  options.falcon_client_secret = state.falcon_secret;
  return std::make_shared<Stack>(std::move(options));
}

/// What every function gets beside its own variables: whom it is, and where AWS and Falcon are.
std::map<std::string, std::string> function_variables(const State& state) {
  auto variables = environment_of(state);
  // The rest is told by the template alone.
  for (const auto* name : {"INTELWALL_FIREWALL", "INTELWALL_STATE", "FALCON_CLIENT_ID", "FALCON_CLIENT_SECRET"})
    variables.erase(name);
  return variables;
}

Result<void> serve_until_told(const std::filesystem::path& directory, const sigset_t& ending) {
  IW_TRY(auto state, read_state(directory));
  const auto dns_firewall = std::make_shared<DnsFirewall>(system_now);
  std::shared_ptr<SuricataPlane> plane;
  std::optional<AlertLog> log;
  std::unique_ptr<VpcResolver> resolver;
  const auto stack = stack_of(state, directory);
  if (state.data_plane == UpOptions::Plane::real) {
    IW_TRY(plane, start_suricata({.rules_directory = directory / "rules",
                                  .log_directory = directory / "logs",
                                  .socket = directory / "run/suricata.socket",
                                  .network_namespace = firewall_namespace,
                                  .inside = inside_interface,
                                  .outside = outside_interface,
                                  .hosts_namespace = workload_namespace}));
    log.emplace(
        plane->events(), directory / "logs/alert.json", [plane](std::uint32_t sid) { return plane->origin_of(sid); },
        [stack](const std::string& record) {
          if (stack) stack->log_record(Stack::FirewallLog::alerts, record);
        });
    IW_TRY(resolver,
           VpcResolver::start(dns_firewall, directory / "logs/resolver.json", [stack](const std::string& record) {
             if (stack) stack->log_record(Stack::FirewallLog::queries, record);
           }));
  }
  CloudOptions options;
  options.port = state.aws_port;
  options.secret_access_key = state.secret_access_key;
  options.data_plane = plane;
  options.dns_firewall = dns_firewall;
  options.stack = stack;
  // The port may be chosen by the system; the first call comes after `up` has written it down.
  options.invoke = [directory, stack](const std::string& function, const std::string& event) -> Result<std::string> {
    if (stack) return stack->deliver(function, event);
    IW_TRY(const auto now, read_state(directory));
    return invoke(now, function, event);
  };
  IW_TRY(const auto cloud, start_cloud(std::move(options)));
  FalconOptions falcon_options;
  falcon_options.port = state.falcon_port;
  falcon_options.client_secret = state.falcon_secret;
  falcon_options.indicators = state.indicators;
  falcon_options.indicator_file = state.indicator_file;
  IW_TRY(const auto falcon, start_falcon(std::move(falcon_options)));
  if (stack) {
    state.aws_port = cloud->port();
    state.falcon_port = falcon->port();
    if (auto made = stack->create(cloud->services(), function_variables(state)); !made) {
      stack->stop();
      return made;
    }
  }
  IW_CHECK(write_serving(directory, {cloud->port(), falcon->port(), std::nullopt}));
  int signal = 0;
  ::sigwait(&ending, &signal);
  if (stack) stack->stop();
  falcon->stop();
  cloud->stop();
  return {};
}

}  // namespace

Result<void> serve(const std::filesystem::path& directory) {
  // Before any thread, so that all of them leave these signals to sigwait.
  sigset_t ending;
  ::sigemptyset(&ending);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&ending, signal);
  ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  auto served = serve_until_told(directory, ending);
  if (!served) {
    // `up` waits for this; without it, it sees the daemon end and reads its log.
    if (const auto told = write_serving(directory, {0, 0, served.error()}); !told) return told;
  }
  return served;
}

}  // namespace intelwall::lab
