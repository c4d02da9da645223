#include "hunt/log_tail.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <vector>

namespace intelwall::hunt {
namespace {

constexpr std::uint64_t head_bytes = 256;

std::unexpected<Error> failed(std::string_view what, const std::filesystem::path& path, int error) {
  return fail(error == EACCES ? ErrorCode::denied : ErrorCode::system,
              fmt::format("cannot {} it: {}", what, std::generic_category().message(error)), printable(path.native()));
}

/// FNV-1a of the first `size` bytes, 0 of none; nothing when there are fewer.
std::optional<std::uint64_t> head_of(int file, std::uint64_t size) {
  if (size == 0) return 0;
  std::array<char, head_bytes> bytes{};
  if (size > bytes.size()) return std::nullopt;
  if (::pread(file, bytes.data(), size, 0) != static_cast<ssize_t>(size)) return std::nullopt;
  std::uint64_t hash = 14'695'981'039'346'656'037u;
  for (std::uint64_t i = 0; i < size; ++i) {
    hash ^= static_cast<unsigned char>(bytes[i]);
    hash *= 1'099'511'628'211u;
  }
  return hash;
}

}  // namespace

std::string to_string(const LogPosition& position) {
  return fmt::format("{}:{}:{}:{}", position.inode, position.offset, position.head_size, position.head);
}

Result<LogPosition> parse_position(std::string_view text) {
  LogPosition position;
  std::string_view rest = text;
  for (auto* number : {&position.inode, &position.offset, &position.head_size, &position.head}) {
    const auto [end, status] = std::from_chars(rest.data(), rest.data() + rest.size(), *number);
    const bool last = number == &position.head;
    const auto used = static_cast<std::size_t>(end - rest.data());
    if (status != std::errc{} || (last ? used != rest.size() : used == rest.size() || rest[used] != ':'))
      return fail(ErrorCode::invalid_input, fmt::format("\"{}\" is no position in a log", printable(text, 80)));
    rest.remove_prefix(std::min(rest.size(), used + 1));
  }
  return position;
}

LogTail::LogTail(std::filesystem::path path, From from) : path_(std::move(path)), from_(from) {}
LogTail::LogTail(std::filesystem::path path, const LogPosition& position)
    : path_(std::move(path)), resumes_(true), position_(position) {}

LogPosition LogTail::position() const {
  auto here = position_;
  here.offset += taken_;
  return here;
}

Result<bool> LogTail::open_file(const std::filesystem::path& path, std::uint64_t offset) {
  os::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open() && errno == ENOENT) return false;
  if (!file.is_open()) return failed("open", path, errno);
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return failed("look at", path, errno);
  if (!S_ISREG(facts.st_mode))
    return fail(ErrorCode::invalid_input, "it is no file", printable(path.native()), "a log is a file of lines");
  file_ = std::move(file);
  position_ = {.inode = facts.st_ino, .offset = offset, .head_size = 0, .head = 0};
  buffer_.clear();
  taken_ = 0;
  skipping_ = false;
  return true;
}

/// A file beside the log whose name begins with the log's, and that is the one which was read before.
std::filesystem::path LogTail::find_rotated() const {
  std::error_code ignored;
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (!entry.path().filename().string().starts_with(path_.stem().string())) continue;
    struct stat facts{};
    if (::stat(entry.path().c_str(), &facts) != 0 || facts.st_ino != position_.inode) continue;
    if (static_cast<std::uint64_t>(facts.st_size) < position_.offset) continue;
    const os::Descriptor file(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    if (file.is_open() && head_of(file.get(), position_.head_size) == position_.head) return entry.path();
  }
  return {};
}

/// False: there is no log yet.
Result<bool> LogTail::open() {
  if (resumes_) {
    const auto known = position_;
    if (const auto before = find_rotated(); !before.empty()) {
      IW_TRY(const bool opened, open_file(before, known.offset));
      resumes_ = !opened;
      rotated_ = opened && before.filename() != path_.filename();
      if (opened) return true;
    }
    // Compressed, removed or cut meanwhile: what is there now is new.
    resumes_ = false;
  }
  rotated_ = false;
  IW_TRY(const bool opened, open_file(path_, 0));
  if (opened && from_ == From::end) {
    struct stat facts{};
    if (::fstat(file_.get(), &facts) == 0) position_.offset = static_cast<std::uint64_t>(facts.st_size);
    // Whatever is behind may begin within a line: only what follows the next line break is whole.
    char last = '\n';
    if (position_.offset > 0 && ::pread(file_.get(), &last, 1, static_cast<off_t>(position_.offset - 1)) == 1)
      skipping_ = last != '\n';
  }
  // A log that appears later, or is new after a rotation, is read whole.
  from_ = From::beginning;
  return opened;
}

