#include "rules/compile_groups.hpp"

#include <algorithm>
#include <cmath>

namespace intelwall::rules {
namespace {

/// Groups end near equal parts, within this part of one to both sides.
constexpr double leeway = 0.04;

/// `count` groups that end near equal parts of the bytes (or of the rules, where they are what fills a group); nothing
/// when one is too large.
std::optional<std::vector<Share>> share_out_over(std::span<const Unit> units, std::span<const std::uint64_t> rules,
                                                 const GroupLimits& limits, std::size_t count) {
  const bool by_rules = static_cast<double>(rules.back()) / static_cast<double>(limits.rules) >
                        static_cast<double>(units.back().end) / static_cast<double>(limits.bytes);
  const auto position = [&](std::size_t i) { return static_cast<double>(by_rules ? rules[i] : units[i].end); };
  const double part = position(units.size() - 1) / static_cast<double>(count);
  std::vector<Share> shares;
  std::size_t first = 0;
  for (std::size_t group = 1; group <= count && first < units.size(); ++group) {
    auto last = units.size();
    if (group < count) {
      const double wanted = part * static_cast<double>(group);
      const auto at_least = [&](double limit) {
        auto low = first;
        auto high = units.size() - 1;
        while (low < high) {
          const auto middle = (low + high) / 2;
          if (position(middle) < limit) {
            low = middle + 1;
          } else {
            high = middle;
          }
        }
        return low;
      };
      const auto begin = at_least(wanted - leeway * part);
      const auto end = std::max(begin + 1, at_least(wanted + leeway * part));
      // Of the units in reach, the one with the least hash is the last: it stays so while the reach moves a little.
      auto best = begin;
      for (auto i = begin; i < std::min(end, units.size()); ++i) {
        if (units[i].hash < units[best].hash) best = i;
      }
      last = best + 1;
    }
    const auto bytes = units[last - 1].end - (first == 0 ? 0 : units[first - 1].end);
    const auto in_group = rules[last - 1] - (first == 0 ? 0 : rules[first - 1]);
    if (bytes > limits.bytes || in_group > limits.rules) return std::nullopt;
    shares.push_back({first, last});
    first = last;
  }
  return shares;
}

std::optional<std::vector<Share>> share_out_anew(std::span<const Unit> units, const GroupLimits& limits,
                                                 std::size_t max_groups) {
  std::vector<std::uint64_t> rules;
  rules.reserve(units.size());
  std::uint64_t sum = 0;
  for (const auto& unit : units) rules.push_back(sum += unit.rules);
  const auto least =
      std::max((units.back().end + limits.bytes - 1) / limits.bytes, (sum + limits.rules - 1) / limits.rules);
  for (auto count = least; count <= max_groups; ++count) {
    if (auto shares = share_out_over(units, rules, limits, count)) return shares;
  }
  return std::nullopt;
}

/// Each part between two begins for itself.
std::optional<std::vector<Share>> share_out_parts(std::span<const Unit> units, const GroupLimits& limits,
                                                  std::size_t max_groups, std::span<const std::size_t> begins) {
  std::vector<Share> shares;
  std::size_t first = 0;
  for (std::size_t i = 0; i <= begins.size(); ++i) {
    const auto last = i < begins.size() ? begins[i] : units.size();
    if (last == first) continue;
    std::vector<Unit> part(units.begin() + static_cast<std::ptrdiff_t>(first),
                           units.begin() + static_cast<std::ptrdiff_t>(last));
    for (auto& unit : part) unit.end -= first == 0 ? 0 : units[first - 1].end;
    const auto of_part = share_out_anew(part, limits, max_groups - shares.size());
    if (!of_part) return std::nullopt;
    for (const auto& share : *of_part) shares.push_back({first + share.first, first + share.last});
    first = last;
  }
  return shares;
}

}  // namespace

std::optional<std::vector<Share>> share_out(std::span<const Unit> units, const GroupLimits& limits,
                                            std::size_t max_groups, std::span<const std::size_t> begins) {
  if (units.empty()) return std::vector<Share>{};
  if (limits.bytes == 0 || limits.rules == 0) return std::nullopt;
  if (!begins.empty()) {
    if (auto shares = share_out_parts(units, limits, max_groups, begins)) return shares;
  }
  return share_out_anew(units, limits, max_groups);
}

}  // namespace intelwall::rules
