#include "lab/cloud_queues.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lab/cloud.hpp"
#include "lab/cloud_queue_rules.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t queues_per_account = 1'000;
constexpr std::size_t messages_per_queue = 120'000;
/// A wait looks again this often for messages whose time-out is over.
constexpr std::chrono::milliseconds look_again{50};

std::unexpected<ApiError> no_queue() {
  return refuse("QueueDoesNotExist", "The specified queue does not exist.");
}

std::string arn_prefix() {
  return fmt::format("arn:aws:sqs:{}:{}:", region, account_id);
}

/// Empty where it is no ARN of a queue of this account.
std::string name_in(const std::string& arn) {
  const std::string prefix = arn_prefix();
  return arn.starts_with(prefix) ? arn.substr(prefix.size()) : std::string();
}

std::int64_t milliseconds(Time time) {
  return time.time_since_epoch().count() * 1000;
}

/// A receipt is "message#reception".
std::string receipt_of(const QueueMessage& message) {
  return fmt::format("{}#{}", message.id, message.receive_count);
}

}  // namespace

QueueService::QueueService(Clock clock, std::function<Steady()> steady)
    : clock_(std::move(clock)), steady_(std::move(steady)) {}

std::string QueueService::arn_of(const std::string& name) {
  return arn_prefix() + name;
}

std::string QueueService::url_of(const std::string& name, const std::string& host) {
  return fmt::format("http://{}/{}/{}", host, account_id, name);
}

std::int64_t QueueService::Queue::number(const char* attribute) const {
  std::string text = queue_default(attribute);
  if (const auto found = attributes.find(attribute); found != attributes.end()) text = found->second;
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);  // was checked when it was set
  return value;
}

ApiResult<QueueService::Queue*> QueueService::find(const std::string& name) {
  const auto found = queues_.find(name);
  if (found == queues_.end()) return no_queue();
  return &found->second;
}

ApiResult<QueueService::Queue*> QueueService::find_url(const Json& input) {
  const std::string url = text_or(input, "QueueUrl");
  const std::size_t slash = url.rfind('/');
  if (slash == std::string::npos || !url.substr(0, slash).ends_with(account_id)) return no_queue();
  return find(url.substr(slash + 1));
}

ApiResult<std::optional<QueueService::Redrive>> QueueService::redrive_of(
    const std::map<std::string, std::string>& attributes) {
  const auto found = attributes.find("RedrivePolicy");
  if (found == attributes.end() || found->second.empty()) return std::nullopt;
  const auto bad = [](const char* reason) {
    return refuse("InvalidAttributeValue",
                  fmt::format("Value for parameter RedrivePolicy is invalid. Reason: {}", reason));
  };
  const ApiAnswer policy = parse_json(found->second);
  if (!policy || !policy->is_object()) return bad("Redrive policy is not a valid JSON map.");
  Redrive redrive{text_or(*policy, "deadLetterTargetArn"), 0};
  if (name_in(redrive.target_arn).empty()) return bad("Invalid value for deadLetterTargetArn.");
  // SDKs write the number as text too.
  const Json count = policy->value("maxReceiveCount", Json());
  if (count.is_number_integer()) redrive.receives = count.get<std::int64_t>();
  if (count.is_string()) {
    const auto& text = count.get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), redrive.receives);
  }
  if (redrive.receives < 1 || redrive.receives > 1000) return bad("maxReceiveCount must be between 1 and 1000.");
  return redrive;
}

ApiResult<std::string> QueueService::create(const std::string& name, const Json& attributes) {
  IW_CHECK(check_queue_name(name));
  IW_TRY(auto checked, check_queue_attributes(attributes));
  IW_TRY(auto redrive, redrive_of(checked));
  const std::scoped_lock lock(mutex_);
  if (const auto found = queues_.find(name); found != queues_.end()) {
    for (const auto& [key, value] : checked) {
      const auto there = found->second.attributes.find(key);
      if (value != (there == found->second.attributes.end() ? queue_default(key) : there->second))
        return refuse(
            "QueueNameExists",
            fmt::format("A queue already exists with the same name and a different value for attribute {}", key));
    }
    return arn_of(name);
  }
  if (queues_.size() >= queues_per_account) return refuse("OverLimit", "The lab has its limit of queues.");
  if (redrive && !queues_.contains(name_in(redrive->target_arn)))
    return refuse("InvalidAttributeValue",
                  "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.");
  Queue& queue = queues_[name];
  queue.name = name;
  queue.attributes = std::move(checked);
  queue.redrive = std::move(redrive);
  queue.created = queue.modified = clock_();
  return arn_of(name);
}

ApiResult<std::string> QueueService::put(Queue& queue, std::string body, Json attributes, std::int64_t delay) {
  IW_CHECK(check_message(body, attributes, queue.number("MaximumMessageSize")));
  if (queue.messages.size() >= messages_per_queue) forget_old(queue);
  if (queue.messages.size() >= messages_per_queue)
    return refuse("OverLimit", "The lab keeps no more messages in a queue.");
  Message message;
  message.content.id = random_uuid();
  message.content.body = std::move(body);
  message.content.attributes = std::move(attributes);
  message.content.sent = milliseconds(clock_());
  message.visible_at = steady_() + std::chrono::seconds(delay);
  queue.messages.push_back(std::move(message));
  changed_.notify_all();
  return queue.messages.back().content.id;
}

