#include "aws/json_text.hpp"

#include <simdjson.h>

namespace intelwall::aws {

namespace {

constexpr std::size_t max_depth = 512;

/// Recursion ends at max_depth, which the parser has checked.
Json convert(simdjson::dom::element element) {
  using Type = simdjson::dom::element_type;
  switch (element.type()) {
    case Type::OBJECT: {
      Json object = Json::object();
      const simdjson::dom::object members = element.get_object().value_unsafe();
      for (const auto field : members) object[std::string(field.key)] = convert(field.value);
      return object;
    }
    case Type::ARRAY: {
      Json array = Json::array();
      const simdjson::dom::array items = element.get_array().value_unsafe();
      for (const auto item : items) array.push_back(convert(item));
      return array;
    }
    case Type::STRING:
      return std::string(element.get_string().value_unsafe());
    case Type::INT64: {
      const auto number = element.get_int64().value_unsafe();
      return number >= 0 ? Json(static_cast<std::uint64_t>(number)) : Json(number);
    }
    case Type::UINT64:
      return element.get_uint64().value_unsafe();
    case Type::DOUBLE:
      return element.get_double().value_unsafe();
    case Type::BOOL:
      return element.get_bool().value_unsafe();
    case Type::NULL_VALUE:
      break;
  }
  return nullptr;
}

/// Long texts, of which rule groups are made, are copied in runs: the library looks at each byte.
void append_text(std::string& out, const std::string& text) {
  const auto mark = out.size();
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool escaped = byte == '"' || byte == '\\' || byte == '\n';
    if (!escaped && byte >= 0x20 && byte < 0x80) continue;
    if (!escaped) {
      // Control characters, and UTF-8 that may not be any.
      out.resize(mark);
      out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
      return;
    }
    out.append(text, copied, i - copied);
    out += '\\';
    out += byte == '\n' ? 'n' : text[i];
    copied = i + 1;
  }
  out.append(text, copied);
  out += '"';
}

void append(std::string& out, const Json& json) {
  char separator = '\0';
  const auto separate = [&] {
    if (separator != '\0') out += separator;
    separator = ',';
  };
  if (json.is_object()) {
    out += '{';
    for (const auto& [key, value] : json.get_ref<const Json::object_t&>()) {
      separate();
      append_text(out, key);
      out += ':';
      append(out, value);
    }
    out += '}';
  } else if (json.is_array()) {
    out += '[';
    for (const auto& item : json) {
      separate();
      append(out, item);
    }
    out += ']';
  } else if (json.is_string()) {
    append_text(out, json.get_ref<const std::string&>());
  } else {
    out += json.dump();
  }
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  simdjson::dom::parser parser;
  auto error = parser.allocate(text.size(), max_depth);
  simdjson::dom::element root;
  if (!error) error = parser.parse(text.data(), text.size()).get(root);
  if (error) return fail(ErrorCode::protocol, "this is not JSON (" + std::string(simdjson::error_message(error)) + ")");
  return convert(root);
}

std::string dump_json(const Json& json) {
  std::string out;
  append(out, json);
  return out;
}

const Json& member(const Json& object, const char* key) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

std::string text_in(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_string() ? value.get_ref<const std::string&>() : std::string();
}

std::size_t count_in(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_number_unsigned() ? value.get<std::size_t>() : 0;
}

const std::vector<Json>& items_in(const Json& object, const char* key) {
  static const std::vector<Json> none;
  const Json& value = member(object, key);
  return value.is_array() ? value.get_ref<const std::vector<Json>&>() : none;
}

}  // namespace intelwall::aws
