#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace intelwall::lab {

// resolver 10.94.0.2 ── workload 10.94.0.10 ── inside │firewall│ outside ── internet 198.51.100.80
// The firewall's two interfaces have no address: only what an inline engine copies from one to the other gets through.
inline constexpr const char* workload_namespace = "iw-workload";
inline constexpr const char* firewall_namespace = "iw-firewall";
inline constexpr const char* internet_namespace = "iw-internet";
inline constexpr const char* inside_interface = "iw-inside";
inline constexpr const char* outside_interface = "iw-outside";
inline constexpr const char* workload_address = "10.94.0.10";
inline constexpr const char* workload_instance = "i-0a1b2c3d4e5f60718";
/// The VPC's resolver stands beside the workload: what is asked of it does not pass the firewall.
inline constexpr const char* resolver_address = "10.94.0.2";

/// The three namespaces, their cables (offloads off, as an inline engine must see the packets that were sent) and
/// addresses. On failure nothing is left.
Result<void> create_network();
/// Ends all processes in the namespaces, then the namespaces. What is not there is no error.
Result<void> remove_network();
/// Those of the three that exist.
std::vector<std::string> existing_namespaces();
/// Processes whose network is that of namespace `name`.
std::vector<int> processes_in(const std::string& name);

/// Why network namespaces cannot be made here, or success: root, or an ordinary user inside `unshare -Urnm` with a
/// writable /run.
Result<void> can_create_network();

/// Runs `work` on a thread of its own inside the network namespace; processes started there stay there.
Result<void> in_namespace(const std::string& name, const std::function<Result<void>()>& work);
/// The same in a mount namespace in which `resolver` stands in the place of /etc/resolv.conf.
Result<void> in_namespace(const std::string& name, const std::filesystem::path& resolver,
                          const std::function<Result<void>()>& work);

}  // namespace intelwall::lab
