#include "cli/command.hpp"
#include "lambda/runtime.hpp"

namespace intelwall::cli {

void add_lambda_command(CLI::App& root, Action& action) {
  std::string kinds;
  for (const auto& kind : lambda::handler_kinds())
    kinds += std::string("  ") + kind.name + std::string(17 - std::string_view(kind.name).size(), ' ') +
             kind.description + "\n";
  auto* command = add_command(root, "lambda", "Serve a Lambda function: what `bootstrap` in the package does",
                              "  _HANDLER=respond AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001 intelwall lambda\n"
                              "\nHandlers (_HANDLER):\n" +
                                  kinds + "\nSettings come from INTELWALL_* variables: docs/lambda.md.");
  command->callback([&action] { action = [] { return lambda::run(aws::process_environment()); }; });
}

}  // namespace intelwall::cli
