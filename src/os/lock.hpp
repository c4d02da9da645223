#pragma once

#include <chrono>
#include <filesystem>

#include "core/result.hpp"
#include "os/descriptor.hpp"

namespace intelwall::os {

/// Holds an advisory lock on a file (flock) until it is destroyed or the process ends; the file itself stays.
class FileLock {
 public:
  /// Makes the file if need be. Waits for another holder, at most `patience`: `unavailable` then.
  static Result<FileLock> take(const std::filesystem::path& path, std::chrono::milliseconds patience);

 private:
  explicit FileLock(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace intelwall::os
