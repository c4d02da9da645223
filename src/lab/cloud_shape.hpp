#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// A pattern of the service model, and our own matcher for it (no regular expressions on untrusted text).
struct Pattern {
  const char* text;
  bool (*matches)(std::string_view value);
};
namespace patterns {
extern const Pattern one_line;    ///< ^.*$
extern const Pattern name;        ///< ^[a-zA-Z0-9-]+$
extern const Pattern arn;         ///< ^arn:aws.*
extern const Pattern token;       ///< a lower-case UUID
extern const Pattern variable;    ///< ^[A-Za-z][A-Za-z0-9_]*$
extern const Pattern not_blank;   ///< .*\S.*
extern const Pattern account;     ///< ^[0-9]{12}$
extern const Pattern event_name;  ///< [\.\-_A-Za-z0-9]+
}  // namespace patterns

/// The form of one input, as the service's model states it. Immutable.
class Shape {
 public:
  enum class Kind { text, integer, boolean, structure, list, map, any };
  enum class Need { optional, required };
  struct Member {
    std::string name;
    std::shared_ptr<const Shape> shape;
    Need need = Need::optional;
  };

  Kind kind = Kind::any;
  std::int64_t least = 0;  ///< bytes of a text, elements of a list or map, value of an integer
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const Pattern* pattern = nullptr;
  std::vector<std::string> values;  ///< of an enumeration
  std::vector<Member> members;
  bool closed = false;  ///< a member it does not know is a violation; otherwise it is ignored, as services do
  std::shared_ptr<const Shape> key, element;
};
using ShapePtr = std::shared_ptr<const Shape>;

namespace shapes {
inline constexpr std::int64_t unbounded = std::numeric_limits<std::int64_t>::max();
ShapePtr text(std::int64_t least = 0, std::int64_t most = unbounded, const Pattern* pattern = nullptr);
ShapePtr one_of(std::vector<std::string> values);
ShapePtr integer(std::int64_t least = std::numeric_limits<std::int32_t>::min(),
                 std::int64_t most = std::numeric_limits<std::int32_t>::max());
ShapePtr boolean();
ShapePtr any();     ///< not looked into
ShapePtr object();  ///< a structure that is not looked into
ShapePtr list(ShapePtr element, std::int64_t least = 0, std::int64_t most = unbounded);
ShapePtr map(ShapePtr key, ShapePtr element, std::int64_t most = unbounded);
ShapePtr structure(std::vector<Shape::Member> members);
ShapePtr closed_structure(std::vector<Shape::Member> members);
inline Shape::Member required(std::string name, ShapePtr shape) {
  return {std::move(name), std::move(shape), Shape::Need::required};
}
inline Shape::Member optional(std::string name, ShapePtr shape) {
  return {std::move(name), std::move(shape), Shape::Need::optional};
}
}  // namespace shapes

/// The first way in which a value departs from its shape.
struct Violation {
  enum class Kind { wrong_type, missing, unknown, length, range, pattern, value };
  Kind kind;
  std::string path;        ///< "RuleGroup.RulesSource", "Tags[0].Key"
  std::string value;       ///< printable
  std::string constraint;  ///< "Member must have length less than or equal to 128"
};
std::optional<Violation> find_violation(const Shape& shape, const Json& value);
/// Takes out nulls and members that the shape does not know, as services do.
void prune(const Shape& shape, Json& value);

/// In the words of AWS's front end: "1 validation error detected: Value null at 'ruleGroup.rulesSource' failed to
/// satisfy constraint: Member must not be null".
ApiError to_api_error(const Violation& violation);

/// Refuses an operation's input that is not as its shape says, and prunes what is. Services whose errors have names of
/// their own do this step by step.
ApiResult<void> check_input(const Shape& shape, Json& input);
/// What a service says of an operation that the lab does not have.
std::unexpected<ApiError> no_operation(const std::string& operation, int status = 400);

/// A member of a checked structure, or `otherwise`.
std::string text_or(const Json& object, const char* name, std::string otherwise = {});
std::int64_t integer_or(const Json& object, const char* name, std::int64_t otherwise);
bool is_true(const Json& object, const char* name);
/// A member that is an object or array, or an empty object.
const Json& child(const Json& object, const char* name);
/// Present and not null.
bool has(const Json& object, const char* name);

/// One page of a list: `items` from `NextToken` on, at most `MaxResults` (or `otherwise`). Tokens are "page:N".
struct Page {
  Json items = Json::array();
  std::optional<std::string> next;
};
ApiResult<Page> page_of(const std::vector<Json>& items, const Json& input, std::size_t otherwise,
                        const char* error_name);

}  // namespace intelwall::lab
