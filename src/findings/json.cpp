#include "findings/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace intelwall::findings {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::size_t max_key_in_path = 160;

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_key(std::string_view there, std::string_view wanted, Spelling spelling) {
  if (there.size() != wanted.size() || there.empty()) return false;
  const char first = spelling == Spelling::lower_camel ? to_lower(wanted.front()) : wanted.front();
  return there.front() == first && there.substr(1) == wanted.substr(1);
}

bool is_plain_key(std::string_view key) {
  return !key.empty() && key.size() <= max_key_in_path && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

const char* kind_word(Kind kind) {
  switch (kind) {
    case Kind::object:
      return "an object";
    case Kind::array:
      return "a list";
    case Kind::string:
      return "a string";
    case Kind::number:
      return "a number";
    case Kind::boolean:
      return "true or false";
  }
  return "";
}

}  // namespace

Node Node::member_of(const Node& parent, std::string_view key, element value) {
  Node node(value);
  node.parent_ = &parent;
  node.key_ = key;
  node.spelling_ = parent.spelling_;
  return node;
}

Node Node::item_of(const Node& parent, std::size_t index, element value) {
  auto node = member_of(parent, {}, value);
  node.key_ = std::string_view(nullptr, 0);
  node.index_ = index;
  return node;
}

Node Node::spelled(Spelling spelling) const {
  auto node = *this;
  node.spelling_ = spelling;
  return node;
}

std::optional<Node> Node::find(std::string_view key) const {
  if (!value_.is_object()) return std::nullopt;
  const simdjson::dom::object object(value_);
  for (auto it = object.begin(); it != object.end(); ++it) {
    if (same_key(it.key(), key, spelling_)) return member_of(*this, it.key(), it.value());
  }
  return std::nullopt;
}

Result<std::optional<Node>> Node::member(std::string_view key, Kind kind) const {
  auto node = find(key);
  if (!node || node->value_.is_null()) return std::nullopt;
  if (!node->is(kind)) return std::unexpected(node->wrong_kind(kind));
  return node;
}

Result<std::string_view> Node::text_of(std::string_view key) const {
  IW_TRY(const auto node, member(key, Kind::string));
  return node ? node->text() : std::string_view{};
}

bool Node::has(std::string_view key) const {
  return find(key).has_value();
}

bool Node::is(Kind kind) const {
  switch (kind) {
    case Kind::object:
      return value_.is_object();
    case Kind::array:
      return value_.is_array();
    case Kind::string:
      return value_.is_string();
    case Kind::number:
      return value_.is_number();
    case Kind::boolean:
      return value_.is_bool();
  }
  return false;
}

std::string_view Node::text() const {
  std::string_view text;
  return value_.get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

double Node::number() const {
  double number = 0;
  return value_.get(number) == simdjson::SUCCESS ? number : 0;
}

bool Node::truth() const {
  bool truth = false;
  return value_.get(truth) == simdjson::SUCCESS && truth;
}

std::string Node::path(const Node* ancestor) const {
  std::vector<const Node*> steps;
  for (const auto* node = this; node != nullptr && node != ancestor && node->parent_ != nullptr; node = node->parent_) {
    steps.push_back(node);
  }
  std::string path;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const auto key = (*step)->key_;
    if (key.data() == nullptr) {
      path += fmt::format("[{}]", (*step)->index_);
    } else if (is_plain_key(key)) {
      if (!path.empty()) path += '.';
      path += key;
    } else {
      path += fmt::format("['{}']", printable(key, max_key_in_path));
    }
  }
  return path;
}

Error Node::error(std::string message, std::string hint) const {
  return {ErrorCode::invalid_input, std::move(message), path(), std::move(hint)};
}

Error Node::wrong_kind(Kind wanted) const {
  return error(fmt::format("must be {}, but is {}", kind_word(wanted), kind_name()),
               "compare the record with the format's documentation, or leave the field out");
}

const char* Node::kind_name() const {
  switch (value_.type()) {
    case element_type::ARRAY:
      return kind_word(Kind::array);
    case element_type::OBJECT:
      return kind_word(Kind::object);
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return kind_word(Kind::number);
    case element_type::STRING:
      return kind_word(Kind::string);
    case element_type::BOOL:
      return kind_word(Kind::boolean);
    case element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

std::string bounded(std::string_view text, std::size_t limit) {
  if (text.size() > limit) {
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
    text = text.substr(0, limit);
  }
  return std::string(text);
}

}  // namespace intelwall::findings