/// The file that was begun when the one that is open was put aside: itself put aside since, or the log.
std::filesystem::path LogTail::find_successor() const {
  struct stat done{};
  if (::fstat(file_.get(), &done) != 0) return path_;
  const auto before = [](const timespec& a, const timespec& b) {
    return std::pair(a.tv_sec, a.tv_nsec) < std::pair(b.tv_sec, b.tv_nsec);
  };
  std::filesystem::path best = path_;
  std::optional<timespec> best_time;
  std::error_code ignored;
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(path_.filename().string()) || name.ends_with(".gz") || name.ends_with(".zst")) continue;
    struct stat facts{};
    if (::stat(entry.path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_ino == done.st_ino) continue;
    if (before(facts.st_mtim, done.st_mtim) || (best_time && !before(facts.st_mtim, *best_time))) continue;
    best = entry.path();
    best_time = facts.st_mtim;
  }
  return best;
}

bool LogTail::is_other_file() const {
  struct stat facts{};
  if (::fstat(file_.get(), &facts) != 0 || static_cast<std::uint64_t>(facts.st_size) < position_.offset) return true;
  return head_of(file_.get(), position_.head_size) != position_.head;
}

bool LogTail::has_successor() const {
  if (rotated_) return true;
  struct stat at_path{};
  struct stat open_one{};
  if (::fstat(file_.get(), &open_one) != 0) return true;
  // Whoever rotates may make the new file long before the writer turns to it.
  return ::stat(path_.c_str(), &at_path) == 0 && at_path.st_size > 0 &&
         (at_path.st_ino != open_one.st_ino || at_path.st_dev != open_one.st_dev);
}

void LogTail::remember_head() {
  const auto wanted = std::min(head_bytes, position_.offset + taken_);
  if (wanted == position_.head_size) return;
  if (const auto head = head_of(file_.get(), wanted)) {
    position_.head_size = wanted;
    position_.head = *head;
  }
}

Result<std::string_view> LogTail::take_lines() {
  for (;;) {
    const auto size = buffer_.size();
    buffer_.reserve(size + max_block + padding);
    ssize_t got = 0;
    int error = 0;
    buffer_.resize_and_overwrite(size + max_block, [&](char* bytes, std::size_t) {
      got = ::pread(file_.get(), bytes + size, max_block, static_cast<off_t>(position_.offset + size));
      error = errno;
      return size + (got > 0 ? static_cast<std::size_t>(got) : 0);
    });
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return failed("read", path_, error);

    std::size_t begin = 0;
    if (skipping_) {
      const auto end = buffer_.find('\n');
      begin = end == std::string::npos ? buffer_.size() : end + 1;
      skipping_ = end == std::string::npos;
      position_.offset += begin;
      buffer_.erase(0, begin);
      if (skipping_ && got > 0) continue;
    }
    const auto end = buffer_.rfind('\n');
    if (end != std::string::npos) {
      taken_ = end + 1;
      return std::string_view(buffer_).substr(0, taken_);
    }
    if (buffer_.size() > max_line) {
      ++overlong_;
      skipping_ = true;
      continue;
    }
    if (got == 0) return std::string_view{};
  }
}

Result<std::string_view> LogTail::next() {
  buffer_.erase(0, taken_);
  position_.offset += taken_;
  taken_ = 0;
  for (;;) {
    if (!file_.is_open()) {
      IW_TRY(const bool opened, open());
      if (!opened) return std::string_view{};
    } else if (is_other_file()) {
      file_.reset();
      resumes_ = false;
      continue;
    }
    // Looked for before the last read: what is written until the writer turns to the new file is read from the old one.
    const bool ends = has_successor();
    IW_TRY(const auto lines, take_lines());
    remember_head();
    if (!lines.empty() || !ends) return lines;
    const auto successor = find_successor();
    IW_TRY(const bool opened, open_file(successor, 0));
    rotated_ = successor.filename() != path_.filename();
    if (!opened) return std::string_view{};
  }
}

}  // namespace intelwall::hunt
