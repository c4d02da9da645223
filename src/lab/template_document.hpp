#pragma once

#include <string_view>

#include "core/result.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// The most bytes that a template has: what CloudFormation takes from a bucket
/// (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
inline constexpr std::size_t template_byte_limit = 1'000'000;

/// A CloudFormation template, YAML or JSON, as one JSON document of bounded depth. Short forms of intrinsic functions
/// are written out: `!Sub x` becomes {"Fn::Sub": "x"}, `!Ref` and `!Condition` keep their names. As CloudFormation
/// does, it refuses aliases, merges, keys that come twice and values that are null. Plain integers and true/false are
/// numbers and booleans; every other plain scalar is a text. Errors name the line.
Result<Json> read_template(std::string_view text);

}  // namespace intelwall::lab
