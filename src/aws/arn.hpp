#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace intelwall::aws {

/// "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"; Region and account may be empty.
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
struct Arn {
  std::string partition, service, region, account, resource;
  /// Nothing when the text is none.
  static std::optional<Arn> parse(std::string_view text);
};

/// "NAME" of "arn:…:stateful-rulegroup/NAME", or the text itself when it has no "/".
std::string name_of_arn(std::string_view arn);

}  // namespace intelwall::aws
