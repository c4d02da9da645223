#pragma once

#include <nlohmann/json_fwd.hpp>

#include "app/intel.hpp"

namespace intelwall::cli {

/// A query's count, first indicators and facets, as `intel search` and `hunt preview` show them.
nlohmann::json to_json(const app::Preview& preview);
void print(const app::Preview& preview);

}  // namespace intelwall::cli
