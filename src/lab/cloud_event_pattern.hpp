#pragma once

#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// Event patterns of EventBridge: exact values, prefix, suffix, equals-ignore-case, exists, anything-but, numeric, $or.
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
/// InvalidEventPatternException where the pattern is malformed or uses an operator that is not modelled here.
ApiResult<void> check_event_pattern(const Json& pattern);

/// `pattern` must have passed the check.
bool matches_event(const Json& pattern, const Json& event);

}  // namespace intelwall::lab
