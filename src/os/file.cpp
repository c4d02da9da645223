#include "os/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "os/descriptor.hpp"

namespace intelwall::os {
namespace {

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::unexpected<Error> failed(std::string_view what, const std::filesystem::path& path, int error) {
  const ErrorCode code = error == ENOENT                     ? ErrorCode::not_found
                         : error == EACCES || error == EPERM ? ErrorCode::denied
                                                             : ErrorCode::system;
  return fail(code, fmt::format("cannot {}: {}", what, reason(error)), printable(path.native()));
}

Result<std::string> read_all(int descriptor, const std::filesystem::path& path, std::size_t limit) {
  std::string bytes;
  std::size_t used = 0;
  for (;;) {
    if (bytes.size() - used < 4096) bytes.resize(std::max<std::size_t>(bytes.size() * 2, 65'536));
    const ssize_t got = ::read(descriptor, bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read it", path, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > limit) {
      return fail(ErrorCode::invalid_input, fmt::format("it is larger than {} bytes", limit), printable(path.native()),
                  "split it");
    }
  }
  bytes.resize(used);
  return bytes;
}

/// Removes a half-written file unless told that it has found its place.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

/// So that the rename itself outlives a power cut.
Result<void> sync_directory(const std::filesystem::path& directory) {
  const Descriptor open_directory(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open_directory.is_open()) return failed("open it", directory, errno);
  // Some file systems cannot sync a directory and say EINVAL; there is nothing more to do on them.
  if (::fsync(open_directory.get()) != 0 && errno != EINVAL) return failed("sync it", directory, errno);
  return {};
}

/// Mode and owner of the file that is about to be replaced. An owner we may not set stays ours, as with any editor.
Result<void> take_over_mode(int descriptor, const std::filesystem::path& target) {
  struct stat old{};
  const bool replaces = ::stat(target.c_str(), &old) == 0;
  if (replaces && (old.st_uid != ::geteuid() || old.st_gid != ::getegid())) {
    if (::fchown(descriptor, old.st_uid, old.st_gid) != 0 && errno != EPERM)
      return failed("keep its owner", target, errno);
  }
  const mode_t mode = replaces ? old.st_mode & 07777 : 0644;
  if (::fchmod(descriptor, mode) != 0) return failed("keep its mode", target, errno);
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return failed("open it", path, errno);
  return read_all(file.get(), path, limit);
}

Result<std::string> read_stdin(std::size_t limit) {
  return read_all(STDIN_FILENO, "standard input", limit);
}

Result<void> write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed("write it", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> replace_file(const std::filesystem::path& path, std::string_view bytes) {
  // A link is followed, so that it stays a link and its target changes; a new file or a link to nowhere has no target
  // yet.
  std::error_code no_target;
  std::filesystem::path target = std::filesystem::canonical(path, no_target);
  if (no_target) target = path;
  const std::filesystem::path directory = target.has_parent_path() ? target.parent_path() : ".";
  std::string name = (directory / ".intelwall-XXXXXX").native();
  const Descriptor file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file.is_open()) return failed("write beside it", path, errno);
  Temporary temporary(name);
  IW_CHECK(write_all(file.get(), bytes, path));
  IW_CHECK(take_over_mode(file.get(), target));
  if (::fsync(file.get()) != 0) return failed("sync it", path, errno);
  if (::rename(name.c_str(), target.c_str()) != 0) return failed("replace it", path, errno);
  temporary.keep();
  return sync_directory(directory);
}

}  // namespace intelwall::os
