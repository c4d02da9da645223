#pragma once

#include <bitset>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"

namespace intelwall::lab {

/// When EventBridge Scheduler calls: rate(1 hour), or cron(minutes hours day-of-month month day-of-week year) in UTC,
/// with *, ?, lists, ranges, steps and names; without L, W and #.
/// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
class ScheduleTimes {
 public:
  static Result<ScheduleTimes> parse(std::string_view expression);
  static ScheduleTimes every(std::chrono::seconds period);
  /// The first call after `now`, with the schedule made or last called at `last`; nothing when there is none any more.
  std::optional<Time> next(Time last, Time now) const;

 private:
  struct Cron {
    std::bitset<60> minutes;
    std::bitset<24> hours;
    std::bitset<32> days;
    std::bitset<13> months;
    std::bitset<8> weekdays;  ///< 1: Sunday
    std::bitset<230> years;   ///< from 1970
  };
  static Result<Cron> parse_cron(std::string_view fields);
  static std::optional<Time> next_of(const Cron& cron, Time now);
  std::variant<std::chrono::seconds, Cron> when_;
};

/// Runs what is to be run on a schedule, each on a thread of its own: calls of one schedule never overlap.
class Schedules {
 public:
  explicit Schedules(Clock clock) : clock_(std::move(clock)) {}
  ~Schedules();
  Schedules(const Schedules&) = delete;
  Schedules& operator=(const Schedules&) = delete;
  /// The first call comes a period (or the cron's time) later.
  void add(const ScheduleTimes& times, std::function<void()> call);
  /// Waits for calls that run.
  void stop();

 private:
  void run(const std::stop_token& stop, const ScheduleTimes& times, const std::function<void()>& call);
  Clock clock_;
  std::mutex mutex_;
  std::condition_variable_any waiting_;
  std::vector<std::jthread> threads_;
};

}  // namespace intelwall::lab
