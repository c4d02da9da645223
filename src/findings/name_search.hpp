#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/domain_name.hpp"
#include "core/public_suffix.hpp"

namespace intelwall::findings {

/// Whether plain names count, or only what is written as an address on purpose: URLs and defanged names.
enum class BareNames { take, leave };

/// Finds domains in running text: URLs, defanged names, and plain names that are not file names, versions, mail
/// addresses, paths, ARNs or AWS's own service names.
class NameSearch {
 public:
  struct Hit {
    std::string_view token;  ///< where in the text it stands
    DomainSpec domain;
  };
  /// Looks at the first 16 KiB (ASFF allows 2 KiB in its longest text).
  std::vector<Hit> in(std::string_view text, BareNames bare);

 private:
  bool is_known_tld(std::string_view label);
  bool is_aws_service(const DomainName& name);
  void look_at(std::string_view token, BareNames bare, std::vector<Hit>& hits);
  void look_at_url(std::string_view url, std::vector<Hit>& hits);
  void look_at_name(std::string_view text, BareNames bare, std::vector<Hit>& hits);
  const PublicSuffixes* suffixes();

  std::optional<Result<PublicSuffixes>> suffixes_;  // loaded when the first name turns up
  std::unordered_map<std::string, bool> known_tlds_;
};

/// Whether `text` can hold a domain at all: it has a dot, plain or defanged.
bool may_hold_name(std::string_view text);

}  // namespace intelwall::findings
