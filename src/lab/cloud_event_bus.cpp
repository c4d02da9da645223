#include "lab/cloud_event_bus.hpp"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "lab/cloud.hpp"
#include "lab/cloud_event_pattern.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t rules_per_bus = 300;  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
constexpr std::size_t targets_per_rule = 5;
constexpr std::size_t events_waiting = 10'000;
constexpr std::string_view lambda_prefix = "arn:aws:lambda:";
constexpr std::string_view queue_prefix = "arn:aws:sqs:";

std::unexpected<ApiError> invalid(std::string message) {
  return refuse("ValidationException", std::move(message));
}

Json describe(const Json& target, const std::string& rule, const Result<std::string>& answer) {
  const std::string arn = text_or(target, "Arn");
  Json out{{"rule", rule}};
  if (arn.starts_with(queue_prefix)) {
    out["queue"] = arn;
  } else {
    out["function"] = function_name(arn);
  }
  if (!answer) {
    out["error"] = answer.error().to_text();
    return out;
  }
  const ApiAnswer parsed = parse_json(*answer);
  out["answer"] = parsed && !answer->empty() ? *parsed : Json(*answer);
  return out;
}

struct Operation {
  ApiAnswer (EventBus::*run)(const Json&);
  ShapePtr input;
};

}  // namespace

std::string function_name(const std::string& arn) {
  constexpr std::string_view marker = ":function:";
  const std::size_t at = arn.find(marker);
  if (!arn.starts_with(lambda_prefix) || at == std::string::npos) return {};
  const std::string rest = arn.substr(at + marker.size());
  return rest.substr(0, rest.find(':'));
}

EventBus::EventBus(Invoke invoke, SendToQueue send, Clock clock)
    : invoke_(std::move(invoke)), send_(std::move(send)), clock_(std::move(clock)) {
  worker_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

EventBus::~EventBus() {
  stop();
}

void EventBus::stop() {
  worker_.request_stop();
  if (worker_.joinable()) worker_.join();
}

Json EventBus::envelope(const std::string& source, const std::string& detail_type, Json resources, Json detail) const {
  return {{"version", "0"},
          {"id", random_uuid()},
          {"detail-type", detail_type},
          {"source", source},
          {"account", account_id},
          {"time", format_time(clock_())},
          {"region", region},
          {"resources", std::move(resources)},
          {"detail", std::move(detail)}};
}

std::vector<EventBus::Match> EventBus::matches(const Json& event) const {
  const std::scoped_lock lock(mutex_);
  std::vector<Match> found;
  for (const auto& [name, rule] : rules_) {
    if (rule.state != "ENABLED" || !matches_event(rule.pattern, event)) continue;
    for (const auto& [id, target] : rule.targets) found.push_back({name, target});
  }
  return found;
}

Result<std::string> EventBus::deliver_to(const Match& match, const std::string& input) const {
  const std::string arn = text_or(match.target, "Arn");
  const std::string function = function_name(arn);
  const bool is_queue = arn.starts_with(queue_prefix);
  Result<std::string> answer =
      function.empty() && !is_queue
          ? fail(ErrorCode::invalid_input, "the lab has Lambda and SQS targets only", printable(arn))
      : is_queue && send_ ? send_(arn, input, Json::object())
      : is_queue || !invoke_
          ? fail(ErrorCode::unavailable, is_queue ? "the lab has no queues here" : "the lab runs no functions here",
                 printable(is_queue ? arn : function))
          : invoke_(function, input);
  // A function that ran and failed was delivered to: its own dead-letter queue has the rest.
  const std::string dead = text_or(child(match.target, "DeadLetterConfig"), "Arn");
  if (!answer && is_queue && send_ && !dead.empty()) {
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    const auto text = [](std::string value) { return Json{{"DataType", "String"}, {"StringValue", std::move(value)}}; };
    const auto kept =
        send_(dead, input,
              {{"RULE_ARN", text(fmt::format("arn:aws:events:{}:{}:rule/{}", region, account_id, match.rule))},
               {"TARGET_ARN", text(arn)},
               {"ERROR_CODE", text("SDK_CLIENT_ERROR")},
               {"ERROR_MESSAGE", text(answer.error().message)}});
    if (!kept) answer.error().message += ", and its dead-letter queue takes nothing: " + kept.error().message;
  }
  return answer;
}

Json EventBus::deliver(const Json& event) {
  Json invocations = Json::array();
  for (const Match& match : matches(event)) {
    const std::string input = has(match.target, "Input") ? text_or(match.target, "Input") : dump_json(event);
    invocations.push_back(describe(match.target, match.rule, deliver_to(match, input)));
  }
  return invocations;
}

void EventBus::post(Json event) {
  if (matches(event).empty()) return;
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.size() >= events_waiting) return;  // as a bus that throttles
    queue_.push_back(std::move(event));
  }
  posted_.notify_one();
}

void EventBus::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (posted_.wait(lock, stop, [this] { return !queue_.empty(); }) && !stop.stop_requested()) {
    const Json event = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    deliver(event);
    lock.lock();
  }
}

