#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace intelwall::aws {

using Json = nlohmann::json;

/// simdjson's strict parser into nlohmann's tree: a rule group of 1.4 MB takes a tenth of nlohmann's own time. Nesting
/// over 512 levels is refused.
Result<Json> parse_json(std::string_view text);
/// Invalid UTF-8 becomes U+FFFD.
std::string dump_json(const Json& json);

/// Readers of answers: a member that is missing or of another kind is the empty value, no exception.
std::string text_in(const Json& object, const char* key);
std::size_t count_in(const Json& object, const char* key);
/// The member, or null.
const Json& member(const Json& object, const char* key);
/// The array's items, or none.
const std::vector<Json>& items_in(const Json& object, const char* key);

}  // namespace intelwall::aws
