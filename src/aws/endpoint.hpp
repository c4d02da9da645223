#pragma once

#include <string>

#include "aws/credentials.hpp"

namespace intelwall::aws {

struct Endpoint {
  std::string scheme, host;  ///< host with ":port" where it is not the scheme's own
  std::string base_path;     ///< without a slash at the end; usually empty
  bool given = false;        ///< by a variable: it knows no host but this one
};

/// AWS_ENDPOINT_URL_<id>, else AWS_ENDPOINT_URL, else https://<prefix>.<region>.<partition's suffix>.
Result<Endpoint> resolve_endpoint(const Environment& env, const std::string& id, const std::string& prefix,
                                  const std::string& region);

/// A region's name becomes part of a host name: lower-case letters, digits and hyphens, at most 40 characters.
bool is_region_name(std::string_view text);

}  // namespace intelwall::aws
