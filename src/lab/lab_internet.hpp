#pragma once

#include <filesystem>

#include "core/result.hpp"

namespace intelwall::lab {

/// tls/ca.pem of the lab's state directory: the lab's own certificate authority.
std::filesystem::path ca_file(const std::filesystem::path& directory);
/// The resolv.conf of the workload.
std::filesystem::path resolver_file(const std::filesystem::path& directory);

/// The servers of the lab's internet, in its namespace: nginx (https with a certificate of the lab's CA, http) and
/// dnsmasq (every name has nginx's address, over UDP and TCP). Returns when both answer. Their files lie in
/// `directory`.
Result<void> start_internet(const std::filesystem::path& directory);

}  // namespace intelwall::lab
