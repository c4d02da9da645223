#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/result.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// A text, number or boolean as CloudFormation compares and joins it; nothing for other values.
std::optional<std::string> scalar_text(const Json& value);

/// Evaluates intrinsic functions: Ref, GetAtt, Sub, If, Join, Select, Split, FindInMap, Base64 in values; Equals, And,
/// Or, Not, Contains, EachMemberEquals, EachMemberIn and Condition in conditions. Only the branch of an If that is
/// taken is looked at. Errors name the place, such as "Resources.Queue.Properties.Name"; an unknown function is an
/// error. https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
class TemplateValues {
 public:
  /// A resource's Ref, or the named attribute where `attribute` is not empty. Errors have no place.
  using Resolve = std::function<Result<Json>(const std::string& resource, const std::string& attribute)>;

  /// `document` must outlive it. `names`: what Ref finds beside resources (parameters, pseudo parameters).
  TemplateValues(const Json& document, std::map<std::string, Json> names, Resolve resolve);

  /// The value with all functions applied; what is AWS::NoValue is left out, and discarded at the top.
  Result<Json> value(const Json& written, const std::string& place);
  /// A condition function's result.
  Result<bool> truth(const Json& written, const std::string& place);
  /// A condition of the template by its name.
  Result<bool> condition(const std::string& name, const std::string& place);
  /// The resources that `written` refers to, in the branches that are taken.
  Result<void> collect(const Json& written, const std::string& place, std::set<std::string>& into);

 private:
  Result<Json> function(const std::string& name, const Json& input, const std::string& place);
  Result<Json> look_up(const std::string& name, const std::string& place);
  Result<Json> attribute(const Json& input, const std::string& place);
  Result<Json> substitute(const Json& input, const std::string& place);
  Result<Json> join(const Json& input, const std::string& place);
  Result<Json> select(const Json& input, const std::string& place);
  Result<Json> split(const Json& input, const std::string& place);
  Result<Json> find_in_map(const Json& input, const std::string& place);
  /// The branch of an If that is taken, not yet evaluated.
  Result<const Json*> branch(const Json& input, const std::string& place);
  Result<bool> compare(const std::string& name, const Json& input, const std::string& place);
  Result<std::string> text(const Json& written, const std::string& place);
  Result<Json> list(const Json& written, const std::string& place);

  const Json& document_;
  std::map<std::string, Json> names_;
  Resolve resolve_;
  std::map<std::string, std::optional<bool>> conditions_;  ///< empty while it is being found out
};

}  // namespace intelwall::lab
