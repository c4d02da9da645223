#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// A message as a consumer gets it. Times are milliseconds since 1970, as in the attributes of SQS.
struct QueueMessage {
  std::string id;
  std::string receipt;  ///< of this reception; stale once the message is received again
  std::string body;
  Json attributes = Json::object();  ///< the sender's own: {"name": {"DataType", "StringValue" | "BinaryValue"}}
  std::int64_t sent = 0, first_received = 0;
  std::int64_t receive_count = 0;
  std::string source_arn;  ///< of the queue from which it was moved as a dead letter, else empty
};

/// SQS's standard queues: visibility time-outs, delays, long polling, retention, and dead letters by `RedrivePolicy`.
/// Thread-safe. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
class QueueService {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  /// `clock` dates messages; `steady` runs their time-outs.
  explicit QueueService(Clock clock, std::function<Steady()> steady = std::chrono::steady_clock::now);

  /// `host` is the request's own: queue URLs carry it ("http://HOST/ACCOUNT/NAME").
  ApiAnswer call(const std::string& operation, Json input, const std::string& host);
  /// The `x-amzn-query-error` of a refusal: its name in the older query protocol, by which SDKs still tell it.
  static std::string query_error(const std::string& name);

  // For the lab's own parts, by ARN. Unknown queues are QueueDoesNotExist.

  static std::string arn_of(const std::string& name);
  static std::string url_of(const std::string& name, const std::string& host);
  /// `attributes` as of CreateQueue: texts, such as {"VisibilityTimeout": "720"}. The ARN. A queue of the same name and
  /// attributes is found, of others refused.
  ApiResult<std::string> create(const std::string& name, const Json& attributes);
  /// The message's id.
  ApiResult<std::string> send(const std::string& arn, std::string body, Json attributes = Json::object());
  /// Up to `most` messages, hidden for the queue's VisibilityTimeout; waits up to `wait` for the first one. None after
  /// `stop`.
  ApiResult<std::vector<QueueMessage>> receive(const std::string& arn, std::size_t most,
                                               std::chrono::milliseconds wait);
  /// Deletes it. A stale receipt deletes nothing and is no error, as in SQS.
  ApiResult<void> remove(const std::string& arn, const std::string& receipt);
  /// Lets it be received again at once.
  ApiResult<void> give_back(const std::string& arn, const std::string& receipt);
  struct Counts {
    std::size_t visible = 0, in_flight = 0, delayed = 0;
  };
  ApiResult<Counts> counts(const std::string& arn) const;
  void delete_queue(const std::string& arn);
  /// Ends all waiting, for good.
  void stop();

 private:
  struct Message {
    QueueMessage content;
    Steady visible_at;
    bool in_flight = false;  ///< received, and neither deleted nor given back; over with `visible_at`
  };
  struct Redrive {
    std::string target_arn;
    std::int64_t receives = 0;
  };
  struct Queue {
    std::string name;
    std::map<std::string, std::string> attributes;
    std::list<Message> messages;
    std::optional<Redrive> redrive;
    Time created, modified;
    std::int64_t number(const char* attribute) const;
  };
  struct Taking {
    std::size_t most = 1;
    std::optional<std::int64_t> visibility;  ///< seconds; empty: the queue's own
    std::optional<std::chrono::milliseconds> wait;
  };

  // With the lock held.
  ApiResult<Queue*> find(const std::string& name);
  ApiResult<Queue*> find_url(const Json& input);
  static ApiResult<std::optional<Redrive>> redrive_of(const std::map<std::string, std::string>& attributes);
  ApiResult<std::string> put(Queue& queue, std::string body, Json attributes, std::int64_t delay);
  std::vector<QueueMessage> take(Queue& queue, const Taking& taking);
  void forget_old(Queue& queue) const;
  Counts count(const Queue& queue) const;
  ApiResult<void> erase(Queue& queue, const std::string& receipt);
  ApiResult<void> change_visibility(Queue& queue, const std::string& receipt, std::int64_t seconds);
  Json describe(const Queue& queue) const;

  ApiResult<std::vector<QueueMessage>> wait_and_take(const std::string& name, const Taking& taking);
  ApiAnswer create_queue(const Json& input, const std::string& host);
  ApiAnswer list_queues(const Json& input, const std::string& host);
  ApiAnswer receive_message(const Json& input);
  ApiAnswer send_message(Queue& queue, const Json& entry);
  ApiAnswer get_attributes(const Queue& queue, const Json& input) const;
  ApiAnswer set_attributes(Queue& queue, const Json& input);
  ApiAnswer run(const std::string& operation, Queue& queue, const Json& input);
  ApiAnswer run_batch(const std::string& operation, Queue& queue, const Json& input);

  Clock clock_;
  std::function<Steady()> steady_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Queue> queues_;  ///< by name
  bool stopped_ = false;
};

}  // namespace intelwall::lab
