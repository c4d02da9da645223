#pragma once

#include <string>
#include <vector>

#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// The Filters of GetFindings, as far as text filters go.
class FindingFilter {
 public:
  /// InvalidInputException for a filter that is malformed or that the lab does not have.
  static ApiResult<FindingFilter> parse(const Json& filters);
  bool accepts(const Json& finding) const;

 private:
  struct Test {
    std::string comparison, value;
    std::string key;  ///< of a map
  };
  struct Field {
    Json::json_pointer path;
    std::vector<Test> tests;
  };
  static std::vector<std::string> texts_of(const Field& field, const Test& test, const Json& finding);
  static bool accepts(const Field& field, const Json& finding);
  std::vector<Field> fields_;
};

}  // namespace intelwall::lab
