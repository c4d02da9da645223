#include "lambda/function_context.hpp"

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
