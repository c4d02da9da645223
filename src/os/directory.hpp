#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace intelwall::os {

struct NamedFile {
  std::string name;  ///< without a folder
  std::string_view content;
};

/// Replaces all that stands in a folder, so that whoever looks sees the old files or the new ones, all of them and
/// whole, also after a kill, a power cut or on a full disk: they are written and synced in a folder beside, which is
/// then exchanged for the old one (renameat2). What an earlier, killed call left beside is removed. The folder is made
/// if it is not there; its parent must be.
///
/// Where the folder cannot be exchanged (a mount point; a file system without RENAME_EXCHANGE), the files are written
/// inside it first and then renamed one by one, in the order given: each is whole, and the last one is new only when
/// all are.
///
/// `may_go` says whether a file that stands there may be replaced or removed; if one may not, or is a folder, nothing
/// is written.
Result<void> replace_directory(const std::filesystem::path& directory, const std::vector<NamedFile>& files,
                               const std::function<bool(std::string_view name)>& may_go);

}  // namespace intelwall::os
