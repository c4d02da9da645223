#pragma once

#include <cstdint>
#include <string>

#include "lab/policy_compiler.hpp"

namespace intelwall::lab {

/// The policy's rules with their sids moved up; a rule ends with "sid:N;)".
std::string renumbered(const CompiledPolicy& policy, std::uint32_t base);

}  // namespace intelwall::lab
