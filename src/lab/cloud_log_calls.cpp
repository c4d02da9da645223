// The calls of CloudWatch Logs over its JSON protocol.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

#include "lab/cloud.hpp"
#include "lab/cloud_logs.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
constexpr std::size_t batch_bytes = 1'048'576, bytes_per_event = 26;
constexpr std::int64_t hour = 3'600'000, day = 24 * hour;
constexpr std::size_t groups_per_account = 10'000, streams_per_group = 10'000, subscriptions_per_group = 2;

std::unexpected<ApiError> invalid(std::string message) {
  return refuse("InvalidParameterException", std::move(message));
}
std::unexpected<ApiError> not_found(const char* what) {
  return refuse("ResourceNotFoundException", fmt::format("The specified {} does not exist.", what));
}

const Pattern group_pattern{"[\\.\\-_/#A-Za-z0-9]+", [](std::string_view text) {
                              return !text.empty() && std::ranges::all_of(text, [](char c) {
                                return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                       std::string_view(".-_/#").contains(c);
                              });
                            }};
const Pattern stream_pattern{"[^:*]*",
                             [](std::string_view text) { return text.find_first_of(":*") == std::string_view::npos; }};

std::string arn_of(const std::string& group) {
  return fmt::format("arn:aws:logs:{}:{}:log-group:{}", region, account_id, group);
}

/// The page of a list whose members say `limit` and `nextToken`.
ApiResult<Page> page(const std::vector<Json>& items, const Json& input, std::size_t otherwise) {
  Json form = Json::object();
  if (has(input, "limit")) form["MaxResults"] = input.at("limit");
  if (has(input, "nextToken")) form["NextToken"] = input.at("nextToken");
  return page_of(items, form, otherwise, "InvalidParameterException");
}

ApiAnswer list_answer(const char* name, const std::vector<Json>& items, const Json& input) {
  IW_TRY(Page found, page(items, input, 50));
  Json out{{name, std::move(found.items)}};
  if (found.next) out["nextToken"] = *found.next;
  return out;
}

}  // namespace

