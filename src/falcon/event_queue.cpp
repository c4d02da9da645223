#include "falcon/event_queue.hpp"

#include <algorithm>

namespace intelwall::falcon {

bool EventQueue::push(StreamEvent event, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!went_.wait(lock, stop, [this] { return has_room(); })) return false;
  bytes_ += event.json.size();
  events_.push_back(std::move(event));
  lock.unlock();
  came_.notify_one();
  return true;
}

std::vector<StreamEvent> EventQueue::pop(std::size_t most, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, wait, [this] { return !events_.empty() || closed_; });
  std::vector<StreamEvent> out;
  const std::size_t count = std::min(most, events_.size());
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    bytes_ -= events_.front().json.size();
    out.push_back(std::move(events_.front()));
    events_.pop_front();
  }
  lock.unlock();
  if (!out.empty()) went_.notify_all();
  return out;
}

void EventQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  came_.notify_all();
}

bool EventQueue::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace intelwall::falcon
