#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// A filter pattern of CloudWatch Logs. Of JSON patterns it has `=`, `!=`, `<`, `<=`, `>`, `>=`, `IS NULL`, `IS TRUE`,
/// `IS FALSE`, `NOT EXISTS`, `&&`, `||`, parentheses, `*` in values and [n] and [*] in selectors; of the others plain
/// terms, "phrases", ?optional and -excluded ones. Regular expressions and space-delimited patterns are refused.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
class LogPattern {
 public:
  /// InvalidParameterException where it is malformed, too long, or uses what is not modelled here.
  static ApiResult<LogPattern> parse(std::string_view text);
  bool matches(std::string_view message) const;

 private:
  friend class LogPatternParser;
  /// A step into a value: a member's name, an index, or every element.
  struct Step {
    enum class Kind { member, index, each };
    Kind kind = Kind::member;
    std::string name;
    std::size_t index = 0;
  };
  enum class Relation { equal, unequal, less, less_equal, greater, greater_equal, is_null, is_true, is_false, absent };
  struct Node {
    enum class Kind { condition, all, any };
    Kind kind = Kind::condition;
    std::vector<Node> parts;  ///< of `all` and `any`
    std::vector<Step> selector;
    Relation relation = Relation::equal;
    std::string value;  ///< with its stars
    enum class Compare { text, number };
    Compare compare = Compare::text;
    double number = 0;
  };
  static bool holds(const Node& node, const Json& document);
  static bool holds_for(const Node& node, const Json& value);
  static bool any_selected(const Node& node, const Json& value, std::size_t step);

  enum class Form { terms, json };
  Form form_ = Form::terms;
  Node root_;
  std::vector<std::string> required_, optional_, excluded_;
};

/// Whether `text` is `pattern`, in which each "*" stands for any run of bytes.
bool matches_stars(std::string_view pattern, std::string_view text);

}  // namespace intelwall::lab