ApiResult<std::string> QueueService::send(const std::string& arn, std::string body, Json attributes) {
  const std::scoped_lock lock(mutex_);
  IW_TRY(Queue* const queue, find(name_in(arn)));
  return put(*queue, std::move(body), std::move(attributes), queue->number("DelaySeconds"));
}

void QueueService::forget_old(Queue& queue) const {
  const std::int64_t oldest = milliseconds(clock_()) - queue.number("MessageRetentionPeriod") * 1000;
  std::erase_if(queue.messages, [oldest](const Message& message) { return message.content.sent < oldest; });
}

std::vector<QueueMessage> QueueService::take(Queue& queue, const Taking& taking) {
  forget_old(queue);
  const Steady now = steady_();
  const auto hidden = std::chrono::seconds(taking.visibility.value_or(queue.number("VisibilityTimeout")));
  const auto dead = queue.redrive ? queues_.find(name_in(queue.redrive->target_arn)) : queues_.end();
  std::vector<QueueMessage> taken;
  for (auto at = queue.messages.begin(); at != queue.messages.end() && taken.size() < taking.most;) {
    const auto message = at++;
    if (message->visible_at > now) continue;
    if (dead != queues_.end() && &dead->second != &queue && message->content.receive_count >= queue.redrive->receives) {
      message->in_flight = false;
      message->content.source_arn = arn_of(queue.name);
      dead->second.messages.splice(dead->second.messages.end(), queue.messages, message);
      changed_.notify_all();
      continue;
    }
    QueueMessage& content = message->content;
    if (++content.receive_count == 1) content.first_received = milliseconds(clock_());
    content.receipt = receipt_of(content);
    message->in_flight = true;
    message->visible_at = now + hidden;
    taken.push_back(content);
  }
  return taken;
}

ApiResult<std::vector<QueueMessage>> QueueService::wait_and_take(const std::string& name, const Taking& taking) {
  std::unique_lock lock(mutex_);
  std::optional<std::chrono::steady_clock::time_point> end;  // real time also where `steady_` is a test's
  while (true) {
    // Looked up anew after each wait: somebody may have deleted it.
    IW_TRY(Queue* const queue, find(name));
    if (!end)
      end = std::chrono::steady_clock::now() +
            taking.wait.value_or(std::chrono::seconds(queue->number("ReceiveMessageWaitTimeSeconds")));
    if (stopped_) return std::vector<QueueMessage>{};
    auto taken = take(*queue, taking);
    const auto now = std::chrono::steady_clock::now();
    if (!taken.empty() || now >= *end) return taken;
    changed_.wait_until(lock, std::min(*end, now + look_again));
  }
}

ApiResult<std::vector<QueueMessage>> QueueService::receive(const std::string& arn, std::size_t most,
                                                           std::chrono::milliseconds wait) {
  return wait_and_take(name_in(arn), {most, std::nullopt, wait});
}

ApiResult<void> QueueService::erase(Queue& queue, const std::string& receipt) {
  if (!is_receipt(receipt))
    return refuse("ReceiptHandleIsInvalid", "The input receipt handle is not a valid receipt handle.");
  std::erase_if(queue.messages, [&](const Message& message) { return message.content.receipt == receipt; });
  return {};
}

ApiResult<void> QueueService::change_visibility(Queue& queue, const std::string& receipt, std::int64_t seconds) {
  if (!is_receipt(receipt))
    return refuse("ReceiptHandleIsInvalid", "The input receipt handle is not a valid receipt handle.");
  const Steady now = steady_();
  for (Message& message : queue.messages) {
    if (message.content.receipt != receipt) continue;
    if (!message.in_flight || message.visible_at <= now) break;
    message.visible_at = now + std::chrono::seconds(seconds);
    message.in_flight = seconds > 0;
    changed_.notify_all();
    return {};
  }
  return refuse("MessageNotInflight", "The specified message isn't in flight.");
}

ApiResult<void> QueueService::remove(const std::string& arn, const std::string& receipt) {
  const std::scoped_lock lock(mutex_);
  IW_TRY(Queue* const queue, find(name_in(arn)));
  return erase(*queue, receipt);
}

ApiResult<void> QueueService::give_back(const std::string& arn, const std::string& receipt) {
  const std::scoped_lock lock(mutex_);
  IW_TRY(Queue* const queue, find(name_in(arn)));
  return change_visibility(*queue, receipt, 0);
}

QueueService::Counts QueueService::count(const Queue& queue) const {
  const Steady now = steady_();
  Counts counts;
  for (const Message& message : queue.messages)
    ++(message.visible_at <= now ? counts.visible : message.in_flight ? counts.in_flight : counts.delayed);
  return counts;
}

ApiResult<QueueService::Counts> QueueService::counts(const std::string& arn) const {
  const std::scoped_lock lock(mutex_);
  const auto found = queues_.find(name_in(arn));
  if (found == queues_.end()) return no_queue();
  return count(found->second);
}

void QueueService::delete_queue(const std::string& arn) {
  const std::scoped_lock lock(mutex_);
  queues_.erase(name_in(arn));
  changed_.notify_all();
}

void QueueService::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace intelwall::lab
