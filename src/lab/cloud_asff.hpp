#pragma once

#include <optional>
#include <string>

#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

inline constexpr std::size_t finding_byte_limit = std::size_t{240} * 1024;

/// Why Security Hub would refuse the finding: required members, types and limits of the AWS Security Finding Format
/// (service model 2018-10-26 and its guide); in the words BatchImportFindings uses. Nothing when it is well formed.
std::optional<std::string> asff_problem(const Json& finding);

}  // namespace intelwall::lab
