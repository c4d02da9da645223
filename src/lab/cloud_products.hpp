#pragma once

#include <map>
#include <mutex>
#include <string>

#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// The account's own product, which needs no subscription.
std::string own_product();

/// Which partner products may import findings into the lab's account. CrowdStrike's and GuardDuty's are enabled at the
/// start; others are not known. Thread-safe.
class ProductSubscriptions {
 public:
  ProductSubscriptions();

  bool may_import(const std::string& product_arn) const;
  ApiAnswer enable(const Json& input);
  ApiAnswer disable(const Json& input);
  ApiAnswer list(const Json& input) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> enabled_;  ///< subscription ARN by product ARN
};

}  // namespace intelwall::lab
