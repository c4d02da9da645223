#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/doctor.hpp"
#include "cli/command.hpp"
#include "lab/demo.hpp"
#include "lab/lab.hpp"

namespace intelwall::cli {

namespace {

/// What `intelwall doctor` says of the lab, with nothing of the user's own configuration.
app::Diagnosis diagnose_lab() {
  app::Context context;
  const auto lab = lab::environment();
  if (!lab) return {};
  context.env = [lab = *lab](const std::string& name) -> std::optional<std::string> {
    const auto found = lab.find(name);
    return found == lab.end() ? std::nullopt : std::optional(found->second);
  };
  const auto found = lab->find("INTELWALL_FIREWALL");
  if (found != lab->end()) context.settings.firewall.firewall = found->second;
  return app::doctor(context, {});
}

std::string first_trouble(const app::Diagnosis& diagnosis) {
  for (const auto& check : diagnosis.checks)
    if (check.severity != app::Check::Severity::ok) return fmt::format("{} [{}]", check.text, check.code);
  return fmt::format("all {} checks are well", diagnosis.checks.size());
}

int run_up(const Global& global, const lab::UpOptions& options) {
  std::fputs("starting the lab …\n", stderr);
  if (auto up = lab::up(options); !up) return report(global, up.error());
  if (options.data_plane == lab::UpOptions::Plane::none)
    std::fputs(
        "intelwall: without a data plane no packet is inspected: what is blocked shows only in the rule groups\n",
        stderr);
  const auto diagnosis = diagnose_lab();
  std::fputs(fmt::format("doctor: {}\n", first_trouble(diagnosis)).c_str(), stderr);
  if (global.output() == Output::json)
    print_json({{"up", true},
                {"doctor", app::to_json(diagnosis)},
                {"endpoint", fmt::format("http://127.0.0.1:{}", options.aws_port)},
                {"falcon_endpoint", fmt::format("http://127.0.0.1:{}", options.falcon_port)}});
  else
    std::fputs(
        "the lab is up; next: eval \"$(intelwall lab env)\", then intelwall block badcdn.example and\n"
        "intelwall lab exec -- curl -sS https://badcdn.example/\n",
        stdout);
  return done;
}

int run_down(const Global& global) {
  if (auto down = lab::down(); !down) return report(global, down.error());
  if (global.output() == Output::json)
    print_json({{"up", false}});
  else
    std::fputs("the lab is down\n", stdout);
  return done;
}

nlohmann::json to_json(const lab::FunctionState& function) {
  nlohmann::json out{{"invocations", function.invocations}, {"failures", function.failures}};
  if (!function.last_error.empty()) out["error"] = function.last_error;
  if (!function.last_answer.empty()) out["answer"] = nlohmann::json::parse(function.last_answer, nullptr, false);
  return out;
}

/// What a stack adds to the status, a line a function.
std::string stack_lines(const lab::Status& status) {
  std::string lines;
  for (const auto& each : status.functions) {
    const auto& last = each.last_error.empty() ? each.last_answer : each.last_error;
    lines += fmt::format("function {}: {} invocations, {} failed{}{}\n", each.name, each.invocations, each.failures,
                         last.empty()              ? ""
                         : each.last_error.empty() ? "; last answer "
                                                   : "; last error ",
                         printable(last, 200));
  }
  if (!status.skipped.empty()) lines += fmt::format("without effect in the lab: {}\n", fmt::join(status.skipped, ", "));
  return lines;
}

int run_status(const Global& global) {
  const auto status = lab::status();
  if (!status) return report(global, status.error());
  if (global.output() == Output::json) {
    nlohmann::json told{{"up", status->up},
                        {"detail", status->detail},
                        {"aws_port", status->aws_port},
                        {"falcon_port", status->falcon_port},
                        {"data_plane",
                         {{"state", to_string(status->data_plane.state)},
                          {"detail", status->data_plane.detail},
                          {"rules_loaded", status->data_plane.rules_loaded}}}};
    if (!status->functions.empty()) {
      for (const auto& each : status->functions) told["functions"][each.name] = to_json(each);
      told["outputs"] = status->outputs;
      told["skipped"] = status->skipped;
    }
    print_json(told);
  } else if (!status->up) {
    std::fputs(fmt::format("down{}\n", status->detail.empty() ? "" : ": " + status->detail).c_str(), stdout);
  } else {
    std::fputs(
        fmt::format("up, AWS endpoint http://127.0.0.1:{}, Falcon endpoint http://127.0.0.1:{}\ndata plane {}{}, "
                    "{} rules in force\n",
                    status->aws_port, status->falcon_port, to_string(status->data_plane.state),
                    status->data_plane.detail.empty() ? "" : " (" + status->data_plane.detail + ")",
                    status->data_plane.rules_loaded)
            .c_str(),
        stdout);
    std::fputs(stack_lines(*status).c_str(), stdout);
  }
  return status->up ? done : failed;
}

int run_env(const Global& global) {
  const auto environment = lab::environment();
  if (!environment) return report(global, environment.error());
  if (global.output() == Output::json) {
    print_json(*environment);
    return done;
  }
  for (const auto& [name, value] : *environment) {
    std::string quoted;
    for (const char c : value) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    std::fputs(fmt::format("export {}='{}'\n", name, quoted).c_str(), stdout);
  }
  return done;
}

int run_press(const Global& global, const std::string& action, const std::vector<std::string>& findings) {
  const auto answer = lab::press(action, findings);
  if (!answer) return report(global, answer.error());
  std::fputs((*answer + "\n").c_str(), stdout);
  return done;
}

int run_falcon(const Global& global, const std::string& route, const std::string& body) {
  const auto answer = lab::falcon_call(route, body);
  if (!answer) return report(global, answer.error());
  std::fputs((*answer + "\n").c_str(), stdout);
  return done;
}

struct StackFlags {
  std::string file, package = "build/lambda/intelwall.zip";
  std::vector<std::string> parameters;
  int schedule_every = 0;
};

std::shared_ptr<StackFlags> add_stack_options(CLI::App& command) {
  auto flags = std::make_shared<StackFlags>();
  command.add_option("--template", flags->file, "run the functions of this CloudFormation template")
      ->check(CLI::ExistingFile);
  command.add_option("--package", flags->package, "zip of its functions")->capture_default_str();
  command.add_option("--parameter", flags->parameters, "NAME=VALUE of the template; may be given often")
      ->allow_extra_args(false);
  command.add_option("--schedule-every", flags->schedule_every, "seconds between calls, in place of all its schedules")
      ->check(CLI::Range(1, 86'400));
  return flags;
}

/// The stack that the options ask for, if any.
Result<std::optional<lab::TemplateOptions>> stack_from(const StackFlags& flags) {
  if (flags.file.empty()) {
    if (flags.parameters.empty() && flags.schedule_every == 0) return std::optional<lab::TemplateOptions>();
    return fail(ErrorCode::usage, "--parameter and --schedule-every are for a --template");
  }
  lab::TemplateOptions stack{.file = std::filesystem::absolute(flags.file),
                             .package = std::filesystem::absolute(flags.package),
                             .parameters = {},
                             .schedule_seconds = flags.schedule_every};
  for (const auto& each : flags.parameters) {
    const auto equals = each.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorCode::usage, "a parameter is NAME=VALUE", "--parameter");
    stack.parameters[each.substr(0, equals)] = each.substr(equals + 1);
  }
  return stack;
}

}  // namespace

void add_lab_commands(CLI::App& root, Global& global, Action& action) {
  auto* lab = add_command(root, "lab",
                          "The whole system on this machine: an AWS-like cloud, and Suricata dropping real packets",
                          "  intelwall lab up && eval \"$(intelwall lab env)\"\n"
                          "  intelwall block badcdn.example\n"
                          "  intelwall lab exec -- curl -sS https://badcdn.example/\n"
                          "  intelwall lab down\n");
  lab->require_subcommand(1);
  {
    auto options = std::make_shared<lab::UpOptions>();
    auto bare = std::make_shared<bool>(false);
    auto* command = add_command(*lab, "up", "Start it; returns when all is ready",
                                "  intelwall lab up\n  intelwall lab up --no-data-plane\n"
                                "  intelwall lab up --indicators 1000000\n"
                                "  intelwall lab up --template deploy/cloudformation/intelwall.yaml\n");
    command->add_flag("--no-data-plane", *bare, "only the cloud's endpoints: no packets, no root needed");
    command->add_option("--aws-port", options->aws_port, "port of the AWS endpoint (4566)")
        ->check(CLI::Range(1, 65535));
    command->add_option("--falcon-port", options->falcon_port, "port of the Falcon endpoint (4567)")
        ->check(CLI::Range(1, 65535));
    command->add_option("--indicators", options->indicators, "how many indicators Falcon Intel makes up")
        ->capture_default_str()
        ->check(CLI::Range(0, 50'000'000));
    command->add_option("--indicator-file", options->indicator_file, "indicators that it has besides: JSON lines");
    const auto stack = add_stack_options(*command);
    command->callback([&global, &action, options, bare, stack] {
      action = [&global, options, bare, stack] {
        options->self = global.self;
        auto wanted = stack_from(*stack);
        if (!wanted) return report(global, wanted.error());
        options->stack = *std::move(wanted);
        if (!options->indicator_file.empty())
          options->indicator_file = std::filesystem::absolute(options->indicator_file);
        options->data_plane = *bare ? lab::UpOptions::Plane::none : lab::UpOptions::Plane::real;
        return run_up(global, *options);
      };
    });
  }
  auto* down = add_command(*lab, "down", "Stop it; leaves no namespace, process or file", "  intelwall lab down\n");
  down->callback([&global, &action] { action = [&global] { return run_down(global); }; });
  auto* status =
      add_command(*lab, "status", "Whether it is up, and what its firewall runs", "  intelwall lab status --json\n");
  status->callback([&global, &action] { action = [&global] { return run_status(global); }; });
  auto* env = add_command(*lab, "env", "Variables that point intelwall, the AWS CLI and boto3 at it",
                          "  eval \"$(intelwall lab env)\"\n");
  env->callback([&global, &action] { action = [&global] { return run_env(global); }; });
  {
    auto argv = std::make_shared<std::vector<std::string>>();
    auto* command = add_command(*lab, "exec", "Run a command on the workload, behind the firewall",
                                "  intelwall lab exec -- curl -sS https://badcdn.example/\n  intelwall lab exec -- dig "
                                "+short badcdn.example\n");
    command->add_option("CMD", *argv, "command and arguments, after --")->required();
    command->callback([&global, &action, argv] {
      action = [&global, argv] {
        const auto code = lab::exec(*argv);
        return code ? *code : report(global, code.error());
      };
    });
  }
  {
    struct Flags {
      std::string action;
      std::vector<std::string> findings;
    };
    auto flags = std::make_shared<Flags>();
    auto* command = add_command(*lab, "press", "Press a Security Hub custom action on findings, as its console would",
                                "  intelwall lab press intelwallblock FINDING_ID\n");
    command->add_option("ACTION", flags->action, "id, name or ARN of the custom action")->required();
    command->add_option("FINDING_ID", flags->findings, "ids of imported findings")->required();
    command->callback([&global, &action, flags] {
      action = [&global, flags] { return run_press(global, flags->action, flags->findings); };
    });
  }
  {
    struct Flags {
      std::string route, body;
    };
    auto flags = std::make_shared<Flags>();
    auto* command = add_command(
        *lab, "falcon", "What Falcon has no API for: a sensor's event, a new or revoked indicator, time that passes",
        "  intelwall lab falcon indicators '{\"indicators\":[{\"type\":\"domain\",\"indicator\":\"evil.example\"}]}'\n"
        "  intelwall lab falcon indicators '{\"indicators\":[{\"id\":\"domain_evil.example\",\"deleted\":true}]}'\n"
        "  intelwall lab falcon time '{\"forward\":\"61d\"}'\n");
    command->add_option("ROUTE", flags->route, "events, alerts, indicators, time, manners or faults")->required();
    command->add_option("JSON", flags->body, "what it takes: see docs/lab.md")->required();
    command->callback([&global, &action, flags] {
      action = [&global, flags] { return run_falcon(global, flags->route, flags->body); };
    });
  }
  {
    auto directory = std::make_shared<std::string>();
    auto* command = lab->add_subcommand("serve", "The process behind `lab up`");
    command->group("");  // hidden
    command->add_option("DIR", *directory)->required();
    command->callback([&global, &action, directory] {
      action = [&global, directory] {
        auto served = lab::serve(*directory);
        return served ? int{done} : report(global, served.error());
      };
    });
  }
  {
    auto options = std::make_shared<lab::DemoOptions>();
    auto keep = std::make_shared<bool>(false);
    auto* command =
        add_command(root, "demo", "The scenarios in the lab, end to end, each step with its proof",
                    "  intelwall demo\n  intelwall demo --json demo.json --keep\n  intelwall demo --repeat 20\n"
                    "  intelwall demo --template deploy/cloudformation/intelwall.yaml\n");
    command->add_option("--json", options->json, "write the steps as JSON to this file");
    command->add_option("--repeat", options->repeat, "time the road from event to dropped packet so often (0)")
        ->check(CLI::Range(0, 1000));
    command->add_flag("--keep", *keep, "leave the lab up afterwards");
    const auto stack = add_stack_options(*command);
    command->callback([&global, &action, options, keep, stack] {
      action = [&global, options, keep, stack] {
        options->self = global.self;
        auto wanted = stack_from(*stack);
        if (!wanted) return report(global, wanted.error());
        options->stack = *std::move(wanted);
        options->after = *keep ? lab::DemoOptions::After::keep_up : lab::DemoOptions::After::down;
        const auto ok = lab::demo(*options);
        if (!ok) return report(global, ok.error());
        return *ok ? int{done} : int{failed};
      };
    });
  }
}

}  // namespace intelwall::cli
