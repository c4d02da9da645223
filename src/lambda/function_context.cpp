#include "lambda/function_context.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lambda/runtime.hpp"
#include "store/ledger.hpp"

namespace intelwall::lambda {

Result<app::Context> make_function_context(const aws::Environment& env) {
  app::Context context;
  context.env = env;
  IW_TRY(auto loaded, app::load_settings(env, {}, {}));
  context.settings = std::move(loaded.settings);
  if (loaded.origins.find("actor") == loaded.origins.end())
    context.settings.actor = env("AWS_LAMBDA_FUNCTION_NAME").value_or("intelwall");
  context.settings.state.clear();
  IW_CHECK(app::connect(context));
  return context;
}

Result<std::string> required_variable(const aws::Environment& env, const char* variable, const char* hint) {
  auto value = env(variable).value_or("");
  if (value.empty()) return fail(ErrorCode::usage, "is not set", variable, hint);
  return value;
}

Result<std::string> hunt_name(const aws::Environment& env) {
  constexpr const char* variable = "INTELWALL_HUNT_NAME";
  constexpr const char* hint = "use 1 to 40 of a-z, 0-9 and -";
  IW_TRY(auto name, required_variable(env, variable, hint));
  if (!store::is_hunt_name(name))
    return fail(ErrorCode::usage, fmt::format("\"{}\" is no name of a hunt", printable(name, 60)), variable, hint);
  return name;
}

std::filesystem::path scratch_directory(const aws::Environment& env, const char* name) {
  // "none" is for the ledger of the other faces; here it is made of what the bucket says.
  const auto place = env("INTELWALL_STATE").value_or("none");
  return std::filesystem::path(place == "none" ? "/tmp/intelwall" : place) / name;
}

Result<void> check_schedule_event(const Invocation& invocation) {
  if (nlohmann::json::parse(invocation.event, nullptr, false).is_object()) return {};
  return fail(ErrorCode::invalid_input, "the event is no JSON object", "event", "a schedule gives {}");
}

void log_unverified(const Invocation& invocation, const app::Enforcement& enforcement) {
  if (enforcement.unverified)
    log_line("WARN", invocation.request_id, "written, but not seen live", &*enforcement.unverified);
}

Result<void> refresh_guardrails(app::Context& context) {
  const auto changes = [](const std::optional<app::ListPlace>& place) {
    return place && place->kind == app::ListPlace::Kind::ssm;
  };
  const auto& settings = context.settings;
  if (context.guardrails && !changes(settings.allow_list) && !changes(settings.warn_list) &&
      !changes(settings.protected_zones))
    return {};
  return app::load_guardrails(context);
}

}  // namespace intelwall::lambda
