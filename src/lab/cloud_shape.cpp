#include "lab/cloud_shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <charconv>

#include "core/result.hpp"

namespace intelwall::lab {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_alnum(char c) {
  return is_digit(c) || is_alpha(c);
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !(is_digit(text[i]) || (text[i] >= 'a' && text[i] <= 'f'))) return false;
  }
  return true;
}

std::string shown(const Json& value) {
  return printable(value.is_string() ? value.get_ref<const std::string&>() : dump_json(value), 80);
}

class Finder {
 public:
  std::optional<Violation> look(const Shape& shape, const Json& value, const std::string& path) {
    switch (shape.kind) {
      case Shape::Kind::any:
        return {};
      case Shape::Kind::boolean:
        return value.is_boolean() ? std::nullopt : wrong_type(value, path, "a Boolean");
      case Shape::Kind::integer:
        return integer(shape, value, path);
      case Shape::Kind::text:
        return text(shape, value, path);
      case Shape::Kind::list:
        return list(shape, value, path);
      case Shape::Kind::map:
        return map(shape, value, path);
      case Shape::Kind::structure:
        return structure(shape, value, path);
    }
    return {};
  }

 private:
  static std::optional<Violation> wrong_type(const Json& value, const std::string& path, const char* wanted) {
    return Violation{Violation::Kind::wrong_type, path, shown(value),
                     fmt::format("a value of type {} can not be converted to {}", value.type_name(), wanted)};
  }

  static std::optional<Violation> length(const Shape& shape, std::size_t size, std::string value,
                                         const std::string& path) {
    const auto count = static_cast<std::int64_t>(size);
    if (count < shape.least)
      return Violation{Violation::Kind::length, path, std::move(value),
                       fmt::format("Member must have length greater than or equal to {}", shape.least)};
    if (count > shape.most)
      return Violation{Violation::Kind::length, path, std::move(value),
                       fmt::format("Member must have length less than or equal to {}", shape.most)};
    return {};
  }

  static std::optional<Violation> integer(const Shape& shape, const Json& value, const std::string& path) {
    std::int64_t number = 0;
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{1} << 62)
      return wrong_type(value, path, "an Integer");
    if (value.is_number_integer()) {
      number = value.get<std::int64_t>();
    } else {
      return wrong_type(value, path, "an Integer");
    }
    if (number < shape.least)
      return Violation{Violation::Kind::range, path, shown(value),
                       fmt::format("Member must have value greater than or equal to {}", shape.least)};
    if (number > shape.most)
      return Violation{Violation::Kind::range, path, shown(value),
                       fmt::format("Member must have value less than or equal to {}", shape.most)};
    return {};
  }

  static std::optional<Violation> text(const Shape& shape, const Json& value, const std::string& path) {
    if (!value.is_string()) return wrong_type(value, path, "a String");
    const auto& content = value.get_ref<const std::string&>();
    if (!shape.values.empty() && std::ranges::find(shape.values, content) == shape.values.end())
      return Violation{Violation::Kind::value, path, shown(value),
                       fmt::format("Member must satisfy enum value set: [{}]", fmt::join(shape.values, ", "))};
    const auto size = static_cast<std::int64_t>(content.size());
    if (size < shape.least || size > shape.most) return length(shape, content.size(), shown(value), path);
    if (shape.pattern != nullptr && !shape.pattern->matches(content))
      return Violation{Violation::Kind::pattern, path, shown(value),
                       fmt::format("Member must satisfy regular expression pattern: {}", shape.pattern->text)};
    return {};
  }

  std::optional<Violation> list(const Shape& shape, const Json& value, const std::string& path) {
    if (!value.is_array()) return wrong_type(value, path, "a List");
    if (auto found = length(shape, value.size(), "[...]", path)) return found;
    if (shape.element->kind == Shape::Kind::any) return {};
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (auto found = look(*shape.element, value[i], fmt::format("{}[{}]", path, i))) return found;
    }
    return {};
  }

  std::optional<Violation> map(const Shape& shape, const Json& value, const std::string& path) {
    if (!value.is_object()) return wrong_type(value, path, "a Map");
    if (auto found = length(shape, value.size(), "{...}", path)) return found;
    for (const auto& [key, member] : value.items()) {
      if (auto found = look(*shape.key, Json(key), path + ".key")) return found;
      if (auto found = look(*shape.element, member, path + "." + printable(key, 64))) return found;
    }
    return {};
  }

  std::optional<Violation> structure(const Shape& shape, const Json& value, const std::string& path) {
    if (!value.is_object()) return wrong_type(value, path, "a Structure");
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const Shape::Member& member : shape.members) {
      const auto found = value.find(member.name);
      if (found == value.end() || found->is_null()) {
        if (member.need == Shape::Need::required)
          return Violation{Violation::Kind::missing, prefix + member.name, "null", "Member must not be null"};
        continue;
      }
      if (auto violation = look(*member.shape, *found, prefix + member.name)) return violation;
    }
    if (shape.closed) {
      for (const auto& [key, ignored] : value.items()) {
        if (std::ranges::find(shape.members, key, &Shape::Member::name) == shape.members.end())
          return Violation{Violation::Kind::unknown, prefix + printable(key, 64), "", "Member is not known"};
      }
    }
    return {};
  }
};

