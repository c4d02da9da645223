#include "lab/stack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "aws/json_text.hpp"
#include "lab/cloud_event_bus.hpp"
#include "lab/cloud_logs.hpp"
#include "lab/cloud_objects.hpp"
#include "lab/cloud_queues.hpp"
#include "lab/cloud_secrets.hpp"
#include "lab/cloud_security_hub.hpp"
#include "lab/stack_maker.hpp"
#include "lab/template_document.hpp"
#include "os/file.hpp"

namespace intelwall::lab {
namespace {

constexpr std::chrono::milliseconds retry_after{300};
constexpr std::chrono::milliseconds look_again{20};
constexpr const char* firewall_log_stream = "lab";
constexpr const char* code_bucket = "lab-code";
constexpr const char* falcon_secret_name = "lab/falcon";

/// The rule and the actions that stand there for labs without a stack.
void remove_seeds(CloudServices& services) {
  std::ignore = services.events.call("RemoveTargets", {{"Rule", respond_rule}, {"Ids", {"respond"}}});
  std::ignore = services.events.call("DeleteRule", {{"Name", respond_rule}});
  for (const auto& action : seeded_actions)
    std::ignore = services.hub.call(
        "DeleteActionTarget", {{"ActionTargetArn", fmt::format("arn:aws:securityhub:{}:{}:action/custom/{}", region,
                                                               account_id, action.id)}});
}

Json last_of(const Function::Status& status) {
  if (!status.last_error.empty()) return {{"error", status.last_error}};
  if (status.last_answer.empty()) return Json::object();
  auto answer = aws::parse_json(status.last_answer);
  return {{"answer", answer ? *std::move(answer) : Json(status.last_answer)}};
}

}  // namespace

Stack::Stack(StackOptions options)
    : options_(std::move(options)),
      functions_(
          [this](const std::string& queue_arn, const std::string& event, const Error& reason) {
            // https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
            if (services_)
              std::ignore = services_->queues.send(
                  queue_arn, event,
                  {{"ErrorCode", {{"DataType", "Number"}, {"StringValue", "200"}}},
                   {"ErrorMessage", {{"DataType", "String"}, {"StringValue", printable(reason.message, 1'000)}}}});
          },
          retry_after),
      schedules_(options_.clock) {}

Stack::~Stack() {
  stop();
}

Result<std::map<std::string, std::string>> Stack::parameters_for(const Json& document, CloudServices& services) {
  auto given = options_.parameters;
  const Json& declared = aws::member(document, "Parameters");
  const auto offer = [&](const char* name, const std::string& value) {
    if (declared.contains(name)) given.emplace(name, value);
  };
  const auto wanted = [&](const char* name) {
    const auto found = given.find(name);
    return found == given.end() ? std::string() : found->second;
  };
  offer("FirewallName", firewall_name);
  offer("Protocols", "tls,http,dns");  // here the workload's look-ups pass the firewall
  offer("AlertLogGroup", alert_log_group);
  offer("QueryLogGroup", query_log_group);
  offer("CodeBucket", code_bucket);
  if (declared.contains("FalconSecretArn") && wanted("FalconSecretArn").empty() && wanted("FalconClientId").empty()) {
    const Json keys{{"client_id", options_.falcon_client_id}, {"client_secret", options_.falcon_client_secret}};
    const auto made = services.secrets.set(falcon_secret_name, dump_json(keys));
    if (!made) return std::unexpected(error_of(made.error()));
    given["FalconSecretArn"] = *made;
  }
  // What the template takes as there already.
  for (const auto& [name, log] :
       {std::pair("AlertLogGroup", FirewallLog::alerts), std::pair("QueryLogGroup", FirewallLog::queries)}) {
    const auto group = wanted(name);
    if (group.empty()) continue;
    const auto made = services.logs.call("CreateLogGroup", {{"logGroupName", group}});
    if (!made) return std::unexpected(error_of(made.error()));
    const std::scoped_lock lock(mutex_);
    log_groups_[log] = group;
  }
  for (const char* const name : {"CodeBucket", "LogBucket"}) {
    if (wanted(name).empty()) continue;
    const auto made = services.objects.create(wanted(name), ObjectStore::Versioning::enabled, ObjectStore::Events::on);
    if (!made) return std::unexpected(error_of(made.error()));
  }
  return given;
}

Result<void> Stack::create(CloudServices services, const std::map<std::string, std::string>& variables) {
  services_.emplace(services);
  IW_TRY(const auto text, os::read_file(options_.template_file, template_byte_limit + 1));
  auto document = read_template(text);
  if (!document) {
    document.error().place = printable(options_.template_file.string()) + ", " + document.error().place;
    return std::unexpected(std::move(document).error());
  }
  const auto code = options_.directory / "code";
  IW_CHECK(unpack_package(options_.package, code));
  remove_seeds(services);
  IW_TRY(auto parameters, parameters_for(*document, services));
  StackMaker maker({options_, *services_, functions_, answers_, variables, code});
  IW_TRY(auto made, make_stack(*document, {std::move(parameters), stack_name, region, account_id},
                               [&](const DeclaredResource& resource) { return maker.make(resource); }));
  auto plan = maker.take_plan();
  for (auto& each : plan.schedules)
    schedules_.add(each.times,
                   [this, function = each.function, input = each.input] { std::ignore = deliver(function, input); });
  std::ranges::sort(plan.skipped);
  const auto doubles = std::ranges::unique(plan.skipped);
  plan.skipped.erase(doubles.begin(), doubles.end());
  const std::scoped_lock lock(mutex_);
  for (auto& each : plan.sources)
    sources_.push_back(std::make_unique<QueueSource>(
        std::move(each), services_->queues,
        [this](const std::string& function, const std::string& event) { return invoke(function, event); }));
  outputs_ = std::move(made.outputs);
  skipped_ = std::move(plan.skipped);
  return {};
}

Result<std::string> Stack::deliver(const std::string& function, const std::string& event) {
  return functions_.deliver(function, event);
}

Result<std::string> Stack::invoke(const std::string& function, const std::string& event) {
  return functions_.invoke(function, event);
}

CloudStack::Taken Stack::take_answer(const std::string& token, const std::string& body) {
  return answers_.take(token, body);
}

Json Stack::status() const {
  Json functions = Json::object();
  for (const auto& [name, status] : functions_.status()) {
    functions[name] = last_of(status);
    functions[name]["invocations"] = status.invocations;
    functions[name]["failures"] = status.failures;
  }
  const std::scoped_lock lock(mutex_);
  return {{"functions", std::move(functions)}, {"outputs", outputs_}, {"skipped", skipped_}};
}

Json Stack::settle(std::chrono::milliseconds most) {
  std::vector<QueueSource::Options> fed;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& source : sources_) fed.push_back(source->options());
  }
  const auto deadline = std::chrono::steady_clock::now() + most;
  const auto waiting = [&](const std::string& queue_arn) -> std::size_t {
    const auto counts = services_->queues.counts(queue_arn);
    return counts ? counts->visible + counts->in_flight + counts->delayed : 0;
  };
  Json settled = Json::array();
  for (const auto& source : fed) {
    while (waiting(source.queue_arn) > 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(look_again);
    Json one{{"function", source.function}};
    const auto all = functions_.status();
    if (const auto found = all.find(source.function); found != all.end()) one.update(last_of(found->second));
    if (const auto left = waiting(source.queue_arn); left > 0) one["waiting"] = left;
    settled.push_back(std::move(one));
  }
  return settled;
}

void Stack::log_record(FirewallLog log, const std::string& record) {
  // Under the lock: after `stop` the services may be gone.
  const std::scoped_lock lock(mutex_);
  const auto group = log_groups_.find(log);
  if (group != log_groups_.end()) services_->logs.append(group->second, firewall_log_stream, options_.clock(), record);
}

void Stack::stop() {
  functions_.stop();
  schedules_.stop();
  std::vector<std::unique_ptr<QueueSource>> sources;
  {
    const std::scoped_lock lock(mutex_);
    sources.swap(sources_);
    log_groups_.clear();
  }
}

}  // namespace intelwall::lab
