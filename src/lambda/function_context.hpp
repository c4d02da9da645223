#pragma once

#include "app/block.hpp"
#include "lambda/handler.hpp"

namespace intelwall::lambda {

/// Settings from the function's environment, a session, and guardrails. There is no ledger: the rule groups are the
/// record.
Result<app::Context> make_function_context(const aws::Environment& env);

/// Error `usage` where the function's environment has none.
Result<std::string> required_variable(const aws::Environment& env, const char* variable, const char* hint);

/// INTELWALL_HUNT_NAME.
Result<std::string> hunt_name(const aws::Environment& env);

/// Where a function keeps what may be lost: INTELWALL_STATE, else Lambda's own disk.
std::filesystem::path scratch_directory(const aws::Environment& env, const char* name);

/// A timer's event says nothing, but is an object.
Result<void> check_schedule_event(const Invocation& invocation);

/// A warning where a change was written and then not seen in force.
void log_unverified(const Invocation& invocation, const app::Enforcement& enforcement);

/// Lists that stand in the Parameter Store may change between calls: an allowed name must be allowed at once.
Result<void> refresh_guardrails(app::Context& context);

}  // namespace intelwall::lambda
