#pragma once

#include <string_view>

#include "core/domain_name.hpp"

namespace intelwall::policy {

/// The part of `name` below which AWS gives names to its customers, regional endpoints of S3, API Gateway and Network
/// Load Balancer; empty when `name` lies below none. The Public Suffix List has most of them since 2023, but Debian 12
/// carries an older one, which would make every bucket outside us-east-1 look like AWS itself.
std::string_view aws_customer_suffix(const DomainName& name);

}  // namespace intelwall::policy
