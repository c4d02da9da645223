#include "firewalls/policy_limits.hpp"

#include <string>

namespace intelwall::firewalls {

std::optional<int> number_behind(std::string_view name, std::string_view stem) {
  if (!name.starts_with(stem)) return std::nullopt;
  const auto digits = name.substr(stem.size());
  if (digits.empty() || digits.size() > 4 || digits[0] == '0' ||
      digits.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  return std::stoi(std::string(digits));
}

}  // namespace intelwall::firewalls
