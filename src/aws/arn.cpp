#include "aws/arn.hpp"

namespace intelwall::aws {

std::optional<Arn> Arn::parse(std::string_view text) {
  if (!text.starts_with("arn:")) return std::nullopt;
  text.remove_prefix(4);
  Arn arn;
  for (auto* part : {&arn.partition, &arn.service, &arn.region, &arn.account}) {
    const auto end = text.find(':');
    if (end == std::string_view::npos) return std::nullopt;
    *part = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  if (arn.partition.empty() || arn.service.empty() || text.empty()) return std::nullopt;
  arn.resource = text;
  return arn;
}

std::string name_of_arn(std::string_view arn) {
  return std::string(arn.substr(arn.rfind('/') + 1));
}

}  // namespace intelwall::aws
