#include "intel/fql_matcher.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <unordered_set>

#include "intel/fql_value_test.hpp"

namespace intelwall::fql {

namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Bits = std::uint32_t;
static_assert(max_conditions <= 32);

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
/// Below this a list is walked through.
constexpr std::size_t enough_to_hash = 8;

/// What a member holds as far as a condition asks.
struct Found {
  bool match = false;
  bool present = false;  ///< there is a value, which is not null
};

class Test {
 public:
  Test(const Condition& condition, Time now) : negated_(condition.negated) {
    const Property property = property_named(condition.property);
    for (const Value& value : condition.values) {
      const bool is_empty = value.kind == Value::Kind::text && value.text.empty();
      if (value.kind == Value::Kind::null || (is_empty && condition.relation == Relation::equal))
        holds_for_none_ = true;
      if (value.kind != Value::Kind::null) tests_.emplace_back(condition, value, property.comparison, now);
    }
    ignores_case_ = property.comparison == Comparison::vocabulary;
    if (tests_.size() >= enough_to_hash && std::ranges::all_of(tests_, &ValueTest::is_plain_text))
      for (const ValueTest& test : tests_) texts_.insert(test.text());
    std::string_view rest = condition.property;
    for (auto dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      path_.emplace_back(rest.substr(0, dot));
      rest.remove_prefix(dot + 1);
    }
    path_.emplace_back(rest);
    // Falcon filters labels by their names.
    if (condition.property == "labels") path_.emplace_back("name");
  }

  const std::string& member() const { return path_.front(); }
  bool holds_without_value() const { return holds_for_none_ != negated_; }
  bool holds(const Element& value) const {
    const Found found = look(value, 1);
    return (found.match || (holds_for_none_ && !found.present)) != negated_;
  }

 private:
  Found look(const Element& value, std::size_t step) const {
    using Type = simdjson::dom::element_type;
    switch (value.type()) {
      case Type::ARRAY: {
        Found found;
        const simdjson::dom::array items = value.get_array().value_unsafe();
        for (const Element item : items) {
          const Found inner = look(item, step);
          if (inner.match) return inner;
          found.present = found.present || inner.present;
        }
        return found;
      }
      case Type::OBJECT:
        return look_in(value.get_object().value_unsafe(), step);
      case Type::NULL_VALUE:
        return {};
      default:
        break;
    }
    if (step != path_.size()) return {};
    return {.match = fits(value), .present = true};
  }

  Found look_in(const Object& object, std::size_t step) const {
    if (step == path_.size()) return {.present = true};
    for (const auto member : object)
      if (equal_ignoring_case(member.key, path_[step])) return look(member.value, step + 1);
    return {};
  }

  bool fits(const Element& value) const {
    using Type = simdjson::dom::element_type;
    switch (value.type()) {
      case Type::STRING: {
        const std::string_view text = value.get_string().value_unsafe();
        if (texts_.empty()) return fits_any(text);
        return ignores_case_ ? texts_.contains(to_lower(text)) : texts_.contains(text);
      }
      case Type::BOOL:
        return fits_any(value.get_bool().value_unsafe());
      case Type::INT64:
        return fits_any(Number::of(value.get_int64().value_unsafe()));
      // Only numbers above those of int64 have this type.
      case Type::UINT64:
        return fits_any(Number::of(static_cast<double>(value.get_uint64().value_unsafe())));
      case Type::DOUBLE:
        return fits_any(Number::of(value.get_double().value_unsafe()));
      default:
        return false;
    }
  }
  template <class Scalar>
  bool fits_any(const Scalar& value) const {
    for (const ValueTest& test : tests_)
      if (test.holds(value)) return true;
    return false;
  }

  bool negated_;
  bool holds_for_none_ = false;
  bool ignores_case_ = false;
  std::vector<ValueTest> tests_;
  std::unordered_set<std::string, TextHash, std::equal_to<>> texts_;
  std::vector<std::string> path_;
};

/// An expression over the conditions' results.
struct Node {
  Expression::Kind kind = Expression::Kind::all;
  Bits conditions = 0;
  std::vector<Node> groups;

  bool holds(Bits results) const {
    if (kind == Expression::Kind::any)
      return (results & conditions) != 0 ||
             std::ranges::any_of(groups, [&](const Node& n) { return n.holds(results); });
    return (results & conditions) == conditions &&
           std::ranges::all_of(groups, [&](const Node& n) { return n.holds(results); });
  }
};

}  // namespace

