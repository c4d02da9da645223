// The calls of SQS over its JSON protocol.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include "lab/cloud.hpp"
#include "lab/cloud_queue_rules.hpp"
#include "lab/cloud_queues.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

constexpr std::int64_t batch_bytes = 1'048'576;
constexpr const char* sender_id = "AIDALABLABLABLABLAB1";

const std::unordered_map<std::string, ShapePtr>& inputs() {
  using namespace shapes;  // NOLINT(google-build-using-namespace)
  static const std::unordered_map<std::string, ShapePtr> all = [] {
    const Shape::Member url = required("QueueUrl", text(1));
    const Shape::Member receipt = required("ReceiptHandle", text(1));
    const Shape::Member id = required("Id", text(1, 80));
    const Shape::Member hidden = required("VisibilityTimeout", integer(0, 43'200));
    const ShapePtr attribute = structure({required("DataType", text(1, 256)), shapes::optional("StringValue", text()),
                                          shapes::optional("BinaryValue", text())});
    const Shape::Member body = required("MessageBody", text(1));
    const Shape::Member delay = shapes::optional("DelaySeconds", integer(0, 900));
    const Shape::Member attributes = shapes::optional("MessageAttributes", map(text(), attribute));
    const auto batch = [&](std::vector<Shape::Member> entry) {
      return structure({url, required("Entries", list(structure(std::move(entry))))});
    };
    const ShapePtr names = list(text(1, 256));
    return std::unordered_map<std::string, ShapePtr>{
        {"CreateQueue", structure({required("QueueName", text(1)), shapes::optional("Attributes", map(text(), text())),
                                   shapes::optional("tags", map(text(), text()))})},
        {"GetQueueUrl",
         structure({required("QueueName", text(1)), shapes::optional("QueueOwnerAWSAccountId", text())})},
        {"ListQueues", structure({shapes::optional("QueueNamePrefix", text()), shapes::optional("NextToken", text(1)),
                                  shapes::optional("MaxResults", integer(1, 1000))})},
        {"DeleteQueue", structure({url})},
        {"PurgeQueue", structure({url})},
        {"GetQueueAttributes", structure({url, shapes::optional("AttributeNames", names)})},
        {"SetQueueAttributes", structure({url, required("Attributes", map(text(), text()))})},
        {"SendMessage", structure({url, body, delay, attributes})},
        {"SendMessageBatch", batch({id, body, delay, attributes})},
        {"ReceiveMessage",
         structure(
             {url, shapes::optional("AttributeNames", names), shapes::optional("MessageSystemAttributeNames", names),
              shapes::optional("MessageAttributeNames", names), shapes::optional("MaxNumberOfMessages", integer(1, 10)),
              shapes::optional("VisibilityTimeout", integer(0, 43'200)),
              shapes::optional("WaitTimeSeconds", integer(0, 20))})},
        {"DeleteMessage", structure({url, receipt})},
        {"DeleteMessageBatch", batch({id, receipt})},
        {"ChangeMessageVisibility", structure({url, receipt, hidden})},
        {"ChangeMessageVisibilityBatch", batch({id, receipt, hidden})},
    };
  }();
  return all;
}

/// Whether a list of wanted names ("All", "name", "prefix.*") has this one.
bool is_wanted(const Json& names, const std::string& name) {
  return std::ranges::any_of(names, [&name](const Json& each) {
    const std::string wanted = each.get<std::string>();
    return wanted == "All" || wanted == name ||
           (wanted.ends_with(".*") && name.starts_with(std::string_view(wanted).substr(0, wanted.size() - 2)));
  });
}

Json system_attributes(const QueueMessage& message, const Json& input) {
  Json all{{"SenderId", sender_id},
           {"SentTimestamp", std::to_string(message.sent)},
           {"ApproximateReceiveCount", std::to_string(message.receive_count)},
           {"ApproximateFirstReceiveTimestamp", std::to_string(message.first_received)}};
  if (!message.source_arn.empty()) all["DeadLetterQueueSourceArn"] = message.source_arn;
  Json wanted = Json::object();
  for (const auto& [name, value] : all.items()) {
    if (is_wanted(child(input, "AttributeNames"), name) || is_wanted(child(input, "MessageSystemAttributeNames"), name))
      wanted[name] = value;
  }
  return wanted;
}

Json message_answer(const QueueMessage& message, const Json& input) {
  Json out{{"MessageId", message.id},
           {"ReceiptHandle", message.receipt},
           {"Body", message.body},
           {"MD5OfBody", hex_md5(message.body)}};
  if (Json attributes = system_attributes(message, input); !attributes.empty())
    out["Attributes"] = std::move(attributes);
  Json own = Json::object();
  for (const auto& [name, attribute] : message.attributes.items()) {
    if (is_wanted(child(input, "MessageAttributeNames"), name)) own[name] = attribute;
  }
  if (own.empty()) return out;
  out["MD5OfMessageAttributes"] = md5_of_attributes(own);
  out["MessageAttributes"] = std::move(own);
  return out;
}

bool is_entry_id(std::string_view id) {
  return check_queue_name(std::string(id)).has_value();  // the same characters and length
}

/// A batch is refused as a whole for these.
ApiResult<void> check_batch(const Json& entries) {
  if (entries.empty()) return refuse("EmptyBatchRequest", "There should be at least one entry in the request.");
  if (entries.size() > 10)
    return refuse("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.");
  std::set<std::string> ids;
  std::int64_t bytes = 0;
  for (const Json& entry : entries) {
    const std::string id = text_or(entry, "Id");
    if (!is_entry_id(id))
      return refuse("InvalidBatchEntryId",
                    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
                    "most 80 letters long.");
    if (!ids.insert(id).second) return refuse("BatchEntryIdsNotDistinct", fmt::format("Id {} repeated.", id));
    bytes += static_cast<std::int64_t>(text_or(entry, "MessageBody").size());
  }
  if (bytes > batch_bytes)
    return refuse(
        "BatchRequestTooLong",
        fmt::format("Batch requests cannot be longer than {} bytes. You have sent {} bytes.", batch_bytes, bytes));
  return {};
}

}  // namespace

std::string QueueService::query_error(const std::string& name) {
  // Those that have another name there; from the error codes of the query API's model.
  static constexpr std::array prefixed{
      "BatchEntryIdsNotDistinct", "BatchRequestTooLong",  "EmptyBatchRequest",
      "InvalidBatchEntryId",      "MessageNotInflight",   "PurgeQueueInProgress",
      "QueueDeletedRecently",     "UnsupportedOperation", "TooManyEntriesInBatchRequest"};
  std::string code = name;
  if (name == "QueueDoesNotExist") code = "AWS.SimpleQueueService.NonExistentQueue";
  if (name == "QueueNameExists") code = "QueueAlreadyExists";
  if (name == "InvalidParameterValueException") code = "InvalidParameterValue";
  if (name == "MissingRequiredParameterException") code = "MissingParameter";
  if (std::ranges::find(prefixed, name) != prefixed.end()) code = "AWS.SimpleQueueService." + name;
  return code + ";Sender";
}

ApiAnswer QueueService::call(const std::string& operation, Json input, const std::string& host) {
  const auto shape = inputs().find(operation);
  if (shape == inputs().end()) return no_operation(operation);
  if (const auto violation = find_violation(*shape->second, input)) {
    ApiError error = to_api_error(*violation);
    if (error.name == "ValidationException")
      error.name = violation->kind == Violation::Kind::missing ? "MissingRequiredParameterException"
                                                               : "InvalidParameterValueException";
    return std::unexpected(std::move(error));
  }
  prune(*shape->second, input);
  if (operation == "CreateQueue") return create_queue(input, host);
  if (operation == "ReceiveMessage") return receive_message(input);
  const std::scoped_lock lock(mutex_);
  if (operation == "ListQueues") return list_queues(input, host);
  if (operation == "GetQueueUrl") {
    IW_TRY(const Queue* const queue, find(text_or(input, "QueueName")));
    return Json{{"QueueUrl", url_of(queue->name, host)}};
  }
  IW_TRY(Queue* const queue, find_url(input));
  return operation.ends_with("Batch") ? run_batch(operation, *queue, input) : run(operation, *queue, input);
}

ApiAnswer QueueService::create_queue(const Json& input, const std::string& host) {
  const std::string name = text_or(input, "QueueName");
  IW_CHECK(create(name, child(input, "Attributes")));
  return Json{{"QueueUrl", url_of(name, host)}};
}

ApiAnswer QueueService::list_queues(const Json& input, const std::string& host) {
  std::vector<Json> urls;
  for (const auto& [name, queue] : queues_) {
    if (name.starts_with(text_or(input, "QueueNamePrefix"))) urls.push_back(url_of(name, host));
  }
  IW_TRY(Page page, page_of(urls, input, 1000, "InvalidParameterValueException"));
  Json out{{"QueueUrls", std::move(page.items)}};
  if (page.next && has(input, "MaxResults")) out["NextToken"] = *page.next;
  return out;
}

ApiAnswer QueueService::receive_message(const Json& input) {
  std::string name;
  {
    const std::scoped_lock lock(mutex_);
    IW_TRY(const Queue* const queue, find_url(input));
    name = queue->name;
  }
  Taking taking;
  taking.most = static_cast<std::size_t>(integer_or(input, "MaxNumberOfMessages", 1));
  if (has(input, "VisibilityTimeout")) taking.visibility = integer_or(input, "VisibilityTimeout", 0);
  if (has(input, "WaitTimeSeconds")) taking.wait = std::chrono::seconds(integer_or(input, "WaitTimeSeconds", 0));
  IW_TRY(const auto messages, wait_and_take(name, taking));
  if (messages.empty()) return Json::object();  // as SQS: no member at all
  Json out = Json::array();
  for (const QueueMessage& message : messages) out.push_back(message_answer(message, input));
  return Json{{"Messages", std::move(out)}};
}

ApiAnswer QueueService::send_message(Queue& queue, const Json& entry) {
  const std::string body = text_or(entry, "MessageBody");
  const Json& attributes = child(entry, "MessageAttributes");
  IW_TRY(std::string id, put(queue, body, attributes, integer_or(entry, "DelaySeconds", queue.number("DelaySeconds"))));
  Json out{{"MessageId", std::move(id)}, {"MD5OfMessageBody", hex_md5(body)}};
  if (!attributes.empty()) out["MD5OfMessageAttributes"] = md5_of_attributes(attributes);
  return out;
}

Json QueueService::describe(const Queue& queue) const {
  Json all = Json::object();
  for (const char* name : {"VisibilityTimeout", "DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod",
                           "ReceiveMessageWaitTimeSeconds"})
    all[name] = queue_default(name);
  if (!queue.attributes.contains("KmsMasterKeyId")) all["SqsManagedSseEnabled"] = queue_default("SqsManagedSseEnabled");
  for (const auto& [name, value] : queue.attributes) {
    if (!value.empty()) all[name] = value;
  }
  const Counts counts = count(queue);
  all["ApproximateNumberOfMessages"] = std::to_string(counts.visible);
  all["ApproximateNumberOfMessagesNotVisible"] = std::to_string(counts.in_flight);
  all["ApproximateNumberOfMessagesDelayed"] = std::to_string(counts.delayed);
  all["CreatedTimestamp"] = std::to_string(queue.created.time_since_epoch().count());
  all["LastModifiedTimestamp"] = std::to_string(queue.modified.time_since_epoch().count());
  all["QueueArn"] = arn_of(queue.name);
  return all;
}

ApiAnswer QueueService::get_attributes(const Queue& queue, const Json& input) const {
  const Json all = describe(queue);
  Json wanted = Json::object();
  for (const auto& [name, value] : all.items()) {
    if (is_wanted(child(input, "AttributeNames"), name)) wanted[name] = value;
  }
  for (const Json& name : child(input, "AttributeNames")) {
    const std::string text = name.get<std::string>();
    if (text != "All" && !all.contains(text) && !is_queue_attribute(text))
      return refuse("InvalidAttributeName", fmt::format("Unknown Attribute {}.", printable(text, 64)));
  }
  if (wanted.empty()) return Json::object();
  return Json{{"Attributes", std::move(wanted)}};
}

ApiAnswer QueueService::set_attributes(Queue& queue, const Json& input) {
  IW_TRY(const auto checked, check_queue_attributes(input.at("Attributes")));
  std::map<std::string, std::string> next = queue.attributes;
  for (const auto& [name, value] : checked) next[name] = value;
  IW_TRY(auto redrive, redrive_of(next));
  queue.attributes = std::move(next);
  queue.redrive = std::move(redrive);
  queue.modified = clock_();
  return Json::object();
}

ApiAnswer QueueService::run(const std::string& operation, Queue& queue, const Json& input) {
  if (operation == "SendMessage") return send_message(queue, input);
  if (operation == "GetQueueAttributes") return get_attributes(queue, input);
  if (operation == "SetQueueAttributes") return set_attributes(queue, input);
  if (operation == "DeleteMessage") {
    IW_CHECK(erase(queue, text_or(input, "ReceiptHandle")));
  } else if (operation == "ChangeMessageVisibility") {
    IW_CHECK(change_visibility(queue, text_or(input, "ReceiptHandle"), integer_or(input, "VisibilityTimeout", 0)));
  } else if (operation == "PurgeQueue") {
    queue.messages.clear();
  } else if (operation == "DeleteQueue") {
    queues_.erase(std::string(queue.name));
    changed_.notify_all();
  }
  return Json::object();
}

ApiAnswer QueueService::run_batch(const std::string& operation, Queue& queue, const Json& input) {
  IW_CHECK(check_batch(input.at("Entries")));
  const std::string single = operation.substr(0, operation.size() - std::string_view("Batch").size());
  Json done = Json::array(), failed = Json::array();
  for (const Json& entry : input.at("Entries")) {
    ApiAnswer answer = run(single, queue, entry);
    if (!answer) {
      const std::string code = query_error(answer.error().name);
      failed.push_back({{"Id", entry.at("Id")},
                        {"Code", code.substr(0, code.find(';'))},
                        {"Message", answer.error().message},
                        {"SenderFault", true}});
      continue;
    }
    (*answer)["Id"] = entry.at("Id");
    done.push_back(*std::move(answer));
  }
  return Json{{"Successful", std::move(done)}, {"Failed", std::move(failed)}};
}

}  // namespace intelwall::lab
