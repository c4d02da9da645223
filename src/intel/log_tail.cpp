#include "intel/log_tail.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "intel/line_reader.hpp"

namespace intelwall::intel {
namespace {

constexpr std::size_t longest_front = 256;
constexpr std::size_t chunk = 256u << 10;

std::unexpected<Error> unreadable(const std::filesystem::path& path) {
  return fail(errno == EACCES || errno == EPERM ? ErrorCode::denied : ErrorCode::system,
              "cannot read it: " + std::generic_category().message(errno), printable(path.native()));
}

/// FNV-1a of the first bytes, 0 of none; nothing if the file is shorter.
std::optional<std::uint64_t> hash_of_front(int file, std::uint64_t size) {
  char bytes[longest_front];
  if (size == 0) return 0;
  if (size > longest_front) return std::nullopt;
  std::size_t got = 0;
  while (got < size) {
    const ssize_t more = ::pread(file, bytes + got, size - got, static_cast<off_t>(got));
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return std::nullopt;
    got += static_cast<std::size_t>(more);
  }
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < got; ++i) hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3;
  return hash;
}

os::Descriptor open_log(const std::filesystem::path& path) {
  return os::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

bool is_file_of(int file, const struct stat& status, const LogPosition& position) {
  return status.st_dev == position.device && status.st_ino == position.inode &&
         static_cast<std::uint64_t>(status.st_size) >= position.offset &&
         hash_of_front(file, position.front_size) == position.front_hash;
}

}  // namespace

std::string LogPosition::to_text() const {
  return fmt::format("{} {} {} {} {}", device, inode, offset, front_size, front_hash);
}

Result<LogPosition> LogPosition::parse(std::string_view text) {
  LogPosition position;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  std::uint64_t* const numbers[] = {&position.device, &position.inode, &position.offset, &position.front_size,
                                    &position.front_hash};
  for (auto* number : numbers) {
    if (number != numbers[0] && (at == end || *at++ != ' ')) at = nullptr;
    const auto [behind, fault] =
        at == nullptr ? std::from_chars_result{at, std::errc::invalid_argument} : std::from_chars(at, end, *number);
    if (fault != std::errc())
      return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no position in a log", printable(text, 60)));
    at = behind;
  }
  if (at != end)
    return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no position in a log", printable(text, 60)));
  return position;
}

LogTail::LogTail(std::filesystem::path path, std::optional<LogPosition> from, Start start)
    : path_(std::move(path)), start_(start), position_(from), buffer_(chunk + LineReader::padding) {}

void LogTail::begin(os::Descriptor file, const LogPosition& position) {
  file_ = std::move(file);
  position_ = position;
  filled_ = 0;
  skips_line_ = false;
}

/// Opens the file of the position, or the one at the path; false if there is none.
Result<bool> LogTail::open(Read& read) {
  struct stat status{};
  os::Descriptor file = open_log(path_);
  if (!file.is_open() && errno != ENOENT) return unreadable(path_);
  if (file.is_open() && ::fstat(file.get(), &status) != 0) return unreadable(path_);
  if (position_) {
    if (file.is_open() && is_file_of(file.get(), status, *position_)) {
      begin(std::move(file), LogPosition(*position_));
      return true;
    }
    // Renamed since: a rotated log stays in its folder for a while.
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(
             path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."), none)) {
      struct stat other{};
      if (::stat(entry.path().c_str(), &other) != 0 || !S_ISREG(other.st_mode) || other.st_ino != position_->inode)
        continue;
      os::Descriptor renamed = open_log(entry.path());
      if (!renamed.is_open() || !is_file_of(renamed.get(), other, *position_)) continue;
      begin(std::move(renamed), LogPosition(*position_));
      return true;
    }
    if (!file.is_open()) return false;
    read.lost_something = true;
  }
  if (!file.is_open()) return false;
  LogPosition fresh{.device = status.st_dev, .inode = status.st_ino};
  if (!position_ && start_ == Start::at_the_end) fresh.offset = static_cast<std::uint64_t>(status.st_size);
  begin(std::move(file), fresh);
  return true;
}

bool LogTail::is_replaced() const {
  // The writer keeps to the renamed file until it is told to open its log again: then the new one has a first line.
  struct stat status{};
  return ::stat(path_.c_str(), &status) == 0 && status.st_size > 0 &&
         (status.st_ino != position_->inode || status.st_dev != position_->device);
}

Result<LogTail::Read> LogTail::poll(const TakeLine& take) {
  Read read;
  for (;;) {
    if (!file_.is_open()) {
      IW_TRY(const bool is_there, open(read));
      if (!is_there) return read;
    }
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) return unreadable(path_);
    const bool is_shorter = static_cast<std::uint64_t>(status.st_size) < position_->offset + filled_;
    if (is_shorter || hash_of_front(file_.get(), position_->front_size) != position_->front_hash) {
      // Copied and truncated: what came between our last look and the copy is in the copy.
      read.lost_something = true;
      begin(std::move(file_), {.device = position_->device, .inode = position_->inode});
    }
    // Asked before reading: what is written before the new file is there is read here.
    const bool was_replaced = is_replaced();
    IW_CHECK(read_on(take, read));
    if (!was_replaced) return read;
    file_.reset();
    position_.reset();
    start_ = Start::at_the_beginning;
  }
}

Result<void> LogTail::read_on(const TakeLine& take, Read& read) {
  for (;;) {
    if (filled_ + LineReader::padding >= buffer_.size()) buffer_.resize(2 * buffer_.size());
    const std::size_t room = buffer_.size() - LineReader::padding - filled_;
    const ssize_t got =
        ::pread(file_.get(), buffer_.data() + filled_, room, static_cast<off_t>(position_->offset + filled_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(path_);
    if (got == 0) return {};
    const std::size_t end = filled_ + static_cast<std::size_t>(got);
    std::size_t begin = 0;
    for (std::size_t from = filled_;;) {
      const void* found = std::memchr(buffer_.data() + from, '\n', end - from);
      if (found == nullptr) break;
      const auto newline = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      std::string_view line(buffer_.data() + begin, newline - begin);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (std::exchange(skips_line_, false) || line.size() > LineReader::max_line) {
        ++read.too_long;
      } else if (!line.empty()) {
        ++read.lines;
        take(line);
      }
      begin = from = newline + 1;
    }
    filled_ = end - begin;
    if (filled_ > LineReader::max_line) {
      skips_line_ = true;
      begin = end;
      filled_ = 0;
    }
    std::memmove(buffer_.data(), buffer_.data() + begin, filled_);
    position_->offset += begin;
    if (position_->front_size < longest_front) {
      const std::uint64_t size = std::min<std::uint64_t>(longest_front, position_->offset);
      if (const auto hash = hash_of_front(file_.get(), size)) {
        position_->front_size = size;
        position_->front_hash = *hash;
      }
    }
  }
}

}  // namespace intelwall::intel
