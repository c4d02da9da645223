#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "os/descriptor.hpp"

namespace intelwall::intel {

/// How far a log has been read: in which file (its name may have changed since), and behind which byte.
struct LogPosition {
  std::uint64_t device = 0, inode = 0;
  std::uint64_t offset = 0;
  /// Of the file's first bytes: a new file may have the number of an old one.
  std::uint64_t front_size = 0, front_hash = 0;

  std::string to_text() const;
  static Result<LogPosition> parse(std::string_view text);
  bool operator==(const LogPosition&) const = default;
};

/// Follows a log that a program writes and another rotates, by renaming it or by copying and truncating it. Each whole
/// line is given once; across a restart too, if the position is kept after what was given was delivered. A file that
/// was renamed meanwhile is read to its end first, if it is still in its folder and not packed.
class LogTail {
 public:
  enum class Start { at_the_beginning, at_the_end };  ///< where no position is known

  LogTail(std::filesystem::path path, std::optional<LogPosition> from, Start start = Start::at_the_beginning);

  /// `padding` bytes behind the line may be read (LineReader::padding).
  using TakeLine = std::function<void(std::string_view line)>;
  struct Read {
    std::uint64_t lines = 0;
    std::uint64_t too_long = 0;   ///< lines over LineReader::max_line, which are not given
    bool lost_something = false;  ///< the file of the position is gone, or was truncated before it was read
  };
  /// All whole lines that are there now. A log that is not there (yet) has none.
  Result<Read> poll(const TakeLine& take);
  /// Behind the last line given; nothing before the first poll() that found the file.
  const std::optional<LogPosition>& position() const { return position_; }

 private:
  Result<bool> open(Read& read);
  Result<void> read_on(const TakeLine& take, Read& read);
  void begin(os::Descriptor file, const LogPosition& position);
  /// Whether the log goes on in another file at the path.
  bool is_replaced() const;

  std::filesystem::path path_;
  Start start_;
  os::Descriptor file_;
  std::optional<LogPosition> position_;
  std::vector<char> buffer_;
  std::size_t filled_ = 0;   ///< of the buffer: bytes of a line that is not whole
  bool skips_line_ = false;  ///< the rest of one that is too long
};

}  // namespace intelwall::intel
