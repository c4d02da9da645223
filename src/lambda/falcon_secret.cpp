#include "lambda/falcon_secret.hpp"

#include <map>

#include "aws/json_text.hpp"
#include "aws/secrets_manager.hpp"

namespace intelwall::lambda {

Result<aws::Environment> with_falcon_secret(const aws::Session& session, const aws::Environment& env) {
  constexpr const char* variable = "INTELWALL_FALCON_SECRET_ARN";
  const auto id = env(variable).value_or("");
  if (id.empty()) return env;
  IW_TRY(const auto text, aws::SecretsManagerClient(session).secret_value(id));
  // The parser's own words could repeat what it read.
  const auto json = aws::parse_json(text);
  std::map<std::string, std::string> keys;
  if (json) {
    keys = {{"FALCON_CLIENT_ID", aws::text_in(*json, "client_id")},
            {"FALCON_CLIENT_SECRET", aws::text_in(*json, "client_secret")}};
    if (auto cloud = aws::text_in(*json, "cloud"); !cloud.empty()) keys["FALCON_CLOUD"] = std::move(cloud);
  }
  if (!json || keys["FALCON_CLIENT_ID"].empty() || keys["FALCON_CLIENT_SECRET"].empty())
    return fail(ErrorCode::denied, "the secret has no client_id and client_secret", variable,
                R"(store {"client_id": "…", "client_secret": "…", "cloud": "us-1"} in it)");
  return [env, keys = std::move(keys)](const std::string& name) -> std::optional<std::string> {
    const auto found = keys.find(name);
    return found == keys.end() ? env(name) : std::optional(found->second);
  };
}

}  // namespace intelwall::lambda
