#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "app/settings.hpp"

namespace intelwall::app {
struct Context;
struct Enforcement;
enum class Mode;
}  // namespace intelwall::app

namespace intelwall::cli {

enum ExitCode : int { done = 0, failed = 1, wrong_usage = 2, in_part = 3, changes = 4 };

enum class Output { text, json };

/// What all commands share. Filled by the parser before a command runs.
struct Global {
  std::filesystem::path self;  ///< this binary
  std::optional<std::filesystem::path> config_file;
  app::Overrides overrides;
  bool json = false;

  Output output() const { return json ? Output::json : Output::text; }
};

/// Adds commands to `root`; the chosen one puts what it does into `action`, which returns an exit code.
using Action = std::function<int()>;
void add_block_commands(CLI::App& root, Global& global, Action& action);
void add_import_command(CLI::App& root, Global& global, Action& action);
void add_finding_commands(CLI::App& root, Global& global, Action& action);
void add_forward_command(CLI::App& root, Global& global, Action& action);
void add_explain_command(CLI::App& root, Global& global, Action& action);
void add_doctor_command(CLI::App& root, Global& global, Action& action);
void add_lambda_command(CLI::App& root, Action& action);
void add_lab_commands(CLI::App& root, Global& global, Action& action);
void add_rules_commands(CLI::App& root, Global& global, Action& action);
void add_history_command(CLI::App& root, Global& global, Action& action);
void add_config_commands(CLI::App& root, Global& global, Action& action);
void add_intel_commands(CLI::App& root, Global& global, Action& action);
void add_sighting_commands(CLI::App& root, Global& global, Action& action);
void add_fql_commands(CLI::App& root, Global& global, Action& action);
void add_hunt_commands(CLI::App& root, Global& global, Action& action);
void add_completion_command(CLI::App& root, Action& action);

/// A subcommand with examples below its help.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples);
/// An option of one command that sets a configuration key.
void add_setting(CLI::App& command, Global& global, const std::string& key);

/// Settings from flags, environment and file, into `context`.
Result<void> load_settings(const Global& global, app::Context& context);

/// Settings, and then the steps that a command needs, in order.
Result<void> prepare(const Global& global, app::Context& context,
                     std::initializer_list<Result<void> (*)(app::Context&)> steps);

/// "until …" or "without expiry".
std::string expiry(const Decision& decision);
/// "evil.com and its subdomains" or "evil.com only".
std::string reach(const DomainSpec& domain);

/// Prints an error to stderr, as JSON to stdout too when asked for; returns the exit code for it.
int report(const Global& global, const Error& error);
void print_json(const nlohmann::json& json);
/// What an enforcement did, for people; returns the exit code it means.
int report_enforcement(const app::Enforcement& enforcement);
/// The same, or the plan of it: 4 where it would change something.
int finish(const app::Enforcement& enforcement, app::Mode mode, Output output);

}  // namespace intelwall::cli
