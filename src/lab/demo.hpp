#pragma once

#include <filesystem>
#include <optional>

#include "core/result.hpp"
#include "lab/lab.hpp"

namespace intelwall::lab {

struct DemoOptions {
  std::filesystem::path self;                 ///< the intelwall binary, which the demo drives as a user would
  std::optional<std::filesystem::path> json;  ///< writes {"ok","seconds_to_block","seconds_from_event","steps":[…]}
  enum class After { down, keep_up };
  After after = After::down;
  std::optional<TemplateOptions> stack;  ///< its functions do what else commands do
  int repeat = 0;  ///< after the steps, the road from event to dropped packet so many times, for median and p95
};

/// Runs both scenarios in the lab, step by step, printing each proof. True when every proof holds.
Result<bool> demo(const DemoOptions& options);

}  // namespace intelwall::lab