ApiAnswer EventBus::call(const std::string& operation, Json input) {
  using namespace shapes;  // NOLINT(google-build-using-namespace)
  static const std::unordered_map<std::string, Operation> operations = [] {
    const ShapePtr name = text(1, 64, &patterns::event_name);
    const Shape::Member bus = shapes::optional("EventBusName", text(1, 1600));
    const ShapePtr target =
        structure({required("Id", name), required("Arn", text(1, 1600)), shapes::optional("RoleArn", text(1, 1600)),
                   shapes::optional("Input", text(0, 8192)), shapes::optional("InputPath", any()),
                   shapes::optional("InputTransformer", any()), shapes::optional("RetryPolicy", object()),
                   shapes::optional("DeadLetterConfig", object())});
    const ShapePtr entry =
        structure({shapes::optional("Time", any()), shapes::optional("Source", text()),
                   shapes::optional("Resources", list(text(0, 2048))), shapes::optional("DetailType", text()),
                   shapes::optional("Detail", text()), bus, shapes::optional("TraceHeader", text(1, 500))});
    const Shape::Member limit = shapes::optional("Limit", integer(1, 100));
    const Shape::Member next = shapes::optional("NextToken", text(1, 2048));
    return std::unordered_map<std::string, Operation>{
        {"PutRule",
         {&EventBus::put_rule,
          structure({required("Name", name), shapes::optional("ScheduleExpression", text(0, 256)),
                     shapes::optional("EventPattern", text(0, 4096)),
                     shapes::optional("State", one_of({"ENABLED", "DISABLED"})),
                     shapes::optional("Description", text(0, 512)), shapes::optional("RoleArn", text(1, 1600)), bus})}},
        {"PutTargets",
         {&EventBus::put_targets, structure({required("Rule", name), required("Targets", list(target, 1, 100)), bus})}},
        {"RemoveTargets",
         {&EventBus::remove_targets, structure({required("Rule", name), required("Ids", list(name, 1, 100)), bus})}},
        {"DeleteRule", {&EventBus::delete_rule, structure({required("Name", name), bus})}},
        {"DescribeRule", {&EventBus::describe_rule, structure({required("Name", name), bus})}},
        {"ListRules", {&EventBus::list_rules, structure({shapes::optional("NamePrefix", name), bus, limit, next})}},
        {"ListTargetsByRule", {&EventBus::list_targets, structure({required("Rule", name), bus, limit, next})}},
        {"PutEvents", {&EventBus::put_events, structure({required("Entries", list(entry, 1, 10))})}},
        {"TestEventPattern",
         {&EventBus::test_pattern, structure({required("EventPattern", text()), required("Event", text())})}},
    };
  }();
  const auto found = operations.find(operation);
  if (found == operations.end()) return no_operation(operation);
  IW_CHECK(check_input(*found->second.input, input));
  if (const std::string bus = text_or(input, "EventBusName", "default");
      bus != "default" && !bus.ends_with(":event-bus/default"))
    return refuse("ResourceNotFoundException", fmt::format("Event bus {} does not exist.", printable(bus, 64)));
  if (has(input, "Limit")) input["MaxResults"] = input.at("Limit");
  return (this->*found->second.run)(input);
}

ApiResult<EventBus::Rule*> EventBus::find(const Json& input, const char* member) {
  const auto found = rules_.find(text_or(input, member));
  if (found == rules_.end())
    return refuse("ResourceNotFoundException",
                  fmt::format("Rule {} does not exist on EventBus default.", printable(text_or(input, member), 64)));
  return &found->second;
}

