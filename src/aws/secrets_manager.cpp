#include "aws/secrets_manager.hpp"

#include "aws/json_text.hpp"

namespace intelwall::aws {

SecretsManagerClient::SecretsManagerClient(Session session)
    : client_(std::move(session), "SECRETS_MANAGER", "secretsmanager", "secretsmanager") {}

Result<std::string> SecretsManagerClient::secret_value(const std::string& id) const {
  const std::string place = "secret " + printable(id, 120);
  IW_TRY(const Json answer,
         client_.call_json("1.1", "secretsmanager.GetSecretValue", {{"SecretId", id}}, ServiceClient::Repeat::safe));
  const Json& value = member(answer, "SecretString");
  if (value.is_string()) return value.get<std::string>();
  if (member(answer, "SecretBinary").is_string())
    return fail(ErrorCode::invalid_input, "the secret is bytes, not text", place, "store it as text");
  return fail(ErrorCode::protocol, "the answer has no SecretString", place);
}

}  // namespace intelwall::aws
