#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace intelwall::falcon {

/// Scheme and host of a server, lower case; the host with ":port" where it is not the scheme's own.
struct Origin {
  std::string scheme, host;

  std::string text() const { return scheme + "://" + host; }
  /// The host without its port.
  std::string_view name() const;
  bool operator==(const Origin&) const = default;
};

/// An absolute http or https URL, decoded.
struct Url {
  Origin origin;
  std::string path = "/";
  std::vector<std::pair<std::string, std::string>> query;
};

/// Strict: no user name or password, no fragment, no white space or control character, a port from 1 to 65535. The
/// error does not repeat the text, which may hold a secret.
Result<Url> parse_url(std::string_view text);

/// Whether http to this host stays on this machine.
bool is_loopback(const Origin& origin);

}  // namespace intelwall::falcon
