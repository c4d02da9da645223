#include "policy/customer_suffix.hpp"

#include <array>

namespace intelwall::policy {
namespace {

/// Takes the last label off `name`; what is left is empty after the first one.
std::string_view take_last_label(std::string_view& name) {
  const std::size_t dot = name.rfind('.');
  const std::string_view label = name.substr(dot + 1);
  name = dot == std::string_view::npos ? std::string_view{} : name.substr(0, dot);
  return label;
}

/// The tail of `name` that fits `pattern`, in which "*" is any one label, if there is a label before it.
std::string_view tail_that_fits(std::string_view name, std::string_view pattern) {
  std::string_view rest = name;
  while (!pattern.empty()) {
    const std::string_view wanted = take_last_label(pattern);
    const std::string_view label = take_last_label(rest);
    if (rest.empty() || (wanted != "*" && wanted != label)) return {};
  }
  return name.substr(rest.size() + 1);
}

}  // namespace

std::string_view aws_customer_suffix(const DomainName& name) {
  // Amazon S3 User Guide, "Amazon S3 endpoints and quotas"; API Gateway, "Invoke REST APIs"; Elastic Load Balancing,
  // "DNS name" of a Network Load Balancer.
  constexpr std::array<std::string_view, 9> patterns{
      "s3.*.amazonaws.com",          "s3.dualstack.*.amazonaws.com",   "s3-website.*.amazonaws.com",
      "s3-accelerate.amazonaws.com", "s3-accesspoint.*.amazonaws.com", "execute-api.*.amazonaws.com",
      "elb.*.amazonaws.com",         "s3.*.amazonaws.com.cn",          "execute-api.*.amazonaws.com.cn"};
  for (const std::string_view pattern : patterns) {
    if (const std::string_view suffix = tail_that_fits(name.text(), pattern); !suffix.empty()) return suffix;
  }
  return {};
}

}  // namespace intelwall::policy
