#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "os/descriptor.hpp"

namespace intelwall::hunt {

/// How far a log was read: enough to find the place again after a restart, a rotation or a truncation.
struct LogPosition {
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;     ///< behind the last whole line
  std::uint64_t head_size = 0;  ///< of the file's front that `head` is a hash of: an inode may be another file's later
  std::uint64_t head = 0;
  bool operator==(const LogPosition&) const = default;
};
std::string to_string(const LogPosition& position);
Result<LogPosition> parse_position(std::string_view text);

/// Where a log that was never read before begins.
enum class From { beginning, end };

/// The whole lines of a growing log, each once: over rotation by renaming (what was left in the old file is read from
/// it, looked for beside the log), over truncation in place, and over restarts from a saved position. A line without
/// its end is left until it has one. Not thread-safe.
class LogTail {
 public:
  /// Nothing is opened yet: the log need not be there.
  LogTail(std::filesystem::path path, From from);
  LogTail(std::filesystem::path path, const LogPosition& position);

  /// Bytes behind a block that may be read (simdjson wants 64).
  static constexpr std::size_t padding = 64;
  static constexpr std::size_t max_line = 1u << 20;
  static constexpr std::size_t max_block = 4u << 20;

  /// The next whole lines, with their ends; empty when there is nothing new now. Valid until the next call.
  Result<std::string_view> next();
  /// Behind what next() has given last: save it when that is dealt with.
  LogPosition position() const;
  /// Lines that were longer than max_line, and so left out.
  std::uint64_t overlong() const { return overlong_; }

 private:
  Result<bool> open();
  Result<bool> open_file(const std::filesystem::path& path, std::uint64_t offset);
  std::filesystem::path find_rotated() const;
  std::filesystem::path find_successor() const;
  /// Cut in place, whatever has been written to it since.
  bool is_other_file() const;
  /// Nothing more will be written to what is open.
  bool has_successor() const;
  Result<std::string_view> take_lines();
  void remember_head();

  std::filesystem::path path_;
  From from_ = From::beginning;
  bool resumes_ = false;
  bool rotated_ = false;  ///< what is open stands beside the log under another name
  LogPosition position_;
  os::Descriptor file_;
  std::string buffer_;     ///< what was read from position_.offset on
  std::size_t taken_ = 0;  ///< of it, given by the last next()
  bool skipping_ = false;  ///< within a line that is too long
  std::uint64_t overlong_ = 0;
};

}  // namespace intelwall::hunt
