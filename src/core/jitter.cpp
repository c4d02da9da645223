#include "core/jitter.hpp"

#include <algorithm>
#include <random>

namespace intelwall {

std::chrono::milliseconds jitter(std::chrono::milliseconds most) {
  using std::chrono::milliseconds;
  thread_local std::minstd_rand random{std::random_device{}()};
  return milliseconds(
      std::uniform_int_distribution<milliseconds::rep>(0, std::max<milliseconds::rep>(0, most.count()))(random));
}

}  // namespace intelwall
