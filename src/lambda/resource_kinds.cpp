#include "lambda/resource_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "aws/ec2.hpp"
#include "aws/json_text.hpp"
#include "aws/network_firewall.hpp"
#include "aws/s3.hpp"
#include "aws/security_hub.hpp"
#include "firewalls/group_setup.hpp"

namespace intelwall::lambda {

namespace {

using Json = nlohmann::json;
using Type = ResourceRequest::Type;

/// The quota of a policy (docs.aws.amazon.com/network-firewall/latest/developerguide/quotas.html).
constexpr std::size_t most_capacity = 30'000;

Result<std::string> required(const Json& properties, const char* key) {
  auto text = aws::text_in(properties, key);
  if (text.empty()) return fail(ErrorCode::usage, fmt::format("the resource has no {}", key), "ResourceProperties");
  return text;
}

/// CloudFormation makes texts of numbers.
Result<std::size_t> number(const Json& properties, const char* key, std::size_t most) {
  IW_TRY(const auto text, required(properties, key));
  std::size_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value == 0 || value > most)
    return fail(ErrorCode::usage, fmt::format("{} is {}, not a number from 1 to {}", key, printable(text, 40), most),
                "ResourceProperties");
  return value;
}

Result<bool> wants_strict_order(const Json& properties) {
  IW_TRY(const auto order, required(properties, "RuleOrder"));
  if (order == "STRICT_ORDER") return true;
  if (order == "DEFAULT_ACTION_ORDER") return false;
  return fail(ErrorCode::usage, fmt::format("\"{}\" is no rule order", printable(order, 40)), "RuleOrder",
              "STRICT_ORDER or DEFAULT_ACTION_ORDER");
}

/// Success also when it failed because there is none.
Result<void> fine_if_gone(Result<void> done) {
  if (!done && done.error().code == ErrorCode::not_found) return {};
  return done;
}

Result<ResourceAnswer> validate_firewall(const app::Context& context, const ResourceRequest& request) {
  if (request.type == Type::remove) return ResourceAnswer{request.physical_id};
  IW_TRY(const auto name, required(request.properties, "Firewall"));
  IW_TRY(const bool strict, wants_strict_order(request.properties));
  IW_CHECK(number(request.properties, "Capacity", most_capacity));
  const aws::NetworkFirewallClient client(*context.session);
  auto firewall = client.describe_firewall(name);
  if (!firewall) {
    Error error = std::move(firewall).error();
    if (error.code == ErrorCode::not_found)
      error.hint = fmt::format("name a firewall of {}, the stack's Region", context.session->region);
    return std::unexpected(std::move(error));
  }
  IW_TRY(const auto policy, client.describe_policy(firewall->policy_arn));
  if (policy.strict_order() != strict)
    return fail(ErrorCode::usage,
                fmt::format("the firewall's policy evaluates in {} order, and the stack asks for {} order",
                            policy.strict_order() ? "strict" : "action", strict ? "strict" : "action"),
                policy.name,
                fmt::format("set RuleOrder to {}", policy.strict_order() ? "STRICT_ORDER" : "DEFAULT_ACTION_ORDER"));
  return ResourceAnswer{"intelwall/firewall/" + name,
                        {{"FirewallArn", firewall->arn}, {"PolicyArn", firewall->policy_arn}}};
}

Result<firewalls::GroupSetup> group_setup(const Json& properties) {
  firewalls::GroupSetup setup;
  IW_TRY(setup.prefix, required(properties, "Prefix"));
  IW_TRY(const auto attach, required(properties, "Attach"));
  setup.attachment = attach == "no" ? firewalls::Attachment::none : firewalls::Attachment::policy;
  if (setup.attachment == firewalls::Attachment::policy) {
    IW_TRY(setup.firewall, required(properties, "Firewall"));
  }
  IW_TRY(setup.strict_order, wants_strict_order(properties));
  IW_TRY(setup.capacity, number(properties, "Capacity", most_capacity));
  if (!aws::text_in(properties, "Priority").empty()) {
    IW_TRY(const auto priority, number(properties, "Priority", 65'535));
    setup.priority = static_cast<int>(priority);
  }
  for (const Json& group : aws::items_in(properties, "Groups"))
    if (group.is_string()) setup.groups.push_back(group.get<std::string>());
  return setup;
}

Result<ResourceAnswer> policy_references(const app::Context& context, const ResourceRequest& request) {
  const aws::NetworkFirewallClient client(*context.session);
  IW_TRY(const auto setup, group_setup(request.properties));
  if (request.type == Type::remove) {
    IW_TRY(const auto stay, firewalls::take_down_groups(client, setup, context.sleep));
    Json data{{"Remaining", stay}};
    return ResourceAnswer{request.physical_id, std::move(data)};
  }
  IW_CHECK(firewalls::set_up_groups(client, setup, context.sleep));
  return ResourceAnswer{fmt::format("intelwall/groups/{}/{}", setup.firewall, setup.prefix)};
}

Result<ResourceAnswer> action_target(const app::Context& context, const ResourceRequest& request) {
  const aws::SecurityHubClient hub(*context.session);
  if (request.type == Type::remove) {
    IW_CHECK(fine_if_gone(hub.delete_action_target(request.physical_id)));
    return ResourceAnswer{request.physical_id};
  }
  IW_TRY(const auto id, required(request.properties, "Id"));
  IW_TRY(const auto name, required(request.properties, "Name"));
  IW_TRY(const auto description, required(request.properties, "Description"));
  const auto arn = fmt::format("arn:{}:securityhub:{}:{}:action/custom/{}", request.function.partition,
                               request.function.region, request.function.account, id);
  auto made = hub.create_action_target(id, name, description);
  if (made) return ResourceAnswer{*std::move(made)};
  if (made.error().code != ErrorCode::conflict) return std::unexpected(std::move(made).error());
  IW_CHECK(hub.update_action_target(arn, name, description));
  return ResourceAnswer{arn};
}

/// The subscription to a product, empty when there is none.
Result<std::string> subscription_to(const aws::SecurityHubClient& hub, const std::string& product_arn) {
  IW_TRY(const auto subscriptions, hub.enabled_products());
  const auto found = std::ranges::find(subscriptions, aws::product_name(product_arn), aws::product_name);
  return found == subscriptions.end() ? std::string() : *found;
}

/// The id ends with "/made" where the stack made the subscription: only then it ends with the stack.
Result<ResourceAnswer> product_subscription(const app::Context& context, const ResourceRequest& request) {
  const aws::SecurityHubClient hub(*context.session);
  IW_TRY(const auto arn, required(request.properties, "ProductArn"));
  const auto id = "intelwall/product/" + arn;
  if (request.type == Type::remove) {
    if (!request.physical_id.ends_with("/made")) return ResourceAnswer{request.physical_id};
    IW_TRY(const auto subscription, subscription_to(hub, arn));
    if (!subscription.empty()) IW_CHECK(fine_if_gone(hub.disable_import_findings_for_product(subscription)));
    return ResourceAnswer{request.physical_id};
  }
  IW_TRY(const auto there, subscription_to(hub, arn));
  if (!there.empty())
    return ResourceAnswer{request.physical_id.starts_with(id + '/') ? request.physical_id : id + "/found"};
  const auto enabled = hub.enable_product(arn);
  if (enabled) return ResourceAnswer{id + "/made"};
  if (enabled.error().code == ErrorCode::conflict) return ResourceAnswer{id + "/found"};
  return std::unexpected(enabled.error());
}

Result<ResourceAnswer> empty_bucket(const app::Context& context, const ResourceRequest& request) {
  IW_TRY(const auto bucket, required(request.properties, "Bucket"));
  if (request.type != Type::remove) return ResourceAnswer{"intelwall/bucket/" + bucket};
  IW_CHECK(aws::S3Client(*context.session, bucket).remove_everything());
  return ResourceAnswer{request.physical_id};
}

Result<std::string> endpoint_of(const app::Context& context, const Json& properties) {
  if (auto endpoint = aws::text_in(properties, "VpcEndpointId"); !endpoint.empty()) return endpoint;
  IW_TRY(const auto name, required(properties, "Firewall"));
  IW_TRY(const auto zone, required(properties, "AvailabilityZone"));
  IW_TRY(const auto firewall, aws::NetworkFirewallClient(*context.session).describe_firewall(name));
  const auto found = firewall.endpoints.find(zone);
  if (found != firewall.endpoints.end()) return found->second;
  return fail(ErrorCode::not_found, fmt::format("the firewall has no endpoint in {}", printable(zone, 40)),
              firewall.name, "give it a subnet there, or name the endpoint by VpcEndpointId");
}

Result<ResourceAnswer> route_entry(const app::Context& context, const ResourceRequest& request) {
  const aws::Ec2Client ec2(*context.session);
  aws::Ec2Client::Route route;
  IW_TRY(route.table, required(request.properties, "RouteTableId"));
  IW_TRY(route.destination, required(request.properties, "DestinationCidrBlock"));
  if (request.type == Type::remove) {
    IW_CHECK(fine_if_gone(ec2.delete_route(route.table, route.destination)));
    return ResourceAnswer{request.physical_id};
  }
  IW_TRY(route.endpoint, endpoint_of(context, request.properties));
  auto created = ec2.create_route(route);
  if (!created && created.error().code == ErrorCode::conflict) created = ec2.replace_route(route);
  IW_CHECK(created);
  return ResourceAnswer{fmt::format("intelwall/route/{}/{}", route.table, route.destination)};
}

}  // namespace

Result<ResourceAnswer> handle_resource(const app::Context& context, const ResourceRequest& request) {
  if (request.type == Type::remove && request.physical_id == nothing_made) return ResourceAnswer{nothing_made};
  static constexpr std::pair<std::string_view, decltype(&validate_firewall)> kinds[] = {
      {"ValidateFirewall", validate_firewall}, {"PolicyReferences", policy_references},
      {"ActionTarget", action_target},         {"ProductSubscription", product_subscription},
      {"EmptyBucket", empty_bucket},           {"RouteEntry", route_entry}};
  const auto kind = aws::text_in(request.properties, "Kind");
  for (const auto& [name, handle] : kinds)
    if (kind == name) return handle(context, request);
  return fail(ErrorCode::usage, fmt::format("\"{}\" is no kind of resource", printable(kind, 60)), "Kind");
}

}  // namespace intelwall::lambda
