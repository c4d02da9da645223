#include "lab/stack_maker.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "aws/json_text.hpp"
#include "aws/text.hpp"
#include "lab/cloud_event_bus.hpp"
#include "lab/cloud_logs.hpp"
#include "lab/cloud_objects.hpp"
#include "lab/cloud_parameters.hpp"
#include "lab/cloud_queues.hpp"
#include "lab/cloud_secrets.hpp"
#include "lab/template_values.hpp"

namespace intelwall::lab {
namespace {

/// What has no effect in the lab: it has one principal who may do all, no metrics and no keys.
constexpr std::array<std::string_view, 6> skipped_services{"AWS::IAM::",
                                                           "AWS::CloudWatch::",
                                                           "AWS::KMS::",
                                                           "AWS::S3::BucketPolicy",
                                                           "AWS::SQS::QueuePolicy",
                                                           "AWS::Lambda::Permission"};
/// A second bus is for other accounts' events, and the lab has one account.
constexpr std::array<std::string_view, 2> skipped_buses{"AWS::Events::EventBus", "AWS::Events::EventBusPolicy"};

std::unexpected<Error> refused(const ApiError& refusal) {
  return std::unexpected(error_of(refusal));
}

/// The call of a service that takes what CloudFormation calls the same: those properties that are there.
Json same_properties(const Json& properties, std::initializer_list<const char*> names) {
  Json input = Json::object();
  for (const char* const name : names)
    if (properties.contains(name)) input[name] = properties.at(name);
  return input;
}

}  // namespace

std::string text_property(const Json& properties, const char* name) {
  return scalar_text(aws::member(properties, name)).value_or("");
}

Result<std::int64_t> number_property(const Json& properties, const char* name, std::int64_t otherwise) {
  const std::string text = text_property(properties, name);
  if (text.empty()) return otherwise;
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size())
    return fail(ErrorCode::invalid_input, "a whole number is wanted", name);
  return number;
}

Error error_of(const ApiError& refusal) {
  return {ErrorCode::invalid_input, printable(refusal.name + ": " + refusal.message, 500), {}, {}};
}

std::string arn_of(const std::string& service, const std::string& resource) {
  return fmt::format("arn:aws:{}:{}:{}:{}", service, region, account_id, resource);
}

std::string StackMaker::name_of(const DeclaredResource& resource, const char* name) {
  if (auto given = text_property(resource.properties, name); !given.empty()) return given;
  return fmt::format("{}-{}-{}", stack_name, resource.id, random_uuid().substr(0, 8));
}

std::string StackMaker::endpoint() const {
  return context_.variables.at("AWS_ENDPOINT_URL");
}

Result<PhysicalResource> StackMaker::make(const DeclaredResource& resource) {
  static const std::map<std::string, Made (StackMaker::*)(const DeclaredResource&)> kinds{
      {"AWS::Events::Rule", &StackMaker::rule},
      {"AWS::Lambda::EventSourceMapping", &StackMaker::source_mapping},
      {"AWS::Lambda::Function", &StackMaker::function},
      {"AWS::Logs::LogGroup", &StackMaker::log_group},
      {"AWS::Logs::SubscriptionFilter", &StackMaker::subscription},
      {"AWS::S3::Bucket", &StackMaker::bucket},
      {"AWS::SQS::Queue", &StackMaker::queue},
      {"AWS::SSM::Parameter", &StackMaker::parameter},
      {"AWS::Scheduler::Schedule", &StackMaker::schedule},
      {"AWS::SecretsManager::Secret", &StackMaker::secret}};
  if (const auto found = kinds.find(resource.type); found != kinds.end()) return (this->*found->second)(resource);
  if (resource.type.starts_with("Custom::") || resource.type == "AWS::CloudFormation::CustomResource")
    return custom(resource);
  for (const auto known : skipped_services)
    if (resource.type.starts_with(known)) return skip(resource);
  for (const auto known : skipped_buses)
    if (resource.type == known) return skip(resource);
  return fail(ErrorCode::invalid_input, "the lab has no resources of type " + printable(resource.type, 80), {},
              "leave it out with the template's parameters");
}

Result<PhysicalResource> StackMaker::skip(const DeclaredResource& resource) {
  plan_.skipped.push_back(resource.type);
  std::string name;
  for (const char* const key : {"DashboardName", "AlarmName", "RoleName", "Name"})
    if (name.empty()) name = text_property(resource.properties, key);
  if (name.empty()) name = name_of(resource, "Name");
  const std::string service = aws::lower_case(resource.type.substr(5, resource.type.find("::", 5) - 5));
  const std::string arn =
      arn_of(service, aws::lower_case(resource.type.substr(resource.type.rfind(':') + 1)) + "/" + name);
  // A managed policy's Ref is its ARN.
  return PhysicalResource{resource.type == "AWS::IAM::ManagedPolicy" ? arn : name, {{"Arn", arn}, {"Name", name}}};
}

