#pragma once

#include <simdjson.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace intelwall::findings {

/// How a format spells its keys: "DnsRequestAction" (ASFF, SDK answers) or "dnsRequestAction" (GuardDuty on the wire).
enum class Spelling { upper_camel, lower_camel };
enum class Kind { object, array, string, number, boolean };

/// A JSON value that knows where it stands, so that evidence and errors can name the place. A child points to its
/// parent: the parent must stay where it is while the child is used, and the simdjson parser must not parse anything
/// else.
class Node {
 public:
  explicit Node(simdjson::dom::element value) : value_(value) {}
  static Node member_of(const Node& parent, std::string_view key, simdjson::dom::element value);
  static Node item_of(const Node& parent, std::size_t index, simdjson::dom::element value);
  /// The same value with other spelling for everything below it.
  Node spelled(Spelling spelling) const;

  /// The member `key` (given in UpperCamel), or nothing when it is absent or null. Another type than `kind` is an
  /// error. The first of several equal keys counts.
  Result<std::optional<Node>> member(std::string_view key, Kind kind) const;
  /// The text of a string member, empty when it is absent or null.
  Result<std::string_view> text_of(std::string_view key) const;
  bool has(std::string_view key) const;

  bool is(Kind kind) const;
  std::string_view text() const;  ///< of a string, else empty
  double number() const;          ///< of a number, else 0
  bool truth() const;             ///< of a boolean, else false

  /// "ProductFields['a/b'][2].Id", from the document's root or from below `ancestor`.
  std::string path(const Node* ancestor = nullptr) const;
  Error error(std::string message, std::string hint) const;
  /// "must be a string, but is a number"
  Error wrong_kind(Kind wanted) const;
  const char* kind_name() const;

  /// Calls `visit(Node)` for each item of an array until it returns an error; nothing to do when `array` is empty.
  template <class Visit>
  static Result<void> each_item(const std::optional<Node>& array, Kind kind, Visit&& visit) {
    if (!array) return {};
    std::size_t index = 0;
    for (const auto value : simdjson::dom::array(array->value_)) {
      const auto item = item_of(*array, index++, value);
      if (!item.is(kind)) return std::unexpected(item.wrong_kind(kind));
      IW_CHECK(visit(item));
    }
    return {};
  }
  /// Calls `visit(key, Node)` for each member of an object until it returns an error.
  template <class Visit>
  static Result<void> each_member(const std::optional<Node>& object, Visit&& visit) {
    if (!object) return {};
    for (const auto [key, value] : simdjson::dom::object(object->value_)) {
      IW_CHECK(visit(key, member_of(*object, key, value)));
    }
    return {};
  }
  simdjson::dom::element value() const { return value_; }

 private:
  std::optional<Node> find(std::string_view key) const;

  simdjson::dom::element value_;
  const Node* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = 0;
  Spelling spelling_ = Spelling::upper_camel;
};

/// The first `limit` bytes of `text`, cut between characters.
std::string bounded(std::string_view text, std::size_t limit = 512);

}  // namespace intelwall::findings