ApiAnswer LogStore::call(const std::string& operation, Json input) {
  using namespace shapes;  // NOLINT(google-build-using-namespace)
  struct Operation {
    ApiAnswer (LogStore::*run)(const Json&);
    ShapePtr input;
  };
  static const std::unordered_map<std::string, Operation> operations = [] {
    const ShapePtr group_name = text(1, 512, &group_pattern), stream_name = text(1, 512, &stream_pattern);
    const ShapePtr time = integer(0, unbounded);
    const Shape::Member group = required("logGroupName", group_name), stream = required("logStreamName", stream_name);
    const Shape::Member some_group = shapes::optional("logGroupName", group_name);
    const Shape::Member identifier = shapes::optional("logGroupIdentifier", text(1, 2048));
    const Shape::Member from = shapes::optional("startTime", time), until = shapes::optional("endTime", time);
    const Shape::Member next = shapes::optional("nextToken", text(1)),
                        limit = shapes::optional("limit", integer(1, 50));
    const Shape::Member many = shapes::optional("limit", integer(1, 10'000));
    const Shape::Member prefix = shapes::optional("logStreamNamePrefix", stream_name);
    const Shape::Member filter = required("filterName", stream_name);
    const ShapePtr event = structure({required("timestamp", time), required("message", text(1))});
    return std::unordered_map<std::string, Operation>{
        {"CreateLogGroup",
         {&LogStore::create_group, structure({group, shapes::optional("kmsKeyId", text(0, 256)),
                                              shapes::optional("tags", map(text(), text(), 50))})}},
        {"DeleteLogGroup", {&LogStore::delete_group, structure({group})}},
        {"DescribeLogGroups",
         {&LogStore::describe_groups, structure({shapes::optional("logGroupNamePrefix", group_name), next, limit})}},
        {"CreateLogStream", {&LogStore::create_stream, structure({group, stream})}},
        {"DescribeLogStreams",
         {&LogStore::describe_streams,
          structure({some_group, identifier, prefix, next, limit,
                     shapes::optional("orderBy", one_of({"LogStreamName", "LastEventTime"})),
                     shapes::optional("descending", boolean())})}},
        {"PutLogEvents",
         {&LogStore::put_events, structure({group, stream, required("logEvents", list(event, 1, 10'000))})}},
        {"GetLogEvents",
         {&LogStore::get_events, structure({some_group, identifier, stream, from, until, next, many,
                                            shapes::optional("startFromHead", boolean())})}},
        {"FilterLogEvents",
         {&LogStore::filter_events,
          structure({some_group, identifier, shapes::optional("logStreamNames", list(stream_name, 1, 100)), prefix,
                     from, until, next, many, shapes::optional("filterPattern", text(0, 1024))})}},
        {"PutRetentionPolicy", {&LogStore::put_retention, structure({group, required("retentionInDays", integer())})}},
        {"DeleteRetentionPolicy", {&LogStore::delete_retention, structure({group})}},
        {"PutSubscriptionFilter",
         {&LogStore::put_subscription,
          structure({group, filter, required("filterPattern", text(0, 1024)), required("destinationArn", text(1)),
                     shapes::optional("roleArn", text(1)),
                     shapes::optional("distribution", one_of({"Random", "ByLogStream"}))})}},
        {"DescribeSubscriptionFilters",
         {&LogStore::describe_subscriptions,
          structure({group, shapes::optional("filterNamePrefix", stream_name), next, limit})}},
        {"DeleteSubscriptionFilter", {&LogStore::delete_subscription, structure({group, filter})}},
    };
  }();
  const auto found = operations.find(operation);
  if (found == operations.end()) return no_operation(operation);
  if (const auto violation = find_violation(*found->second.input, input)) {
    ApiError error = to_api_error(*violation);
    if (error.name == "ValidationException") error.name = "InvalidParameterException";
    return std::unexpected(std::move(error));
  }
  prune(*found->second.input, input);
  const std::scoped_lock lock(mutex_);
  return (this->*found->second.run)(input);
}

ApiResult<LogStore::Group*> LogStore::find(const Json& input) {
  std::string name = text_or(input, "logGroupName");
  if (name.empty()) {  // an ARN or a name
    name = text_or(input, "logGroupIdentifier");
    if (name.empty()) return invalid("Exactly one of logGroupName and logGroupIdentifier must be given.");
    if (const std::string prefix = arn_of(""); name.starts_with(prefix)) name.erase(0, prefix.size());
    if (name.ends_with(":*")) name.resize(name.size() - 2);
  }
  const auto found = groups_.find(name);
  if (found == groups_.end()) return not_found("log group");
  forget_old(found->second);
  return &found->second;
}

ApiResult<LogStore::Stream*> LogStore::find_stream(Group& group, const Json& input) {
  const auto found = group.streams.find(text_or(input, "logStreamName"));
  if (found == group.streams.end()) return not_found("log stream");
  return &found->second;
}

ApiAnswer LogStore::create_group(const Json& input) {
  const std::string name = text_or(input, "logGroupName");
  if (groups_.contains(name)) return refuse("ResourceAlreadyExistsException", "The specified log group already exists");
  if (groups_.size() >= groups_per_account) return refuse("LimitExceededException", "Resource limit exceeded.");
  Group& group = groups_[name];
  group.created = now();
  group.key_id = text_or(input, "kmsKeyId");
  return Json::object();
}

ApiAnswer LogStore::delete_group(const Json& input) {
  if (groups_.erase(text_or(input, "logGroupName")) == 0) return not_found("log group");
  return Json::object();
}

ApiAnswer LogStore::describe_groups(const Json& input) {
  std::vector<Json> items;
  for (auto& [name, group] : groups_) {
    if (!name.starts_with(text_or(input, "logGroupNamePrefix"))) continue;
    forget_old(group);
    std::size_t bytes = 0;
    for (const auto& [stream_name, stream] : group.streams) {
      for (const Kept& event : stream.events) bytes += event.message.size() + bytes_per_event;
    }
    Json item{{"logGroupName", name},       {"creationTime", group.created}, {"metricFilterCount", 0},
              {"arn", arn_of(name) + ":*"}, {"logGroupArn", arn_of(name)},   {"logGroupClass", "STANDARD"},
              {"storedBytes", bytes}};
    if (group.retention_days) item["retentionInDays"] = *group.retention_days;
    if (!group.key_id.empty()) item["kmsKeyId"] = group.key_id;
    items.push_back(std::move(item));
  }
  return list_answer("logGroups", items, input);
}

ApiAnswer LogStore::create_stream(const Json& input) {
  IW_TRY(Group* const group, find(input));
  const std::string name = text_or(input, "logStreamName");
  if (group->streams.contains(name))
    return refuse("ResourceAlreadyExistsException", "The specified log stream already exists");
  if (group->streams.size() >= streams_per_group)
    return refuse("ServiceUnavailableException", "The lab keeps no more streams in a group.");
  group->streams[name].created = now();
  return Json::object();
}

ApiAnswer LogStore::describe_streams(const Json& input) {
  IW_TRY(const Group* const group, find(input));
  const bool by_time = text_or(input, "orderBy") == "LastEventTime";
  const std::string prefix = text_or(input, "logStreamNamePrefix");
  if (by_time && !prefix.empty()) return invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
  std::string group_name = text_or(input, "logGroupName");
  for (const auto& [name, each] : groups_) {
    if (&each == group) group_name = name;
  }
  std::vector<Json> items;
  for (const auto& [name, stream] : group->streams) {
    if (!name.starts_with(prefix)) continue;
    Json item{{"logStreamName", name},
              {"creationTime", stream.created},
              {"arn", arn_of(group_name) + ":log-stream:" + name},
              {"storedBytes", 0}};  // as AWS has it since 2019
    if (!stream.events.empty()) {
      item["firstEventTimestamp"] = stream.events.front().timestamp;
      item["lastEventTimestamp"] = stream.events.back().timestamp;
      item["lastIngestionTime"] = std::ranges::max(stream.events, {}, &Kept::ingested).ingested;
    }
    items.push_back(std::move(item));
  }
  if (by_time)
    std::ranges::stable_sort(items, {}, [](const Json& item) { return integer_or(item, "lastEventTimestamp", 0); });
  if (is_true(input, "descending")) std::ranges::reverse(items);
  return list_answer("logStreams", items, input);
}

ApiResult<LogStore::Window> LogStore::check_batch(const Group& group, const Json& events) const {
  std::size_t bytes = 0;
  std::int64_t last = 0;
  for (const Json& event : events) {
    const std::int64_t timestamp = integer_or(event, "timestamp", 0);
    if (timestamp < last) return invalid("Log events in a single PutLogEvents request must be in chronological order.");
    last = timestamp;
    bytes += text_or(event, "message").size() + bytes_per_event;
  }
  if (bytes > batch_bytes)
    return invalid(fmt::format("Upload too large: {} bytes exceeds limit of {}", bytes, batch_bytes));
  if (last - integer_or(events.front(), "timestamp", 0) > day)
    return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  Window window;
  for (const Json& event : events) {
    const std::int64_t age = now() - integer_or(event, "timestamp", 0);
    if (age > 14 * day) {
      ++window.too_old;
    } else if (group.retention_days && age > *group.retention_days * day) {
      ++window.expired;
    } else if (age < -2 * hour) {
      ++window.too_new;
    }
  }
  return window;
}

ApiAnswer LogStore::put_events(const Json& input) {
  IW_TRY(Group* const group, find(input));
  IW_TRY(Stream* const stream, find_stream(*group, input));
  const Json& events = input.at("logEvents");
  IW_TRY(const Window window, check_batch(*group, events));
  std::vector<Event> taken;
  for (std::size_t i = window.too_old + window.expired; i + window.too_new < events.size(); ++i)
    taken.push_back({integer_or(events[i], "timestamp", 0), text_or(events[i], "message")});
  keep(text_or(input, "logGroupName"), *group, text_or(input, "logStreamName"), *stream, std::move(taken));
  Json out{{"nextSequenceToken", fmt::format("{:056}", last_id_ + 1)}};  // needed by nobody, and still sent
  Json refused = Json::object();
  if (window.too_old > 0) refused["tooOldLogEventEndIndex"] = window.too_old;
  if (window.expired > 0) refused["expiredLogEventEndIndex"] = window.too_old + window.expired;
  if (window.too_new > 0) refused["tooNewLogEventStartIndex"] = events.size() - window.too_new;
  if (!refused.empty()) out["rejectedLogEventsInfo"] = std::move(refused);
  return out;
}

ApiAnswer LogStore::get_events(const Json& input) {
  IW_TRY(Group* const group, find(input));
  IW_TRY(const Stream* const stream, find_stream(*group, input));
  std::vector<const Kept*> all;
  const std::int64_t from = integer_or(input, "startTime", 0), until = integer_or(input, "endTime", INT64_MAX);
  for (const Kept& event : stream->events) {
    if (event.timestamp >= from && event.timestamp < until) all.push_back(&event);
  }
  // Tokens are "f/N" and "b/N": what follows the first N events, and what stands before the one after them.
  const std::size_t limit = static_cast<std::size_t>(integer_or(input, "limit", 10'000));
  const std::string token = text_or(input, "nextToken");
  bool forward = is_true(input, "startFromHead");
  std::size_t at = forward ? 0 : all.size();
  if (!token.empty()) {
    forward = token.starts_with("f/");
    const char* const end = token.data() + token.size();
    if (token.size() < 3 || (!forward && !token.starts_with("b/")) ||
        std::from_chars(token.data() + 2, end, at).ptr != end)
      return invalid("The specified nextToken is invalid.");
    at = std::min(at, all.size());
  }
  const std::size_t begin = forward ? at : at - std::min(at, limit);
  const std::size_t end = forward ? std::min(all.size(), at + limit) : at;
  Json events = Json::array();
  for (std::size_t i = begin; i < end; ++i)
    events.push_back(
        {{"timestamp", all[i]->timestamp}, {"message", all[i]->message}, {"ingestionTime", all[i]->ingested}});
  return Json{{"events", std::move(events)},
              {"nextForwardToken", fmt::format("f/{}", end)},
              {"nextBackwardToken", fmt::format("b/{}", begin)}};
}

ApiAnswer LogStore::filter_events(const Json& input) {
  IW_TRY(const Group* const group, find(input));
  if (has(input, "logStreamNames") && has(input, "logStreamNamePrefix"))
    return invalid("logStreamNames and logStreamNamePrefix can not both be given.");
  IW_TRY(const std::vector<Found> found, select(*group, input));
  std::vector<Json> items;
  items.reserve(found.size());
  for (const auto& [stream, event] : found)
    items.push_back({{"logStreamName", *stream},
                     {"timestamp", event->timestamp},
                     {"message", event->message},
                     {"ingestionTime", event->ingested},
                     {"eventId", fmt::format("{:056}", event->id)}});
  IW_TRY(Page events, page(items, input, 10'000));
  Json out{{"events", std::move(events.items)}, {"searchedLogStreams", Json::array()}};
  if (events.next) out["nextToken"] = *events.next;
  return out;
}

ApiAnswer LogStore::put_retention(const Json& input) {
  static constexpr std::array allowed{1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                                      365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};
  IW_TRY(Group* const group, find(input));
  const std::int64_t days = integer_or(input, "retentionInDays", 0);
  if (std::ranges::find(allowed, days) == allowed.end())
    return invalid(
        fmt::format("1 validation error detected: Value '{}' at 'retentionInDays' failed to satisfy "
                    "constraint: Member must satisfy enum value set: [{}]",
                    days, fmt::join(allowed, ", ")));
  group->retention_days = days;
  return Json::object();
}

ApiAnswer LogStore::delete_retention(const Json& input) {
  IW_TRY(Group* const group, find(input));
  group->retention_days.reset();
  return Json::object();
}

ApiAnswer LogStore::put_subscription(const Json& input) {
  IW_TRY(Group* const group, find(input));
  const std::string name = text_or(input, "filterName"), destination = text_or(input, "destinationArn");
  const std::string function = function_name(destination);
  if (function.empty()) return invalid("destinationArn: the lab delivers to Lambda functions only.");
  IW_TRY(LogPattern pattern, LogPattern::parse(text_or(input, "filterPattern")));
  if (!group->subscriptions.contains(name) && group->subscriptions.size() >= subscriptions_per_group)
    return refuse("LimitExceededException", "Resource limit exceeded.");
  group->subscriptions[name] = {text_or(input, "filterPattern"), destination, function, std::move(pattern), now()};
  return Json::object();
}

ApiAnswer LogStore::describe_subscriptions(const Json& input) {
  IW_TRY(const Group* const group, find(input));
  std::vector<Json> items;
  for (const auto& [name, subscription] : group->subscriptions) {
    if (name.starts_with(text_or(input, "filterNamePrefix")))
      items.push_back({{"filterName", name},
                       {"logGroupName", text_or(input, "logGroupName")},
                       {"filterPattern", subscription.pattern_text},
                       {"destinationArn", subscription.destination},
                       {"distribution", "ByLogStream"},
                       {"creationTime", subscription.created}});
  }
  return list_answer("subscriptionFilters", items, input);
}

ApiAnswer LogStore::delete_subscription(const Json& input) {
  IW_TRY(Group* const group, find(input));
  if (group->subscriptions.erase(text_or(input, "filterName")) == 0) return not_found("subscription filter");
  return Json::object();
}

}  // namespace intelwall::lab
