#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "app/context.hpp"
#include "aws/arn.hpp"

// What a stack of ours makes that CloudFormation has no type for. Each is safe to repeat.
namespace intelwall::lambda {

struct ResourceRequest {
  enum class Type { create, update, remove };
  Type type = Type::create;
  nlohmann::json properties;
  std::string physical_id;  ///< as it was answered at creation; empty then
  aws::Arn function;        ///< whose partition, Region and account it is
};

struct ResourceAnswer {
  std::string physical_id;  ///< another one than before: CloudFormation then deletes what the old one names
  nlohmann::json data = nlohmann::json::object();
};

/// The id of a resource that could not be made: deleting it does nothing, least of all to what was there before.
inline constexpr const char* nothing_made = "intelwall/none";

/// By the Kind of the properties: ValidateFirewall, PolicyReferences, ActionTarget, ProductSubscription, EmptyBucket,
/// RouteEntry. Errors: the resource is as it was; `usage` for properties that name none.
Result<ResourceAnswer> handle_resource(const app::Context& context, const ResourceRequest& request);

}  // namespace intelwall::lambda
