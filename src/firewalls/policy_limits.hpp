#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

// What blocks and lists have in common: the policy that holds their groups, and how the groups are numbered.
namespace intelwall::firewalls {

inline constexpr std::size_t max_references = 20;  ///< stateful groups a policy, AWS best-practices guide
inline constexpr int first_block_priority = 100;   ///< in a strict-order policy, unless the settings say otherwise
inline constexpr int last_priority = 65'535;

/// N of "<stem>N", from 1 to 9999; nothing for other names.
std::optional<int> number_behind(std::string_view name, std::string_view stem);

}  // namespace intelwall::firewalls