class Matcher::Conditions {
 public:
  Conditions(const Filter& filter, Time now) {
    root_ = add(filter.root, now);
    for (std::size_t i = 0; i < tests_.size(); ++i) {
      if (tests_[i].holds_without_value()) without_values_ |= Bits{1} << i;
      auto slot = std::ranges::find(slots_, tests_[i].member(), &Slot::name);
      if (slot == slots_.end()) slot = slots_.insert(slot, Slot{.name = tests_[i].member()});
      slot->tests |= Bits{1} << i;
    }
    for (std::size_t i = 0; i < slots_.size(); ++i) by_key_[key_hash(slots_[i].name)] |= Bits{1} << i;
  }

  bool match(const Object& object) {
    results_ = without_values_;
    if (const Verdict verdict = match_by_places(object); verdict != Verdict::unknown) return verdict == Verdict::yes;
    results_ = without_values_;
    return match_by_names(object);
  }

 private:
  enum class Verdict { no, yes, unknown };
  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();
  /// A member that conditions ask for.
  struct Slot {
    std::string name;
    Bits tests = 0;
    std::size_t place = nowhere;  ///< in the last object that had it
  };

  Node add(const Expression& expression, Time now) {
    if (expression.kind == Expression::Kind::condition) {
      tests_.emplace_back(expression.condition, now);
      return {.conditions = Bits{1} << (tests_.size() - 1)};
    }
    Node node{.kind = expression.kind};
    for (const Expression& part : expression.parts) {
      Node inner = add(part, now);
      if (part.kind == Expression::Kind::condition) {
        node.conditions |= inner.conditions;
      } else {
        node.groups.push_back(std::move(inner));
      }
    }
    return node;
  }

  static std::size_t key_hash(std::string_view key) {
    if (key.empty()) return 0;
    const auto lower = [](char c) { return static_cast<unsigned char>(c) | 0x20U; };
    return (key.size() + 5 * lower(key.front()) + 11 * lower(key.back())) % 64;
  }

  /// Whether the conditions at the top decide already.
  Verdict verdict_after(Bits tests) const {
    const Bits of_root = tests & root_.conditions;
    if (root_.kind == Expression::Kind::all) return (results_ & of_root) != of_root ? Verdict::no : Verdict::unknown;
    return (results_ & of_root) != 0 ? Verdict::yes : Verdict::unknown;
  }

  Verdict take(const Slot& slot, const Element& value) {
    for (Bits left = slot.tests; left != 0; left &= left - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(left));
      const Bits bit = Bits{1} << i;
      results_ = tests_[i].holds(value) ? results_ | bit : results_ & ~bit;
    }
    return verdict_after(slot.tests);
  }

  /// Looks only where the members stood in the last object; unknown as soon as one is not there.
  Verdict match_by_places(const Object& object) {
    auto member = object.begin();
    const auto end = object.end();
    std::size_t place = 0;
    for (const Slot& slot : slots_) {
      if (slot.place == nowhere) return Verdict::unknown;
      for (; place < slot.place && member != end; ++place) ++member;
      if (!(member != end) || !member.key_equals(slot.name)) return Verdict::unknown;
      if (const Verdict verdict = take(slot, member.value()); verdict != Verdict::unknown) return verdict;
    }
    return root_.holds(results_) ? Verdict::yes : Verdict::no;
  }

  bool match_by_names(const Object& object) {
    Bits seen = 0;
    std::size_t place = 0;
    Verdict verdict = Verdict::unknown;
    for (auto member = object.begin(); member != object.end() && verdict == Verdict::unknown; ++member, ++place) {
      const std::string_view key = member.key();
      for (Bits left = by_key_[key_hash(key)] & ~seen; left != 0; left &= left - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(left));
        if (!equal_ignoring_case(slots_[i].name, key)) continue;
        seen |= Bits{1} << i;
        slots_[i].place = place;
        verdict = take(slots_[i], member.value());
        break;
      }
    }
    if (!std::ranges::is_sorted(slots_, {}, &Slot::place)) sort_slots();
    return verdict == Verdict::unknown ? root_.holds(results_) : verdict == Verdict::yes;
  }

  void sort_slots() {
    std::ranges::sort(slots_, {}, &Slot::place);
    by_key_.fill(0);
    for (std::size_t i = 0; i < slots_.size(); ++i) by_key_[key_hash(slots_[i].name)] |= Bits{1} << i;
  }

  std::vector<Test> tests_;
  std::vector<Slot> slots_;        ///< in the order of their places
  std::array<Bits, 64> by_key_{};  ///< slots by key_hash()
  Node root_;
  Bits without_values_ = 0;  ///< results for an object without members
  Bits results_ = 0;
};

Matcher::Matcher(const Filter& filter, Time now) : conditions_(std::make_unique<Conditions>(filter, now)) {}
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

bool Matcher::operator()(const Element& object) {
  return object.is_object() && conditions_->match(object.get_object().value_unsafe());
}

}  // namespace intelwall::fql
