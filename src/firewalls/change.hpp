#pragma once

#include <string>
#include <vector>

#include "firewalls/firewall.hpp"

// What all enforcement points make of a Change.
namespace intelwall::firewalls {

/// An unattended change may always remove this many: a share of very few decisions says nothing.
inline constexpr std::size_t always_removable = 10;

/// Refuses an unattended change that removes more than the share `most` of the `enforced` decisions.
Result<void> guard_removals(const Change& change, std::size_t enforced, double most, const std::string& firewall);

/// What is in `after` and not in `before`, repeats counted.
std::vector<std::string> surplus(const std::vector<std::string>& after, const std::vector<std::string>& before);

}  // namespace intelwall::firewalls
