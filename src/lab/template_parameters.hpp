#pragma once

#include <map>
#include <string>

#include "core/result.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// The values of a template's parameters (texts, or lists of texts): those given, else defaults, each held against its
/// constraints. Types: String, Number, CommaDelimitedList, List<Number>. Errors name the parameter, with its
/// ConstraintDescription as hint, and never its value, which may be a secret.
/// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
Result<std::map<std::string, Json>> parameter_values(const Json& document,
                                                     const std::map<std::string, std::string>& given);

}  // namespace intelwall::lab
