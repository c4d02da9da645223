#pragma once

#include "app/context.hpp"

namespace intelwall::lambda {

/// Settings from the function's environment, a session, and guardrails. There is no ledger: the rule groups are the
/// record.
Result<app::Context> make_function_context(const aws::Environment& env);

/// Lists that stand in the Parameter Store may change between calls: an allowed name must be allowed at once.
Result<void> refresh_guardrails(app::Context& context);

}  // namespace intelwall::lambda
