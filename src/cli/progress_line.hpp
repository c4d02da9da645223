#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace intelwall::cli {

/// One line on a terminal's stderr, over and over; nothing anywhere else.
class ProgressLine {
 public:
  ProgressLine() : is_shown_(::isatty(STDERR_FILENO) == 1) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  /// What `text()` gives, ten times a second at most: it is called only then.
  template <class Text>
  void show(const Text& text) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_shown_ || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    write(text());
  }
  void show_now(const std::string& text) {
    if (is_shown_) write(text);
  }
  void clear() {
    if (is_dirty_) std::fputs("\r\x1b[K", stderr);
    is_dirty_ = false;
  }

 private:
  void write(const std::string& text) {
    std::fputs(("\r\x1b[K" + text).c_str(), stderr);
    std::fflush(stderr);
    is_dirty_ = true;
  }
  bool is_shown_;
  bool is_dirty_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace intelwall::cli
