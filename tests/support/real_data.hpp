#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "os/process.hpp"

namespace intelwall::testing_support {

/// The first column of a zstd-compressed table in the folder of real data beside the source tree. An error (no folder,
/// no zstd) is for GTEST_SKIP: the data is not ours to ship.
inline Result<std::vector<std::string>> real_names(const char* file) {
  const std::filesystem::path path = std::filesystem::path(INTELWALL_SOURCE_DIR) / ".." / "shared" / "data" / file;
  if (!std::filesystem::exists(path)) return fail(ErrorCode::not_found, "there is no such file", path.native());
  os::RunOptions options;
  options.max_output = 256u << 20;
  IW_TRY(const os::ProcessResult unpacked, os::run({"zstdcat", path.native()}, options));
  if (unpacked.exit_code != 0)
    return fail(ErrorCode::system, "zstdcat failed: " + printable(unpacked.err), path.native());
  std::vector<std::string> names;
  for (std::string_view rest = unpacked.out; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    names.emplace_back(line.substr(0, line.find('\t')));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return names;
}

}  // namespace intelwall::testing_support
