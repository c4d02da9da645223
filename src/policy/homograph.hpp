#pragma once

#include <optional>
#include <string>

#include "core/domain_name.hpp"

namespace intelwall::policy {

/// The plain ASCII name that a name with A-labels looks like, when each of its foreign letters has a Latin twin;
/// nothing for other names. The twins are the Cyrillic, Greek, Armenian and Latin letters that common fonts draw as a
/// Latin letter.
std::optional<std::string> imitated_name(const DomainName& name);

}  // namespace intelwall::policy