ApiAnswer EventBus::put_rule(const Json& input) {
  if (has(input, "ScheduleExpression")) return invalid("the lab runs no schedules: give an EventPattern");
  if (!has(input, "EventPattern")) return invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.");
  const std::string text = text_or(input, "EventPattern");
  ApiAnswer pattern = parse_json(text);
  if (!pattern || text.empty())
    return refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: it is not a JSON document");
  IW_CHECK(check_event_pattern(*pattern));

  const std::scoped_lock lock(mutex_);
  const std::string name = text_or(input, "Name");
  if (!rules_.contains(name) && rules_.size() >= rules_per_bus)
    return refuse("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
  Rule& rule = rules_[name];
  rule.name = name;
  rule.arn = fmt::format("arn:aws:events:{}:{}:rule/{}", region, account_id, name);
  rule.pattern_text = text;
  rule.pattern = *std::move(pattern);
  rule.state = text_or(input, "State", "ENABLED");
  rule.description = text_or(input, "Description");
  return Json{{"RuleArn", rule.arn}};
}

ApiAnswer EventBus::put_targets(const Json& input) {
  const std::scoped_lock lock(mutex_);
  IW_TRY(Rule* const rule, find(input, "Rule"));
  std::map<std::string, Json> next = rule->targets;
  for (const Json& target : input.at("Targets")) {
    if (has(target, "InputPath") || has(target, "InputTransformer"))
      return invalid("the lab passes the whole event or Input: it has no InputPath and no InputTransformer");
    if (!text_or(target, "Arn").starts_with("arn:"))
      return invalid(fmt::format("Parameter {} is not valid. Reason: Provided Arn is not in correct format.",
                                 printable(text_or(target, "Arn"), 64)));
    next[text_or(target, "Id")] = target;
  }
  if (next.size() > targets_per_rule)
    return refuse("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
  rule->targets = std::move(next);
  return Json{{"FailedEntryCount", 0}, {"FailedEntries", Json::array()}};
}

ApiAnswer EventBus::remove_targets(const Json& input) {
  const std::scoped_lock lock(mutex_);
  IW_TRY(Rule* const rule, find(input, "Rule"));
  Json failed = Json::array();
  for (const Json& id : input.at("Ids")) {
    if (rule->targets.erase(id.get<std::string>()) == 0)
      failed.push_back(
          {{"TargetId", id}, {"ErrorCode", "ResourceNotFoundException"}, {"ErrorMessage", "There is no such target."}});
  }
  return Json{{"FailedEntryCount", failed.size()}, {"FailedEntries", std::move(failed)}};
}

ApiAnswer EventBus::delete_rule(const Json& input) {
  const std::scoped_lock lock(mutex_);
  const auto found = rules_.find(text_or(input, "Name"));
  if (found == rules_.end()) return Json::object();  // as AWS: deleting twice is no error
  if (!found->second.targets.empty()) return invalid("Rule can't be deleted since it has targets.");
  rules_.erase(found);
  return Json::object();
}

ApiAnswer EventBus::describe_rule(const Json& input) {
  const std::scoped_lock lock(mutex_);
  IW_TRY(const Rule* const rule, find(input, "Name"));
  Json out{{"Name", rule->name},   {"Arn", rule->arn},          {"EventPattern", rule->pattern_text},
           {"State", rule->state}, {"EventBusName", "default"}, {"CreatedBy", account_id}};
  if (!rule->description.empty()) out["Description"] = rule->description;
  return out;
}

ApiAnswer EventBus::list_rules(const Json& input) {
  const std::scoped_lock lock(mutex_);
  std::vector<Json> items;
  for (const auto& [name, rule] : rules_) {
    if (!name.starts_with(text_or(input, "NamePrefix"))) continue;
    Json item{{"Name", name},
              {"Arn", rule.arn},
              {"EventPattern", rule.pattern_text},
              {"State", rule.state},
              {"EventBusName", "default"}};
    if (!rule.description.empty()) item["Description"] = rule.description;
    items.push_back(std::move(item));
  }
  IW_TRY(Page page, page_of(items, input, 100, "ValidationException"));
  Json out{{"Rules", std::move(page.items)}};
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

ApiAnswer EventBus::list_targets(const Json& input) {
  const std::scoped_lock lock(mutex_);
  IW_TRY(const Rule* const rule, find(input, "Rule"));
  std::vector<Json> items;
  items.reserve(rule->targets.size());
  for (const auto& [id, target] : rule->targets) items.push_back(target);
  IW_TRY(Page page, page_of(items, input, 100, "ValidationException"));
  Json out{{"Targets", std::move(page.items)}};
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

ApiAnswer EventBus::put_events(const Json& input) {
  Json entries = Json::array();
  std::size_t failed = 0;
  const auto refuse_entry = [&](const char* code, std::string message) {
    entries.push_back({{"ErrorCode", code}, {"ErrorMessage", std::move(message)}});
    ++failed;
  };
  for (const Json& entry : input.at("Entries")) {
    const char* missing = text_or(entry, "Source").empty()       ? "Source"
                          : text_or(entry, "DetailType").empty() ? "DetailType"
                          : text_or(entry, "Detail").empty()     ? "Detail"
                                                                 : nullptr;
    if (missing != nullptr) {
      refuse_entry("InvalidArgument",
                   fmt::format("Parameter {0} is not valid. Reason: {0} is a required argument.", missing));
      continue;
    }
    if (text_or(entry, "Source").starts_with("aws.")) {
      refuse_entry("NotAuthorizedForSourceException", "Not authorized for the source.");
      continue;
    }
    ApiAnswer detail = parse_json(text_or(entry, "Detail"));
    if (!detail || !detail->is_object()) {
      refuse_entry("MalformedDetail", "Detail is malformed.");
      continue;
    }
    Json event = envelope(text_or(entry, "Source"), text_or(entry, "DetailType"),
                          has(entry, "Resources") ? entry.at("Resources") : Json::array(), *std::move(detail));
    entries.push_back({{"EventId", event.at("id")}});
    post(std::move(event));
  }
  return Json{{"FailedEntryCount", failed}, {"Entries", std::move(entries)}};
}

ApiAnswer EventBus::test_pattern(const Json& input) {
  const ApiAnswer pattern = parse_json(text_or(input, "EventPattern"));
  if (!pattern)
    return refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: it is not a JSON document");
  IW_CHECK(check_event_pattern(*pattern));
  const ApiAnswer event = parse_json(text_or(input, "Event"));
  if (!event || !event->is_object()) return invalid("Parameter Event is not valid. Reason: it is not a JSON object.");
  return Json{{"Result", matches_event(*pattern, *event)}};
}

}  // namespace intelwall::lab