/// The model's member names start upper case; AWS's front end says them in lower camel case.
std::string lower_camel(std::string_view path) {
  std::string out(path);
  bool start = true;
  for (char& c : out) {
    if (start && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    start = c == '.';
  }
  return out;
}

}  // namespace

namespace patterns {
const Pattern one_line{"^.*$", [](std::string_view v) { return v.find('\n') == std::string_view::npos; }};
const Pattern name{"^[a-zA-Z0-9-]+$", [](std::string_view v) {
                     return !v.empty() && std::ranges::all_of(v, [](char c) { return is_alnum(c) || c == '-'; });
                   }};
const Pattern arn{"^arn:aws.*", [](std::string_view v) { return v.starts_with("arn:aws"); }};
const Pattern token{"^([0-9a-f]{8})-([0-9a-f]{4}-){3}([0-9a-f]{12})$", is_uuid};
const Pattern variable{"^[A-Za-z][A-Za-z0-9_]*$", [](std::string_view v) {
                         return !v.empty() && is_alpha(v[0]) &&
                                std::ranges::all_of(v, [](char c) { return is_alnum(c) || c == '_'; });
                       }};
const Pattern not_blank{
    ".*\\S.*", [](std::string_view v) { return v.find_first_not_of(" \t\r\n\v\f") != std::string_view::npos; }};
const Pattern account{"^[0-9]{12}$",
                      [](std::string_view v) { return v.size() == 12 && std::ranges::all_of(v, is_digit); }};
const Pattern event_name{"[\\.\\-_A-Za-z0-9]+", [](std::string_view v) {
                           return !v.empty() && std::ranges::all_of(v, [](char c) {
                             return is_alnum(c) || c == '.' || c == '-' || c == '_';
                           });
                         }};
}  // namespace patterns

namespace shapes {
namespace {
Shape bounded(Shape::Kind kind, std::int64_t least, std::int64_t most) {
  Shape shape;
  shape.kind = kind;
  shape.least = least;
  shape.most = most;
  return shape;
}
ShapePtr share(Shape shape) {
  return std::make_shared<const Shape>(std::move(shape));
}
}  // namespace

ShapePtr text(std::int64_t least, std::int64_t most, const Pattern* pattern) {
  Shape shape = bounded(Shape::Kind::text, least, most);
  shape.pattern = pattern;
  return share(std::move(shape));
}
ShapePtr one_of(std::vector<std::string> values) {
  Shape shape = bounded(Shape::Kind::text, 0, unbounded);
  shape.values = std::move(values);
  return share(std::move(shape));
}
ShapePtr integer(std::int64_t least, std::int64_t most) {
  return share(bounded(Shape::Kind::integer, least, most));
}
ShapePtr boolean() {
  return share(bounded(Shape::Kind::boolean, 0, 0));
}
ShapePtr any() {
  return share({});
}
ShapePtr object() {
  return structure({});
}
ShapePtr list(ShapePtr element, std::int64_t least, std::int64_t most) {
  Shape shape = bounded(Shape::Kind::list, least, most);
  shape.element = std::move(element);
  return share(std::move(shape));
}
ShapePtr map(ShapePtr key, ShapePtr element, std::int64_t most) {
  Shape shape = bounded(Shape::Kind::map, 0, most);
  shape.key = std::move(key);
  shape.element = std::move(element);
  return share(std::move(shape));
}
ShapePtr structure(std::vector<Shape::Member> members) {
  Shape shape = bounded(Shape::Kind::structure, 0, unbounded);
  shape.members = std::move(members);
  return share(std::move(shape));
}
ShapePtr closed_structure(std::vector<Shape::Member> members) {
  Shape shape = bounded(Shape::Kind::structure, 0, unbounded);
  shape.members = std::move(members);
  shape.closed = true;
  return share(std::move(shape));
}
}  // namespace shapes

