#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace intelwall::aws {

/// The text of the first `<tag>…</tag>` in the answer of a query service, its five entities resolved; empty when there
/// is none. No tree and no attributes: these answers are flat where we read them.
std::string xml_text(std::string_view xml, std::string_view tag);
/// What stands in each `<item>` directly within the first `<list>`.
std::vector<std::string_view> xml_items(std::string_view xml, std::string_view list);
/// What stands in each `<tag>…</tag>`, for elements that hold none of their own name.
std::vector<std::string_view> xml_elements(std::string_view xml, std::string_view tag);

}  // namespace intelwall::aws
