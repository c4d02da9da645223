#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/time.hpp"
#include "lab/cloud_products.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// Security Hub (CSPM): findings by product and id, product subscriptions, and custom actions. Thread-safe.
class SecurityHub {
 public:
  /// Told of each finding that was imported, after it is stored and without our lock.
  using Imported = std::function<void(const Json& finding)>;
  SecurityHub(Clock clock, Imported imported);

  /// `operation` is the name in the service model; members of the path are in `input` already.
  ApiAnswer call(const std::string& operation, Json input);

  struct ActionTarget {
    std::string arn, id, name, description;
  };
  /// What a custom action's event is made of: the action (by id, name or ARN) and all findings with these ids.
  struct Press {
    ActionTarget action;
    Json findings;
  };
  ApiResult<Press> press(const std::string& action, const std::vector<std::string>& finding_ids) const;

 private:
  using Key = std::pair<std::string, std::string>;  ///< ProductArn, Id

  ApiAnswer import_findings(const Json& input);
  ApiAnswer get_findings(const Json& input);
  ApiAnswer update_findings(const Json& input);
  ApiAnswer create_action(const Json& input);
  ApiAnswer describe_actions(const Json& input);
  ApiAnswer update_action(const Json& input);
  ApiAnswer delete_action(const Json& input);
  ApiAnswer enable_product(const Json& input) { return products_.enable(input); }
  ApiAnswer disable_product(const Json& input) { return products_.disable(input); }
  ApiAnswer list_products(const Json& input) { return products_.list(input); }
  /// An error code and text where the finding is not taken.
  std::optional<std::pair<std::string, std::string>> import_one(const Json& finding);

  Clock clock_;
  Imported imported_;
  ProductSubscriptions products_;
  mutable std::mutex mutex_;
  std::map<Key, Json> findings_;
  std::map<std::string, ActionTarget> actions_;  ///< by ARN
};

}  // namespace intelwall::lab
