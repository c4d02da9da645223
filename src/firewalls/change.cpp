#include "firewalls/change.hpp"

#include <fmt/format.h>

#include <unordered_map>

namespace intelwall::firewalls {

Result<void> guard_removals(const Change& change, std::size_t enforced, double most, const std::string& firewall) {
  if (change.intent == Change::Intent::deliberate || change.remove.size() <= always_removable) return {};
  if (change.remove.size() <= static_cast<std::size_t>(most * static_cast<double>(enforced))) return {};
  return fail(ErrorCode::refused,
              fmt::format("{} of {} decisions would be removed at once, more than {:.0f} %", change.remove.size(),
                          enforced, most * 100),
              firewall, "look at the plan; raise max_removals in the configuration if this is meant");
}

std::vector<std::string> surplus(const std::vector<std::string>& after, const std::vector<std::string>& before) {
  std::unordered_map<std::string_view, int> counts;
  for (const auto& line : before) ++counts[line];
  std::vector<std::string> out;
  for (const auto& line : after)
    if (--counts[line] < 0) out.push_back(line);
  return out;
}

}  // namespace intelwall::firewalls
