#pragma once

#include <string>
#include <vector>

#include "app/context.hpp"

namespace intelwall::app {

/// The text of a list. A file or parameter that does not exist yet is an empty list only for Missing::is_empty.
enum class Missing { is_empty, is_error };
Result<std::string> read_list(Context& context, const ListPlace& place, Missing missing);

/// Adds names to a list, each with a comment; names that are there already are left. Files are replaced whole.
/// Returns the names that were new.
Result<std::vector<DomainSpec>> add_to_list(Context& context, const ListPlace& place,
                                            const std::vector<DomainSpec>& domains, const std::string& comment);

}  // namespace intelwall::app