std::optional<Violation> find_violation(const Shape& shape, const Json& value) {
  return Finder().look(shape, value, "");
}

void prune(const Shape& shape, Json& value) {
  if (shape.kind == Shape::Kind::list && shape.element->kind != Shape::Kind::text) {
    for (Json& element : value) prune(*shape.element, element);
  } else if (shape.kind == Shape::Kind::map) {
    for (Json& member : value) prune(*shape.element, member);
  } else if (shape.kind == Shape::Kind::structure && !shape.members.empty()) {
    for (auto member = value.begin(); member != value.end();) {
      const auto known = std::ranges::find(shape.members, member.key(), &Shape::Member::name);
      if (known == shape.members.end() || member->is_null()) {
        member = value.erase(member);
      } else {
        prune(*known->shape, *member);
        ++member;
      }
    }
  }
}

ApiError to_api_error(const Violation& violation) {
  const std::string path = lower_camel(violation.path);
  if (violation.kind == Violation::Kind::wrong_type)
    return {"SerializationException", fmt::format("at '{}': {}", path, violation.constraint)};
  const std::string value = violation.kind == Violation::Kind::missing ? "null" : "'" + violation.value + "'";
  return {"ValidationException",
          fmt::format("1 validation error detected: Value {} at '{}' failed to satisfy constraint: {}", value, path,
                      violation.constraint)};
}

bool has(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && !found->is_null();
}

ApiResult<void> check_input(const Shape& shape, Json& input) {
  if (const auto violation = find_violation(shape, input)) return std::unexpected(to_api_error(*violation));
  prune(shape, input);
  return {};
}

std::unexpected<ApiError> no_operation(const std::string& operation, int status) {
  return refuse("UnknownOperationException", fmt::format("the lab has no operation {}", printable(operation, 64)),
                status);
}

std::string text_or(const Json& object, const char* name, std::string otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::move(otherwise);
}

std::int64_t integer_or(const Json& object, const char* name, std::int64_t otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

bool is_true(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

const Json& child(const Json& object, const char* name) {
  static const Json empty = Json::object();
  const auto found = object.find(name);
  return found != object.end() && found->is_structured() ? *found : empty;
}

ApiResult<Page> page_of(const std::vector<Json>& items, const Json& input, std::size_t otherwise,
                        const char* error_name) {
  constexpr std::string_view prefix = "page:";
  std::size_t at = 0;
  if (has(input, "NextToken")) {
    const std::string token = text_or(input, "NextToken");
    const char* begin = token.data() + std::min(prefix.size(), token.size());
    const auto [end, fault] = std::from_chars(begin, token.data() + token.size(), at);
    if (!token.starts_with(prefix) || fault != std::errc{} || end != token.data() + token.size() || at > items.size())
      return refuse(error_name, "the NextToken is not one that this service gave");
  }
  const auto limit = static_cast<std::size_t>(integer_or(input, "MaxResults", static_cast<std::int64_t>(otherwise)));
  const std::size_t end = at + std::min(std::max<std::size_t>(limit, 1), items.size() - at);
  Page page;
  for (; at < end; ++at) page.items.push_back(items[at]);
  if (end < items.size()) page.next = std::string(prefix) + std::to_string(end);
  return page;
}

}  // namespace intelwall::lab
