#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace intelwall::os {

/// Whole file, at most `limit` bytes. Errors name the path and the system's reason.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit = 256u << 20);
/// Standard input to its end.
Result<std::string> read_stdin(std::size_t limit = 256u << 20);
/// All of it to an open file, whose `path` errors name.
Result<void> write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path);
/// Writes beside, syncs and renames: readers see the old file or the new one, whole. Keeps the old file's mode, else
/// 0644.
Result<void> replace_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace intelwall::os
