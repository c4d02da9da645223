#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/compile_table.hpp"
#include "rules/traffic_prior.hpp"

// Internal to this room: how a set of domains is cut into rules. Why so is told in docs/packing.md.
namespace intelwall::rules {

/// A table's names by their reversed text: a name, then all that lies below it; with subdomains before exact.
std::vector<std::uint32_t> order_by_ending(const DomainTable& table);

/// What is left of a table when names that stand twice and names below a listed parent are gone; indices, in the order
/// given.
struct ReducedDomains {
  std::vector<std::uint32_t> subdomains;
  std::vector<std::uint32_t> exact;
  std::vector<std::uint32_t> left_out;  ///< not chosen, and not covered by what is
  std::size_t covered = 0;
  std::size_t duplicates = 0;

  std::size_t size() const { return subdomains.size() + exact.size(); }
};
/// `chosen`: by index, whether a name may be taken; empty for all.
ReducedDomains reduce(const DomainTable& table, std::span<const std::uint32_t> order, const std::vector<bool>& chosen);

/// Microseconds on the average flow, measured with cold caches (docs/packing.md).
struct PackCosts {
  double rule = 1.0 / 2'560;  ///< what a rule must save to be worth its place
  double wake = 0.4;          ///< a rule whose content occurs in the name
  double regex = 1.2;         ///< one whose content ends the name, so that its regex runs
};

/// Names that end alike, as one rule.
struct Pack {
  std::string_view suffix;  ///< of each of them, not more than a whole name
  std::uint32_t names = 1;
  std::string words;  ///< regex of what stands before the suffix; empty for one name, which is the suffix
  std::string cell;   ///< which of the suffix's packs this is; the same for the same place in the tree
};

struct PackLimits {
  std::size_t words_bytes = 7'800;  ///< of Pack::words, the suffix and once more the suffix as a regex
};

struct Cut {
  std::vector<Pack> packs;  ///< in the order of the names
  double cost = 0;          ///< microseconds that the model expects on the average flow
};

/// Cuts names (of one scope, as reduce() sorted them) into packs. The cuts depend on nothing but the names, the prior
/// and the numbers given.
Cut cut(const DomainTable& table, std::span<const std::uint32_t> names, const TrafficPrior& prior,
        const PackCosts& costs, const PackLimits& limits);

}  // namespace intelwall::rules
