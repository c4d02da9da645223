#include "os/lock.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

namespace intelwall::os {
namespace {

using namespace std::chrono_literals;

TEST(FileLock, OneHolderAtATime) {
  const auto path = std::filesystem::temp_directory_path() / ("iw-lock-" + std::to_string(::getpid()));
  {
    auto first = FileLock::take(path, 10ms);
    ASSERT_TRUE(first.has_value());
    const auto second = FileLock::take(path, 30ms);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  }
  EXPECT_TRUE(FileLock::take(path, 10ms).has_value());
  std::filesystem::remove(path);
  EXPECT_FALSE(FileLock::take("/nonexistent/lock", 10ms).has_value());
}

}  // namespace
}  // namespace intelwall::os
