#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/context.hpp"
#include "app/report.hpp"
#include "cli/command.hpp"
#include "os/file.hpp"

namespace intelwall::cli {

namespace {

using Json = nlohmann::json;

int run_check(const Global& global, std::string file) {
  if (file.empty()) file = global.config_file ? global.config_file->string() : "intelwall.yaml";
  const auto text = os::read_file(file, 1u << 20);
  if (!text) return report(global, text.error());
  auto errors = app::check_configuration(*text, file);
  // What the configuration points at must be readable too.
  if (errors.empty()) {
    app::Context context;
    Global with_file = global;
    with_file.config_file = file;
    auto loaded = load_settings(with_file, context);
    if (loaded) loaded = app::load_guardrails(context);
    if (!loaded) errors.push_back(std::move(loaded).error());
  }
  Json list = Json::array();
  for (const auto& error : errors) {
    list.push_back(app::to_json(error));
    std::fputs(fmt::format("{}\n", error.to_text()).c_str(), stderr);
  }
  if (global.output() == Output::json)
    print_json({{"ok", errors.empty()}, {"errors", list}});
  else if (errors.empty())
    std::fputs(fmt::format("{} is valid\n", file).c_str(), stdout);
  return errors.empty() ? done : failed;
}

int run_keys(const Global& global) {
  Json list = Json::array();
  for (const auto& key : app::setting_keys()) {
    if (global.output() == Output::json)
      list.push_back({{"key", key.name}, {"description", key.description}, {"example", key.example}});
    else
      std::fputs(fmt::format("# {}\n{}: {}\n", key.description, key.name, key.example).c_str(), stdout);
  }
  if (global.output() == Output::json) print_json(list);
  return done;
}

int run_show(const Global& global) {
  const auto loaded = app::load_settings(aws::process_environment(), global.config_file, global.overrides);
  if (!loaded) return report(global, loaded.error());
  const auto file = loaded->file ? loaded->file->string() : std::string("none");
  if (global.output() == Output::json) {
    print_json({{"file", loaded->file ? Json(file) : Json(nullptr)}, {"origins", loaded->origins}});
    return done;
  }
  std::fputs(fmt::format("configuration file: {}\n", file).c_str(), stdout);
  for (const auto& key : app::setting_keys()) {
    const auto origin = loaded->origins.find(key.name);
    std::fputs(
        fmt::format("{:<16} {}\n", key.name, origin == loaded->origins.end() ? "default" : origin->second).c_str(),
        stdout);
  }
  return done;
}

}  // namespace

void add_config_commands(CLI::App& root, Global& global, Action& action) {
  auto* config = add_command(root, "config", "Check and explain the configuration",
                             "  intelwall config check intelwall.yaml\n  intelwall config keys > intelwall.yaml\n");
  config->require_subcommand(1);
  auto file = std::make_shared<std::string>();
  auto* check = add_command(*config, "check", "All faults of a configuration file, each with line, reason and hint",
                            "  intelwall config check\n  intelwall config check /etc/intelwall/intelwall.yaml\n");
  check->add_option("FILE", *file, "else --config, else ./intelwall.yaml");
  check->callback([&global, &action, file] { action = [&global, file] { return run_check(global, *file); }; });
  auto* keys =
      add_command(*config, "keys", "Every setting with what it means and an example", "  intelwall config keys\n");
  keys->callback([&global, &action] { action = [&global] { return run_keys(global); }; });
  auto* show = add_command(*config, "show", "Where each setting comes from", "  intelwall config show\n");
  show->callback([&global, &action] { action = [&global] { return run_show(global); }; });
}

}  // namespace intelwall::cli
