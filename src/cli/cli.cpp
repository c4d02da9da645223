#include "cli/cli.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "app/block.hpp"
#include "app/report.hpp"
#include "cli/command.hpp"

namespace intelwall::cli {

namespace {

std::string flag_of(const std::string& key) {
  std::string flag = "--" + key;
  std::ranges::replace(flag, '_', '-');
  return flag;
}

const app::SettingKey& key_named(const std::string& name) {
  const auto& keys = app::setting_keys();
  const auto key = std::ranges::find_if(keys, [&](const app::SettingKey& each) { return name == each.name; });
  IW_ASSERT(key != keys.end());
  return *key;
}

void add_settings(CLI::App& root, Global& global) {
  root.add_option("--config", global.config_file,
                  "configuration file (./intelwall.yaml, /etc/intelwall/intelwall.yaml)")
      ->group("Settings");
  for (const auto& key : app::setting_keys()) {
    const std::string name = key.name;
    // These three belong to `block`, which shows them in its own help.
    if (name == "action" || name == "protocols" || name == "expires") continue;
    root.add_option_function<std::string>(
            flag_of(name), [&global, name](const std::string& value) { global.overrides[name] = value; },
            key.description)
        ->group("Settings");
  }
}

}  // namespace

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples) {
  auto* command = parent.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  command->fallthrough();
  return command;
}

void add_setting(CLI::App& command, Global& global, const std::string& key) {
  command.add_option_function<std::string>(
      flag_of(key), [&global, key](const std::string& value) { global.overrides[key] = value; },
      key_named(key).description);
}

Result<void> load_settings(const Global& global, app::Context& context) {
  IW_TRY(auto loaded, app::load_settings(context.env, global.config_file, global.overrides));
  context.settings = std::move(loaded.settings);
  return {};
}

int report(const Global& global, const Error& error) {
  std::fputs(fmt::format("intelwall: {}\n", error.to_text()).c_str(), stderr);
  if (global.output() == Output::json) print_json({{"error", app::to_json(error)}});
  return error.code == ErrorCode::usage ? wrong_usage : failed;
}

void print_json(const nlohmann::json& json) {
  const auto text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int report_enforcement(const app::Enforcement& enforcement) {
  if (enforcement.unrecorded)
    std::fputs(fmt::format("intelwall: done, but not taken down in the ledger: {}\n", enforcement.unrecorded->to_text())
                   .c_str(),
               stderr);
  if (enforcement.failure) {
    std::fputs(fmt::format("intelwall: {}\n", enforcement.failure->to_text()).c_str(), stderr);
    return enforcement.plan.empty() ? failed : in_part;
  }
  if (enforcement.unverified) {
    std::fputs(fmt::format("intelwall: {}\n", enforcement.unverified->to_text()).c_str(), stderr);
    return in_part;
  }
  if (enforcement.plan.shortfall) {
    std::fputs(fmt::format("intelwall: {}\n", enforcement.plan.shortfall->to_text()).c_str(), stderr);
    return in_part;
  }
  return done;
}

std::string expiry(const Decision& decision) {
  return decision.expires_at ? "until " + format_time(*decision.expires_at) : "without expiry";
}

std::string reach(const DomainSpec& domain) {
  return domain.name.text() + (domain.scope == Scope::subdomains ? " and its subdomains" : " only");
}

Result<void> prepare(const Global& global, app::Context& context,
                     std::initializer_list<Result<void> (*)(app::Context&)> steps) {
  IW_CHECK(load_settings(global, context));
  for (const auto step : steps) IW_CHECK(step(context));
  return {};
}

int finish(const app::Enforcement& enforcement, app::Mode mode, Output output) {
  if (mode == app::Mode::plan) {
    if (output == Output::text) std::fputs(app::to_text(enforcement.plan).c_str(), stdout);
    if (enforcement.plan.shortfall)
      std::fputs(fmt::format("intelwall: {}\n", enforcement.plan.shortfall->to_text()).c_str(), stderr);
    return enforcement.plan.empty() ? done : changes;
  }
  return report_enforcement(enforcement);
}

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Global global;
  std::error_code ignored;
  global.self = std::filesystem::read_symlink("/proc/self/exe", ignored);

  CLI::App root{"intelwall turns CrowdStrike and Security Hub findings into firewall rules, and back into findings."};
  root.name("intelwall");
  root.set_version_flag("--version", "intelwall 0.1.0");
  root.require_subcommand(1);
  root.add_flag("--json", global.json, "report as JSON on stdout; logs go to stderr");
  root.footer(
      "Examples:\n"
      "  intelwall demo                                   watch it work in a lab on this machine\n"
      "  intelwall block evil.com --reason INC-4711       block a domain and its subdomains for 30 days\n"
      "  intelwall ingest findings.json --dry-run         what would be done about these findings\n"
      "  intelwall list --json                            what is blocked, by whom, why and until when\n"
      "\nExit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 done in part, 4 plan found changes.\n"
      "`intelwall COMMAND --help` shows the options and examples of a command.");
  add_settings(root, global);

  Action action;
  add_finding_commands(root, global, action);
  add_forward_command(root, global, action);
  add_block_commands(root, global, action);
  add_import_command(root, global, action);
  add_explain_command(root, global, action);
  add_history_command(root, global, action);
  add_lambda_command(root, action);
  add_doctor_command(root, global, action);
  add_lab_commands(root, global, action);
  add_rules_commands(root, global, action);
  add_config_commands(root, global, action);
  add_intel_commands(root, global, action);
  add_sighting_commands(root, global, action);
  add_fql_commands(root, global, action);
  add_hunt_commands(root, global, action);
  add_completion_command(root, action);

  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return root.exit(help);
  } catch (const CLI::ParseError& error) {
    const auto* command = root.get_subcommands().empty() ? nullptr : root.get_subcommands().front();
    std::fputs(fmt::format("intelwall: {} (`intelwall {}--help` shows how)\n", printable(error.what(), 300),
                           command != nullptr ? command->get_name() + " " : "")
                   .c_str(),
               stderr);
    return wrong_usage;
  }
  IW_ASSERT(action);
  const int code = action();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("intelwall: standard output cannot be written (is the disk full, or the reader gone?)\n", stderr);
    return code == done ? failed : code;
  }
  return code;
}

}  // namespace intelwall::cli
