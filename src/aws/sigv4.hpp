#pragma once

#include <string>

#include "aws/credentials.hpp"
#include "aws/http.hpp"

namespace intelwall::aws {

struct SigningScope {
  std::string region;
  std::string service;  ///< signing name, e.g. "network-firewall"
};

/// Adds X-Amz-Date, X-Amz-Security-Token (when there is a token) and Authorization to the request: AWS Signature
/// Version 4 over all its headers, the host and the body's SHA-256. The path is normalized and encoded twice, but for
/// S3
/// ("s3"), which takes it as it is and wants the hash as a header too.
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
void sign(HttpRequest& request, const SigningScope& scope, const Credentials& credentials, Time now);

/// The signature that `sign` would give for the headers listed in `signed_headers` ("host;x-amz-date"); for a server
/// that checks one. `wire_path` and `wire_query` are as received (encoded).
std::string signature_for(const std::string& method, const std::string& wire_path, const std::string& wire_query,
                          const std::multimap<std::string, std::string>& lower_case_headers,
                          const std::string& signed_headers, const std::string& body, const std::string& amz_date,
                          const SigningScope& scope, const std::string& secret_access_key);

}  // namespace intelwall::aws
