#include <fmt/format.h>

#include <utility>

#include "aws/json_text.hpp"
#include "lab/cloud_logs.hpp"
#include "lab/stack_maker.hpp"
#include "lab/template_values.hpp"

namespace intelwall::lab {
namespace {

constexpr std::string_view temporary = "/tmp/";

}  // namespace

std::map<std::string, std::string> StackMaker::variables_of(const DeclaredResource& resource,
                                                            const std::string& name) const {
  auto variables = context_.variables;
  const Json& own = aws::member(aws::member(resource.properties, "Environment"), "Variables");
  for (const auto& [key, value] : own.items()) {
    std::string text = scalar_text(value).value_or("");
    // In AWS each function has a /tmp of its own, and it is gone with it.
    if (text.starts_with(temporary))
      text = (context_.options.directory / "tmp" / name / text.substr(temporary.size())).string();
    variables[key] = std::move(text);
  }
  return variables;
}

Result<PhysicalResource> StackMaker::function(const DeclaredResource& resource) {
  const Json& properties = resource.properties;
  if (const auto runtime = text_property(properties, "Runtime"); !runtime.starts_with("provided."))
    return fail(ErrorCode::invalid_input, "the lab runs no functions of runtime " + printable(runtime, 40), "Runtime");
  FunctionOptions options;
  options.name = name_of(resource, "FunctionName");
  options.handler = text_property(properties, "Handler");
  options.code = context_.code;
  options.variables = variables_of(resource, options.name);
  IW_TRY(const auto seconds, number_property(properties, "Timeout", 3));
  options.timeout = std::chrono::seconds{seconds};
  IW_TRY(const auto memory, number_property(properties, "MemorySize", 128));
  options.memory_size = static_cast<int>(memory);
  options.log_group = text_property(aws::member(properties, "LoggingConfig"), "LogGroup");
  if (options.log_group.empty()) options.log_group = "/aws/lambda/" + options.name;
  options.dead_letter_queue = text_property(aws::member(properties, "DeadLetterConfig"), "TargetArn");
  std::error_code error;
  std::filesystem::create_directories(context_.options.directory / "tmp" / options.name, error);
  options.output = context_.options.directory / (options.name + ".log");
  options.log = [&logs = context_.services.logs, group = options.log_group](const std::string& line) {
    logs.append(group, "lab", system_now(), line);
  };
  const std::string name = options.name;
  IW_CHECK(context_.functions.add(std::move(options)));
  return PhysicalResource{name, {{"Arn", arn_of("lambda", "function:" + name)}}};
}

Result<PhysicalResource> StackMaker::source_mapping(const DeclaredResource& resource) {
  QueueSource::Options options;
  options.queue_arn = text_property(resource.properties, "EventSourceArn");
  options.function = text_property(resource.properties, "FunctionName");
  if (!options.queue_arn.starts_with("arn:aws:sqs:"))
    return fail(ErrorCode::invalid_input, "the lab has event sources of queues only", "EventSourceArn");
  IW_TRY(const auto batch, number_property(resource.properties, "BatchSize", 10));
  if (batch < 1 || batch > 10)
    return fail(ErrorCode::invalid_input, "the lab has batches of 1 to 10 messages", "BatchSize");
  options.batch_size = static_cast<std::size_t>(batch);
  for (const auto& each : aws::items_in(resource.properties, "FunctionResponseTypes"))
    if (each == "ReportBatchItemFailures") options.reports = QueueSource::Reports::items;
  plan_.sources.push_back(std::move(options));
  return PhysicalResource{random_uuid(), {}};
}

Result<PhysicalResource> StackMaker::schedule(const DeclaredResource& resource) {
  const Json& target = aws::member(resource.properties, "Target");
  const std::string name = name_of(resource, "Name");
  const std::string arn = text_property(target, "Arn");
  if (!arn.starts_with("arn:aws:lambda:"))
    return fail(ErrorCode::invalid_input, "the lab has schedules of functions only", "Target.Arn");
  IW_TRY(auto times, ScheduleTimes::parse(text_property(resource.properties, "ScheduleExpression")));
  if (context_.options.schedule_every) times = ScheduleTimes::every(*context_.options.schedule_every);
  if (text_property(resource.properties, "State") != "DISABLED")
    plan_.schedules.push_back({times, arn, text_property(target, "Input")});
  return PhysicalResource{name, {{"Arn", arn_of("scheduler", "schedule/default/" + name)}}};
}

Result<PhysicalResource> StackMaker::custom(const DeclaredResource& resource) {
  const std::string token = context_.answers.expect();
  const auto request =
      custom_resource_request(resource, arn_of("cloudformation", fmt::format("stack/{}/lab", stack_name)),
                              fmt::format("{}{}{}", endpoint(), answer_path, token));
  const auto invoked =
      context_.functions.invoke(text_property(resource.properties, "ServiceToken"), dump_json(request));
  auto made = context_.answers.resource(token);
  // The function's own error says more than that it did not answer.
  if (!made && made.error().code == ErrorCode::protocol && !invoked) return std::unexpected(invoked.error());
  return made;
}

}  // namespace intelwall::lab
