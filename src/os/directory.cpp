#include "os/directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>
#include <system_error>

#include "os/descriptor.hpp"
#include "os/file.hpp"

namespace intelwall::os {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> failed(std::string_view what, const fs::path& path, int error) {
  const ErrorCode code = error == ENOENT                     ? ErrorCode::not_found
                         : error == EACCES || error == EPERM ? ErrorCode::denied
                                                             : ErrorCode::system;
  return fail(code, fmt::format("cannot {}: {}", what, std::generic_category().message(error)),
              printable(path.native()));
}

Result<void> sync(const fs::path& path) {
  const Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened.is_open()) return failed("open it", path, errno);
  // Some file systems cannot sync a directory and say EINVAL; there is nothing more to do on them.
  if (::fsync(opened.get()) != 0 && errno != EINVAL) return failed("sync it", path, errno);
  return {};
}

Result<void> write_new(const fs::path& path, std::string_view bytes) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.is_open()) return failed("write it", path, errno);
  return write_all(file.get(), bytes, path);
}

/// What we make in `parent` for `name` begins so.
std::string prefix_for(const fs::path& name) {
  return "." + name.native() + ".intelwall-";
}

/// A folder of our own that goes away with us. It is locked, so that nobody takes it for left behind.
class WorkFolder {
 public:
  static Result<WorkFolder> make(const fs::path& parent, const std::string& prefix) {
    remove_left_behind(parent, prefix);
    std::string path = (parent / (prefix + "XXXXXX")).native();
    if (::mkdtemp(path.data()) == nullptr) return failed("write in it", parent, errno);
    WorkFolder folder{fs::path(path)};
    folder.lock_ = Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.lock_.is_open() || ::flock(folder.lock_.get(), LOCK_EX | LOCK_NB) != 0)
      return failed("lock it", path, errno);
    return folder;
  }
  WorkFolder(WorkFolder&& other) noexcept : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }
  /// It has found its place.
  void keep() { path_.clear(); }

 private:
  explicit WorkFolder(fs::path path) : path_(std::move(path)) {}

  /// Folders of calls that were killed: nobody holds their lock.
  static void remove_left_behind(const fs::path& parent, const std::string& prefix) {
    std::error_code ignored;
    std::vector<fs::path> found;
    for (fs::directory_iterator at(parent, ignored), end; !ignored && at != end; at.increment(ignored))
      if (at->path().filename().native().starts_with(prefix)) found.push_back(at->path());
    for (const auto& path : found) {
      const Descriptor lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!lock.is_open() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
      fs::remove_all(path, ignored);
    }
  }

  fs::path path_;
  Descriptor lock_;
};

/// The files that stand in a folder; an error if one may not go.
Result<std::set<std::string>> files_to_replace(const fs::path& directory,
                                               const std::function<bool(std::string_view)>& may_go,
                                               const std::string& own_prefix) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().native();
    if (name.starts_with(own_prefix)) continue;
    std::error_code status;
    if (!at->is_regular_file(status) || at->is_symlink(status) || !may_go(name)) {
      return fail(ErrorCode::refused, fmt::format("'{}' in it is not one of ours", printable(name)),
                  printable(directory.native()), "name a folder of its own, or a new one");
    }
    names.insert(name);
  }
  if (error) return failed("read it", directory, error.value());
  return names;
}

Result<void> write_all(const fs::path& directory, const std::vector<NamedFile>& files) {
  for (const auto& [name, content] : files) IW_CHECK(write_new(directory / name, content));
  // All are written by now, so that the first of these syncs does most of the work of the others.
  for (const auto& file : files) IW_CHECK(sync(directory / file.name));
  return sync(directory);
}

/// Renames one by one.
Result<void> replace_inside(const fs::path& directory, const std::vector<NamedFile>& files,
                            std::set<std::string> old_names) {
  IW_TRY(const WorkFolder work, WorkFolder::make(directory, prefix_for("new")));
  IW_CHECK(write_all(work.path(), files));
  for (const auto& file : files) {
    if (::rename((work.path() / file.name).c_str(), (directory / file.name).c_str()) != 0)
      return failed("replace it", directory / file.name, errno);
    old_names.erase(file.name);
  }
  for (const auto& name : old_names)
    if (::unlink((directory / name).c_str()) != 0) return failed("remove it", directory / name, errno);
  return sync(directory);
}

}  // namespace

Result<void> replace_directory(const fs::path& directory, const std::vector<NamedFile>& files,
                               const std::function<bool(std::string_view)>& may_go) {
  // A link is followed, so that it stays a link; "out/" is "out".
  std::error_code no_target;
  fs::path target = fs::canonical(directory, no_target);
  const bool is_new = static_cast<bool>(no_target);
  if (is_new) target = directory.has_filename() ? directory : directory.parent_path();
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");

  std::set<std::string> old_names;
  struct stat old{};
  if (!is_new) {
    if (::stat(target.c_str(), &old) != 0) return failed("read it", target, errno);
    if (!S_ISDIR(old.st_mode)) return failed("replace it", target, ENOTDIR);
    IW_TRY(old_names, files_to_replace(target, may_go, prefix_for("new")));
    struct stat above{};
    if (::stat(parent.c_str(), &above) != 0 || above.st_dev != old.st_dev || target == parent)
      return replace_inside(target, files, std::move(old_names));
  }

  IW_TRY(WorkFolder work, WorkFolder::make(parent, prefix_for(target.filename())));
  IW_CHECK(write_all(work.path(), files));
  if (is_new) {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (::chmod(work.path().c_str(), 0777 & ~mask) != 0) return failed("keep its mode", target, errno);
    if (::renameat2(AT_FDCWD, work.path().c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0 &&
        (errno != EINVAL || ::rename(work.path().c_str(), target.c_str()) != 0))
      return failed("make it", target, errno);
    work.keep();
    return sync(parent);
  }
  // An owner we may not set stays ours, as with any editor.
  if ((old.st_uid != ::geteuid() || old.st_gid != ::getegid()) &&
      ::chown(work.path().c_str(), old.st_uid, old.st_gid) != 0 && errno != EPERM)
    return failed("keep its owner", target, errno);
  if (::chmod(work.path().c_str(), old.st_mode & 07777) != 0) return failed("keep its mode", target, errno);
  if (::renameat2(AT_FDCWD, work.path().c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno == EINVAL || errno == ENOSYS || errno == EBUSY)
      return replace_inside(target, files, std::move(old_names));
    return failed("replace it", target, errno);
  }
  return sync(parent);
}

}  // namespace intelwall::os
