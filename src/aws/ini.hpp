#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace intelwall::aws {

/// Section → key → value, as the AWS CLI writes its files; keys in lower case.
using Ini = std::map<std::string, std::map<std::string, std::string>>;

/// Lines that are blank or begin with # or ; are comments, and so is what follows " #" or " ;" in a value. Lines
/// indented deeper than the key above them belong to that key (nested settings like `s3 =`) and are passed over.
/// Sections of one name are one; the last value of a key counts. Errors name `path` and the line and never repeat its
/// text, which may be a secret.
Result<Ini> parse_ini(std::string_view text, const std::string& path);

}  // namespace intelwall::aws
