#pragma once

#include <string>

#include "aws/client.hpp"

namespace intelwall::aws {

/// The one call of Secrets Manager that we need (json 1.1, target secretsmanager).
class SecretsManagerClient {
 public:
  explicit SecretsManagerClient(Session session);

  /// The current version's text, by ARN or name. `not_found`, or `denied` also where the key that encrypts it may not
  /// be used; `invalid_input` for a secret of bytes. No error ever repeats what the answer held.
  Result<std::string> secret_value(const std::string& id) const;

 private:
  ServiceClient client_;
};

}  // namespace intelwall::aws
