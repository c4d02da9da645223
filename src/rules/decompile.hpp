#pragma once

#include <optional>
#include <span>
#include <string>

#include "rules/compile.hpp"

namespace intelwall::rules {

struct Decompiled {
  DomainTable domains;  ///< sorted by name, none twice
  CompileFormat format = CompileFormat::packed;
};

/// The set that compiled files enforce, from their text alone: all files of a folder but its manifest (a dataset's .lst
/// among them). All protocols must say the same; a rule that is not ours, or whose regex is not one that we write, is
/// an error with its file and line.
Result<Decompiled> decompile(std::span<const CompiledFile> files);

}  // namespace intelwall::rules
