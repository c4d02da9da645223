#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

using Invoke = std::function<Result<std::string>(const std::string& function, const std::string& event)>;

/// The function's name in "arn:aws:lambda:region:account:function:NAME[:alias]"; empty when it is no such ARN.
std::string function_name(const std::string& arn);

/// Puts a message into the queue of an ARN, with message attributes as SQS has them; its id.
using SendToQueue =
    std::function<Result<std::string>(const std::string& queue_arn, const std::string& body, const Json& attributes)>;

/// EventBridge's default bus: rules, their patterns, Lambda and SQS targets. Thread-safe; functions run without its
/// lock, so that they may call back. What a target does not take goes to its dead-letter queue, if it has one.
class EventBus {
 public:
  EventBus(Invoke invoke, SendToQueue send, Clock clock);
  ~EventBus();
  EventBus(const EventBus&) = delete;
  EventBus& operator=(const EventBus&) = delete;

  ApiAnswer call(const std::string& operation, Json input);

  /// An event of an AWS service in the bus's envelope.
  Json envelope(const std::string& source, const std::string& detail_type, Json resources, Json detail) const;
  /// Runs the targets of all rules that match and waits for them: [{"rule","function"|"queue","answer"|"error"}].
  Json deliver(const Json& event);
  /// The same, later and on the bus's own thread. Events that no rule matches cost nothing.
  void post(Json event);
  /// Ends the thread; what waits is dropped.
  void stop();

 private:
  struct Rule {
    std::string name, arn, pattern_text, description, state;
    Json pattern;
    std::map<std::string, Json> targets;  ///< by id
  };
  struct Match {
    std::string rule;
    Json target;
  };
  std::vector<Match> matches(const Json& event) const;
  Result<std::string> deliver_to(const Match& match, const std::string& input) const;
  void run(const std::stop_token& stop);

  ApiAnswer put_rule(const Json& input);
  ApiAnswer put_targets(const Json& input);
  ApiAnswer remove_targets(const Json& input);
  ApiAnswer delete_rule(const Json& input);
  ApiAnswer describe_rule(const Json& input);
  ApiAnswer list_rules(const Json& input);
  ApiAnswer list_targets(const Json& input);
  ApiAnswer put_events(const Json& input);
  ApiAnswer test_pattern(const Json& input);
  ApiResult<Rule*> find(const Json& input, const char* member);

  Invoke invoke_;
  SendToQueue send_;
  Clock clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any posted_;
  std::map<std::string, Rule> rules_;
  std::deque<Json> queue_;
  std::jthread worker_;  ///< last: it uses all the others
};

}  // namespace intelwall::lab
