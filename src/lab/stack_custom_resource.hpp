#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "lab/cloud.hpp"
#include "lab/cloud_wire.hpp"
#include "lab/template_stack.hpp"

namespace intelwall::lab {

/// What a custom resource's function is asked to create: the request of CloudFormation, all values of properties as
/// texts. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-create.html
Json custom_resource_request(const DeclaredResource& resource, const std::string& stack_id,
                             const std::string& response_url);

/// The answers that functions put at their ResponseURL, whose last part is a token that nobody can guess. Thread-safe.
class CustomResourceAnswers {
 public:
  /// A token to be answered once.
  std::string expect();
  using Taken = CloudStack::Taken;
  Taken take(const std::string& token, const std::string& body);
  /// What was answered: the resource, or an Error with the function's reason. The token is over.
  Result<PhysicalResource> resource(const std::string& token);

 private:
  std::mutex mutex_;
  std::map<std::string, std::optional<std::string>> answers_;
};

}  // namespace intelwall::lab
