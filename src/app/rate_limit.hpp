#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

namespace intelwall::app {

/// At most `rate` calls a second after a first `burst` of them. One caller at a time.
class RateLimit {
 public:
  using Steady = std::chrono::steady_clock;
  RateLimit(double rate, double burst, std::function<Steady::time_point()> now = Steady::now)
      : rate_(rate), burst_(burst), left_(burst), now_(std::move(now)), counted_(now_()) {}

  /// Takes one call; how long to wait before it is made.
  std::chrono::milliseconds take() {
    const auto now = now_();
    left_ = std::min(burst_, left_ + std::chrono::duration<double>(now - counted_).count() * rate_) - 1;
    counted_ = now;
    if (left_ >= 0) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(-left_ / rate_));
  }

 private:
  double rate_, burst_, left_;
  std::function<Steady::time_point()> now_;
  Steady::time_point counted_;
};

}  // namespace intelwall::app
