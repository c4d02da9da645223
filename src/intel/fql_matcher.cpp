#include "intel/fql_matcher.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "intel/fql_condition_test.hpp"

namespace intelwall::fql {

namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Type = simdjson::dom::element_type;
using Bits = std::uint32_t;
static_assert(max_conditions <= 32);

/// A condition asked about parsed objects.
class Test : public ConditionTest {
 public:
  using ConditionTest::ConditionTest;

  const std::string& member() const { return path().front(); }
  bool holds_without_value() const { return ConditionTest::holds({}); }
  bool holds(const Element& value) const { return ConditionTest::holds(look(value, 1)); }

 private:
  Found look(const Element& value, std::size_t step) const {
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
    if (step != path().size()) return {};
    return {.match = fits_scalar(value), .present = true};
  }

  Found look_in(const Object& object, std::size_t step) const {
    if (step == path().size()) return {.present = true};
    for (const auto member : object)
      if (equal_ignoring_case(member.key, path()[step])) return look(member.value, step + 1);
    return {};
  }

  bool fits_scalar(const Element& value) const {
    switch (value.type()) {
      case Type::STRING:
        return fits(value.get_string().value_unsafe());
      case Type::BOOL:
        return fits(value.get_bool().value_unsafe());
      case Type::INT64:
        return fits(Number::of(value.get_int64().value_unsafe()));
      // Only numbers above those of int64 have this type.
      case Type::UINT64:
        return fits(Number::of(static_cast<double>(value.get_uint64().value_unsafe())));
      case Type::DOUBLE:
        return fits(Number::of(value.get_double().value_unsafe()));
      default:
        return false;
    }
  }
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
