#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

namespace intelwall::os {

/// SIGINT and SIGTERM as a request to stop, as long as this lives; a second one ends the process at once. Make it
/// before any other thread, so that all of them leave these signals to it. Programs that are started meanwhile inherit
/// the blocked signals.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::jthread waiter_;
};

/// Waits, but not beyond a stop. For a client's sleep too, so that its retries end with the rest.
void pause(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace intelwall::os
