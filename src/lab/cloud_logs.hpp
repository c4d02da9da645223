#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/time.hpp"
#include "lab/cloud_event_bus.hpp"
#include "lab/cloud_log_pattern.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// CloudWatch Logs: groups, streams, events, and subscriptions that hand matching events to functions. Thread-safe;
/// functions run on a thread of its own and without its lock.
/// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/
class LogStore {
 public:
  LogStore(Invoke invoke, Clock clock);
  ~LogStore();
  LogStore(const LogStore&) = delete;
  LogStore& operator=(const LogStore&) = delete;

  ApiAnswer call(const std::string& operation, Json input);

  // For the lab's own parts.

  struct Event {
    std::int64_t timestamp = 0;  ///< milliseconds since 1970
    std::string message;
  };
  /// Makes the group and the stream where they are missing, as a function's first line does.
  void append(const std::string& group, const std::string& stream, std::vector<Event> events);
  void append(const std::string& group, const std::string& stream, Time time, std::string message);
  /// The messages of all streams of a group, by time; none where there is no such group.
  std::vector<std::string> messages(const std::string& group) const;
  /// Ends the thread; what waits is dropped.
  void stop();

 private:
  struct Kept {
    std::uint64_t id = 0;  ///< in the order in which they came
    std::int64_t timestamp = 0, ingested = 0;
    std::string message;
  };
  struct Stream {
    std::int64_t created = 0;
    std::deque<Kept> events;  ///< by timestamp
  };
  struct Subscription {
    std::string pattern_text, destination, function;
    LogPattern pattern;
    std::int64_t created = 0;
  };
  struct Group {
    std::int64_t created = 0;
    std::optional<std::int64_t> retention_days;
    std::string key_id;
    std::map<std::string, Stream> streams;
    std::map<std::string, Subscription> subscriptions;  ///< by name
  };
  struct Delivery {
    std::string function, event;
  };
  struct Found {
    const std::string* stream;
    const Kept* event;
  };
  /// How many of a batch are refused at its two ends.
  struct Window {
    std::size_t too_old = 0, expired = 0, too_new = 0;
  };

  // With the lock held.
  ApiResult<Group*> find(const Json& input);
  ApiResult<Stream*> find_stream(Group& group, const Json& input);
  void keep(const std::string& group_name, Group& group, const std::string& stream_name, Stream& stream,
            std::vector<Event> events);
  void deliver_later(const std::string& group_name, const Group& group, const std::string& stream_name,
                     const std::vector<Kept>& events);
  void forget_old(Group& group) const;
  ApiResult<Window> check_batch(const Group& group, const Json& events) const;
  static ApiResult<std::vector<Found>> select(const Group& group, const Json& input);
  std::int64_t now() const;

  void run(const std::stop_token& stop);

  ApiAnswer create_group(const Json& input);
  ApiAnswer delete_group(const Json& input);
  ApiAnswer describe_groups(const Json& input);
  ApiAnswer create_stream(const Json& input);
  ApiAnswer describe_streams(const Json& input);
  ApiAnswer put_events(const Json& input);
  ApiAnswer get_events(const Json& input);
  ApiAnswer filter_events(const Json& input);
  ApiAnswer put_retention(const Json& input);
  ApiAnswer delete_retention(const Json& input);
  ApiAnswer put_subscription(const Json& input);
  ApiAnswer describe_subscriptions(const Json& input);
  ApiAnswer delete_subscription(const Json& input);

  Invoke invoke_;
  Clock clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any waiting_;
  std::map<std::string, Group> groups_;
  std::deque<Delivery> deliveries_;
  std::uint64_t last_id_ = 0;
  std::jthread worker_;  ///< last: it uses all the others
};

}  // namespace intelwall::lab
