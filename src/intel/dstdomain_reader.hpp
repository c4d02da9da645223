#pragma once

#include <optional>
#include <string>
#include <vector>

#include "intel/list_reader.hpp"

namespace intelwall::intel {

/// A name of a Squid list, and where it stands.
struct AclName {
  DomainSpec domain;
  std::string file;
  std::size_t line = 0;
};

struct AclNames {
  std::vector<AclName> names;
  std::uint64_t refused_count = 0;  ///< all of them
  std::vector<Refused> refused;     ///< the first ListReport::most_kept of them
};

/// The names of Squid's `dstdomain` and `ssl::server_name` ACLs (https://www.squid-cache.org/Doc/config/acl/):
/// `.evil.com` is the name and its subdomains, `evil.com` only itself. `path` is a file of names, one or several a
/// line, or a squid.conf, where the files that its ACL names in quotes are read too, relative ones from beside it.
/// `acl` is the name of one ACL; without it the squid.conf must have only one of these kinds, and not let its names
/// pass. Other kinds of ACL and regular expressions under that name are refused line by line. Unpacks like
/// open_unpacked().
Result<AclNames> read_dstdomains(const std::string& path, const std::optional<std::string>& acl);

}  // namespace intelwall::intel
