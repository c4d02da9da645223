#pragma once

#include <functional>
#include <string>
#include <thread>

#include "core/result.hpp"
#include "lab/cloud_queues.hpp"

namespace intelwall::lab {

/// An event source mapping from a queue to a function: takes messages in batches, deletes those that were handled and
/// gives back the others. One batch at a time.
/// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
class QueueSource {
 public:
  enum class Reports { whole_batch, items };  ///< items: FunctionResponseTypes has ReportBatchItemFailures
  struct Options {
    std::string queue_arn;
    std::string function;
    std::size_t batch_size = 10;
    Reports reports = Reports::whole_batch;
  };
  using Invoke = std::function<Result<std::string>(const std::string& function, const std::string& event)>;

  /// `queues` must outlive it.
  QueueSource(Options options, QueueService& queues, Invoke invoke);
  QueueSource(const QueueSource&) = delete;
  QueueSource& operator=(const QueueSource&) = delete;
  ~QueueSource() = default;

  const Options& options() const { return options_; }

 private:
  void run(const std::stop_token& stop);
  void handle(const std::vector<QueueMessage>& messages);

  Options options_;
  QueueService& queues_;
  Invoke invoke_;
  std::jthread worker_;  ///< last: it uses all the others
};

/// The event that a function gets for these messages.
Json queue_event(const std::string& queue_arn, const std::vector<QueueMessage>& messages);

/// Which messages an answer says were not handled: none, some, or (an error, an answer that is none, an unknown id)
/// all.
std::vector<bool> failed_messages(const std::vector<QueueMessage>& messages, const Result<std::string>& answer,
                                  QueueSource::Reports reports);

}  // namespace intelwall::lab
