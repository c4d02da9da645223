#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "findings/json.hpp"

namespace intelwall::findings {

/// Parts of a record whose shape is not known: left out and counted, for one odd member must not hide an indicator.
struct OddParts {
  std::size_t count = 0;
  std::string first;  ///< path of the first

  void note(const Node& part);
};

/// The members of one of Falcon's objects. It spells the same member in several ways (IOCValue, ioc_value, iocValue;
/// GrandparentCommandLine, GrandParentCommandLine), so keys are compared without case and underscores, and writes
/// numbers as strings and strings as numbers, so scalars are read either way. The holder must stay where it is.
class FalconFields {
 public:
  FalconFields(const Node& holder, OddParts& odd) : holder_(&holder), odd_(&odd) {}

  /// The first of `words` (lower case, no underscores) that is there and neither null, an empty string nor an empty
  /// list.
  std::optional<Node> find(std::initializer_list<std::string_view> words) const;
  /// A string, a number as text, or empty.
  std::string text(std::initializer_list<std::string_view> words) const;
  /// A number, also as a string.
  std::optional<double> number(std::initializer_list<std::string_view> words) const;
  /// A string member as such.
  std::optional<Node> string(std::initializer_list<std::string_view> words) const;
  std::optional<Node> object(std::initializer_list<std::string_view> words) const;

  /// Calls `visit(Node)` for each item of a list, or for the one thing that stands where a list should.
  template <class Visit>
  void each(std::initializer_list<std::string_view> words, Visit&& visit) const {
    const auto list = find(words);
    if (!list) return;
    if (!list->is(Kind::array)) return visit(*list);
    std::size_t index = 0;
    for (const auto value : simdjson::dom::array(list->value())) visit(Node::item_of(*list, index++, value));
  }
  OddParts& odd() const { return *odd_; }

 private:
  const Node* holder_;
  OddParts* odd_;
};

}  // namespace intelwall::findings
