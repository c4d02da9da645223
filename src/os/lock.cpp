#include "os/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

namespace intelwall::os {

Result<FileLock> FileLock::take(const std::filesystem::path& path, std::chrono::milliseconds patience) {
  using namespace std::chrono_literals;
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  const auto fault = [&](int error) {
    return fail(error == EACCES || error == EPERM || error == EROFS ? ErrorCode::denied : ErrorCode::system,
                fmt::format("cannot lock it: {}", std::generic_category().message(error)), printable(path.native()));
  };
  if (!file.is_open()) return fault(errno);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (auto pause = 1ms;; pause = std::min(pause * 2, 50ms)) {
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return FileLock(std::move(file));
    if (errno != EWOULDBLOCK && errno != EINTR) return fault(errno);
    if (std::chrono::steady_clock::now() + pause > deadline) {
      return fail(
          ErrorCode::unavailable,
          fmt::format("another intelwall has held it for {:.1f} s", static_cast<double>(patience.count()) / 1e3),
          printable(path.native()), "try again; `fuser` tells which process holds it");
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace intelwall::os
