#include "lab/stack_queue_source.hpp"

#include <algorithm>
#include <utility>

#include "aws/json_text.hpp"
#include "lab/cloud.hpp"

namespace intelwall::lab {
namespace {

constexpr std::chrono::milliseconds longest_wait{250};  // the end waits for it
/// What failed comes again after this, and not after the queue's VisibilityTimeout, which is made for AWS.
constexpr std::chrono::milliseconds back_off{200};

}  // namespace

Json queue_event(const std::string& queue_arn, const std::vector<QueueMessage>& messages) {
  Json records = Json::array();
  for (const auto& message : messages) {
    records.push_back({{"messageId", message.id},
                       {"receiptHandle", message.receipt},
                       {"body", message.body},
                       {"attributes",
                        {{"ApproximateReceiveCount", std::to_string(message.receive_count)},
                         {"SentTimestamp", std::to_string(message.sent)},
                         {"SenderId", account_id},
                         {"ApproximateFirstReceiveTimestamp", std::to_string(message.first_received)}}},
                       {"messageAttributes", Json::object()},
                       {"eventSource", "aws:sqs"},
                       {"eventSourceARN", queue_arn},
                       {"awsRegion", region}});
  }
  return {{"Records", std::move(records)}};
}

std::vector<bool> failed_messages(const std::vector<QueueMessage>& messages, const Result<std::string>& answer,
                                  QueueSource::Reports reports) {
  std::vector<bool> all(messages.size(), true);
  std::vector<bool> failed(messages.size(), false);
  if (!answer) return all;
  if (reports == QueueSource::Reports::whole_batch) return failed;
  const auto json = aws::parse_json(*answer);
  if (!json) return all;
  const Json& items = aws::member(*json, "batchItemFailures");
  if (items.is_null()) return failed;
  if (!items.is_array()) return all;
  for (const auto& item : items) {
    const auto found = std::ranges::find(messages, aws::text_in(item, "itemIdentifier"), &QueueMessage::id);
    if (found == messages.end()) return all;
    failed[static_cast<std::size_t>(found - messages.begin())] = true;
  }
  return failed;
}

QueueSource::QueueSource(Options options, QueueService& queues, Invoke invoke)
    : options_(std::move(options)), queues_(queues), invoke_(std::move(invoke)) {
  worker_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void QueueSource::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto messages = queues_.receive(options_.queue_arn, options_.batch_size, longest_wait);
    if (!messages) {  // the queue was deleted
      std::this_thread::sleep_for(longest_wait);
    } else if (!messages->empty()) {
      handle(*messages);
    }
  }
}

void QueueSource::handle(const std::vector<QueueMessage>& messages) {
  const auto answer = invoke_(options_.function, dump_json(queue_event(options_.queue_arn, messages)));
  const auto failed = failed_messages(messages, answer, options_.reports);
  if (std::ranges::find(failed, true) != failed.end()) std::this_thread::sleep_for(back_off);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    // Nothing to do about a message that is gone meanwhile.
    if (failed[i])
      std::ignore = queues_.give_back(options_.queue_arn, messages[i].receipt);
    else
      std::ignore = queues_.remove(options_.queue_arn, messages[i].receipt);
  }
}

}  // namespace intelwall::lab
