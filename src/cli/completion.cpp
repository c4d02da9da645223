#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/command.hpp"

namespace intelwall::cli {

namespace {

/// Words that may follow a command: its subcommands and long options, those of the whole program included.
std::string words_after(const CLI::App& command, const CLI::App& root) {
  std::string words;
  for (const auto* sub : command.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); }))
    words += sub->get_name() + " ";
  for (const auto* app : {&command, &root}) {
    for (const auto* option : app->get_options())
      for (const auto& name : option->get_lnames()) words += "--" + name + " ";
    if (&command == &root) break;
  }
  return words;
}

void collect(const CLI::App& command, const CLI::App& root, const std::string& path, std::string& out) {
  out += fmt::format("    '{}') words='{}' ;;\n", path, words_after(command, root));
  for (const auto* sub : command.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); }))
    collect(*sub, root, path + " " + sub->get_name(), out);
}

/// One function serves bash, and zsh through bashcompinit: the path of subcommands typed so far chooses the words.
std::string script(const CLI::App& root) {
  std::string cases;
  collect(root, root, "intelwall", cases);
  return "_intelwall() {\n"
         "  local path=intelwall words word index\n"
         "  for ((index = 1; index < COMP_CWORD; index++)); do\n"
         "    word=${COMP_WORDS[index]}\n"
         "    case $word in -*) ;; *) _intelwall_words \"$path $word\" && path=\"$path $word\" ;; esac\n"
         "  done\n"
         "  _intelwall_words \"$path\"\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "_intelwall_words() {\n"
         "  case $1 in\n" +
         cases +
         "    *) return 1 ;;\n"
         "  esac\n"
         "}\n"
         "complete -o default -F _intelwall intelwall\n";
}

std::string fish_script(const CLI::App& root) {
  std::string out;
  const auto visible = [](const CLI::App* each) { return !each->get_group().empty(); };
  for (const auto* sub : root.get_subcommands(visible)) {
    out += fmt::format("complete -c intelwall -n __fish_use_subcommand -f -a {}\n", sub->get_name());
    const auto condition = fmt::format("'__fish_seen_subcommand_from {}'", sub->get_name());
    for (const auto* inner : sub->get_subcommands(visible))
      out += fmt::format("complete -c intelwall -n {} -f -a {}\n", condition, inner->get_name());
    for (const auto* option : sub->get_options())
      for (const auto& name : option->get_lnames())
        out += fmt::format("complete -c intelwall -n {} -l {}\n", condition, name);
  }
  for (const auto* option : root.get_options())
    for (const auto& name : option->get_lnames()) out += fmt::format("complete -c intelwall -l {}\n", name);
  return out;
}

int run_completion(const CLI::App& root, const std::string& shell) {
  std::string out = shell == "fish" ? fish_script(root) : script(root);
  if (shell == "zsh") out = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n" + out;
  std::fputs(out.c_str(), stdout);
  return done;
}

}  // namespace

void add_completion_command(CLI::App& root, Action& action) {
  auto shell = std::make_shared<std::string>();
  auto* command = add_command(root, "completion", "Completion for your shell",
                              "  source <(intelwall completion bash)\n"
                              "  intelwall completion zsh > ~/.intelwall.zsh     then source it in ~/.zshrc\n"
                              "  intelwall completion fish > ~/.config/fish/completions/intelwall.fish\n");
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&root, &action, shell] { action = [&root, shell] { return run_completion(root, *shell); }; });
}

}  // namespace intelwall::cli
