#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <vector>

#include "falcon/stream_framing.hpp"

namespace intelwall::falcon {

/// Between the threads that read feeds and the one that delivers: bounded in events and bytes, so that a slow receiver
/// slows Falcon down and not the memory up, and what came in while it was busy leaves as one batch.
class EventQueue {
 public:
  EventQueue(std::size_t most_events, std::size_t most_bytes) : most_events_(most_events), most_bytes_(most_bytes) {}

  /// Waits for room. False: stopped, the event was not taken.
  bool push(StreamEvent event, const std::stop_token& stop);
  /// What is there, at most `most`; waits for the first up to `wait`. Empty: nothing came, or closed and empty.
  std::vector<StreamEvent> pop(std::size_t most, std::chrono::milliseconds wait);
  /// No more events will come.
  void close();
  bool is_closed() const;

 private:
  bool has_room() const { return events_.empty() || (events_.size() < most_events_ && bytes_ < most_bytes_); }

  std::size_t most_events_, most_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable_any came_, went_;
  std::deque<StreamEvent> events_;
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace intelwall::falcon
