#include <fmt/format.h>

#include <algorithm>

#include "lambda/handler.hpp"

namespace intelwall::lambda {

const std::vector<HandlerKind>& handler_kinds() {
  static const std::vector<HandlerKind> kinds = {
      {"respond", "blocks what a pressed custom action, or a finding that the filter takes, names",
       make_respond_handler},
      {"expire", "lifts blocks that are over", make_expire_handler},
      {"custom-resource", "makes what a stack needs beside what CloudFormation has types for",
       make_custom_resource_handler},
      {"hunt", "keeps what a Falcon query finds as rules in the firewall", make_hunt_handler},
      {"sightings", "finds watched domains in the firewall's log", make_sightings_handler},
      {"forward", "brings Falcon's alerts into Security Hub", make_forward_handler},
  };
  return kinds;
}

Result<Handler> make_handler(const aws::Environment& env) {
  const auto name = env("_HANDLER").value_or("");
  const auto& kinds = handler_kinds();
  const auto found = std::ranges::find_if(kinds, [&](const HandlerKind& kind) { return name == kind.name; });
  if (found != kinds.end()) return found->make(env);
  std::string names;
  for (const auto& kind : kinds) names += fmt::format("{}{}", names.empty() ? "" : ", ", kind.name);
  return fail(ErrorCode::usage, fmt::format("\"{}\" is no handler of intelwall", printable(name, 60)), "_HANDLER",
              "set the function's handler to one of " + names);
}

std::string error_type(const Error& error) {
  std::string type = "Intelwall.";
  bool begins = true;
  for (const char c : std::string_view(to_string(error.code))) {
    if (c == '_') {
      begins = true;
      continue;
    }
    type += begins && c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    begins = false;
  }
  return type;
}

}  // namespace intelwall::lambda