Result<PhysicalResource> StackMaker::queue(const DeclaredResource& resource) {
  Json attributes = Json::object();
  for (const char* const name : {"VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "MaximumMessageSize",
                                 "ReceiveMessageWaitTimeSeconds"})
    if (auto value = text_property(resource.properties, name); !value.empty()) attributes[name] = std::move(value);
  if (const Json& redrive = aws::member(resource.properties, "RedrivePolicy"); redrive.is_object())
    attributes["RedrivePolicy"] = dump_json(redrive);
  const std::string name = name_of(resource, "QueueName");
  const auto arn = context_.services.queues.create(name, attributes);
  if (!arn) return refused(arn.error());
  const std::string url = QueueService::url_of(name, endpoint().substr(std::string_view("http://").size()));
  return PhysicalResource{url, {{"Arn", *arn}, {"QueueName", name}, {"QueueUrl", url}}};
}

Result<PhysicalResource> StackMaker::bucket(const DeclaredResource& resource) {
  const Json& properties = resource.properties;
  const std::string name = aws::lower_case(name_of(resource, "BucketName"));
  const bool versions = text_property(aws::member(properties, "VersioningConfiguration"), "Status") == "Enabled";
  const Json& told = aws::member(aws::member(properties, "NotificationConfiguration"), "EventBridgeConfiguration");
  const bool tells = told.is_object() && text_property(told, "EventBridgeEnabled") != "false";
  const auto made = context_.services.objects.create(
      name, versions ? ObjectStore::Versioning::enabled : ObjectStore::Versioning::never,
      tells ? ObjectStore::Events::on : ObjectStore::Events::off);
  if (!made) return refused(made.error());
  return PhysicalResource{name, {{"Arn", "arn:aws:s3:::" + name}}};
}

Result<PhysicalResource> StackMaker::secret(const DeclaredResource& resource) {
  if (!resource.properties.contains("SecretString"))
    return fail(ErrorCode::invalid_input, "the lab takes secrets with a SecretString only");
  Json input = same_properties(resource.properties, {"Description", "SecretString"});
  input["Name"] = name_of(resource, "Name");
  const auto made = context_.services.secrets.call("CreateSecret", std::move(input));
  if (!made) return refused(made.error());
  const std::string arn = aws::text_in(*made, "ARN");
  return PhysicalResource{arn, {{"Id", arn}}};
}

Result<PhysicalResource> StackMaker::parameter(const DeclaredResource& resource) {
  Json input = same_properties(resource.properties, {"Type", "Value", "Description"});
  const std::string name = name_of(resource, "Name");
  input["Name"] = name;
  const auto made = context_.services.parameters.call("PutParameter", std::move(input));
  if (!made) return refused(made.error());
  return PhysicalResource{
      name,
      {{"Type", text_property(resource.properties, "Type")}, {"Value", text_property(resource.properties, "Value")}}};
}

Result<PhysicalResource> StackMaker::log_group(const DeclaredResource& resource) {
  const std::string name = name_of(resource, "LogGroupName");
  const auto made = context_.services.logs.call("CreateLogGroup", {{"logGroupName", name}});
  if (!made) return refused(made.error());
  return PhysicalResource{name, {{"Arn", arn_of("logs", "log-group:" + name + ":*")}}};
}

Result<PhysicalResource> StackMaker::subscription(const DeclaredResource& resource) {
  const std::string name = name_of(resource, "FilterName");
  const auto made = context_.services.logs.call(
      "PutSubscriptionFilter", {{"logGroupName", text_property(resource.properties, "LogGroupName")},
                                {"filterName", name},
                                {"filterPattern", text_property(resource.properties, "FilterPattern")},
                                {"destinationArn", text_property(resource.properties, "DestinationArn")}});
  if (!made) return refused(made.error());
  return PhysicalResource{name, {}};
}

Result<PhysicalResource> StackMaker::rule(const DeclaredResource& resource) {
  // Rules of a bus that is skipped would hear nothing.
  const std::string bus = text_property(resource.properties, "EventBusName");
  if (!bus.empty() && bus != "default") return skip(resource);
  const std::string name = name_of(resource, "Name");
  Json input = same_properties(resource.properties, {"Description", "State"});
  input["Name"] = name;
  input["EventPattern"] = dump_json(aws::member(resource.properties, "EventPattern"));
  const auto made = context_.services.events.call("PutRule", std::move(input));
  if (!made) return refused(made.error());
  if (const Json& targets = aws::member(resource.properties, "Targets"); targets.is_array()) {
    const auto put = context_.services.events.call("PutTargets", {{"Rule", name}, {"Targets", targets}});
    if (!put) return refused(put.error());
  }
  return PhysicalResource{name, {{"Arn", aws::text_in(*made, "RuleArn")}}};
}

}  // namespace intelwall::lab
