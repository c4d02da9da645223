#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Internal to this room: rules shared out over groups.
namespace intelwall::rules {

/// Text that must stay together in a group: the rules of one pack, or one target.
struct Unit {
  std::uint64_t end = 0;  ///< of its text in the whole
  std::uint32_t rules = 0;
  std::uint32_t hash = 0;  ///< of what it is about: the same as long as it is there
};

struct GroupLimits {
  std::size_t bytes;
  std::size_t rules;
};

/// A group: the units [first, last).
struct Share {
  std::size_t first, last;
};

/// As few groups as hold all units in their order; nothing when it takes more than `max_groups`. Where a group ends
/// depends on the units near its end and, weakly, on the sum of all sizes: a small change moves no end but by chance.
///
/// `begins`: units with which groups began in an earlier run, in order. They begin groups again, if that takes no more
/// than `max_groups`; a group that has grown too large is shared out for itself.
std::optional<std::vector<Share>> share_out(std::span<const Unit> units, const GroupLimits& limits,
                                            std::size_t max_groups, std::span<const std::size_t> begins = {});

}  // namespace intelwall::rules
