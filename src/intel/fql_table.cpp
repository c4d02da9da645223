#include "intel/fql_table.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "intel/fql_condition_test.hpp"

namespace intelwall::fql {

namespace {

using Element = simdjson::dom::element;
using Rows = std::vector<std::uint32_t>;
using Cell = std::uint32_t;

// A cell is the values of one object at one property, one behind the other: a tag and what belongs to it.
enum class Tag : char { text, whole, real, yes, no, object };

template <class T>
void append(std::string& cell, Tag tag, T value) {
  cell += static_cast<char>(tag);
  cell.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T take(std::string_view& rest) {
  T value;
  std::memcpy(&value, rest.data(), sizeof value);
  rest.remove_prefix(sizeof value);
  return value;
}

void append_text(std::string& cell, std::string_view text) {
  append(cell, Tag::text, static_cast<std::uint32_t>(text.size()));
  cell += text;
}

bool cell_holds(const ConditionTest& test, std::string_view cell) {
  ConditionTest::Found found;
  while (!cell.empty() && !found.match) {
    found.present = true;
    const Tag tag{cell.front()};
    cell.remove_prefix(1);
    switch (tag) {
      case Tag::text: {
        const auto size = take<std::uint32_t>(cell);
        found.match = test.fits(cell.substr(0, size));
        cell.remove_prefix(size);
        break;
      }
      case Tag::whole:
        found.match = test.fits(Number::of(take<std::int64_t>(cell)));
        break;
      case Tag::real:
        found.match = test.fits(Number::of(take<double>(cell)));
        break;
      case Tag::yes:
        found.match = test.fits(true);
        break;
      case Tag::no:
        found.match = test.fits(false);
        break;
      case Tag::object:
        break;
    }
  }
  return test.holds(found);
}

/// One property: the distinct cells in one text, and for each row which one it has. Cell 0 is empty.
class Column {
 public:
  void set(std::size_t row, const std::string& cell) {
    rows_.resize(row, 0);  // rows without the property
    rows_.push_back(number_of(cell));
  }
  Cell cell_of(std::uint32_t row) const { return row < rows_.size() ? rows_[row] : 0; }
  std::string_view text_of(Cell cell) const {
    return std::string_view(texts_).substr(ends_[cell], ends_[cell + 1] - ends_[cell]);
  }
  std::size_t cells() const { return ends_.size() - 1; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  Cell number_of(const std::string& cell) {
    if (shares_) {
      if (const auto known = known_.find(cell); known != known_.end()) return known->second;
      // Names and markers are hardly ever the same: no index then.
      if (cells() > 4'096 && cells() > rows_.size() / 2) {
        shares_ = false;
        known_ = {};
      }
    }
    const auto number = static_cast<Cell>(cells());
    texts_ += cell;
    ends_.push_back(texts_.size());
    if (shares_) known_.emplace(cell, number);
    return number;
  }

  std::string texts_;
  std::vector<std::size_t> ends_ = {0, 0};  ///< cell i is [ends_[i], ends_[i + 1])
  Rows rows_;
  bool shares_ = true;
  std::unordered_map<std::string, Cell, Hash, std::equal_to<>> known_;
};

/// A name in objects, below the names above it.
struct Member {
  std::string name;  ///< lower case
  Column column;
  std::string cell;  ///< of the row that is being added
  std::vector<std::unique_ptr<Member>> members;
  std::size_t next = 0;  ///< where the name after the last one is expected

  Member* find(std::string_view wanted) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      const std::size_t at = (next + i) % members.size();
      if (!equal_ignoring_case(members[at]->name, wanted)) continue;
      next = at + 1;
      return members[at].get();
    }
    return nullptr;
  }
};

}  // namespace

class Table::Columns {
 public:
  std::size_t size() const { return size_; }

  Result<void> add(const Element& object) {
    simdjson::dom::object members;
    if (object.get_object().get(members) != simdjson::SUCCESS)
      return fail(ErrorCode::invalid_input, "this is JSON, but no object");
    const auto outcome = add_members(root_, members, 0);
    for (Member* touched : touched_) {
      if (outcome) touched->column.set(size_, touched->cell);
      touched->cell.clear();
    }
    touched_.clear();
    if (outcome) ++size_;
    return outcome;
  }

  Rows select(const Filter& filter, Time now) const {
    Rows rows(size_);
    std::iota(rows.begin(), rows.end(), 0U);
    return select(plan(filter.root, now), std::move(rows));
  }

 private:
  Result<void> add_members(Member& above, const simdjson::dom::object& object, std::size_t depth) {
    if (depth == max_depth)
      return fail(ErrorCode::quota, fmt::format("the object is nested deeper than {} levels", max_depth));
    for (const auto member : object) {
      Member* known = above.find(member.key);
      if (known == nullptr) {
        if (count_ == max_columns)
          return fail(ErrorCode::quota, fmt::format("there are more than {} different properties", max_columns));
        ++count_;
        known = above.members.emplace_back(std::make_unique<Member>()).get();
        known->name = to_lower(member.key);
        above.next = 0;
      }
      IW_CHECK(add_value(*known, member.value, depth + 1));
    }
    return {};
  }

  Result<void> add_value(Member& member, const Element& value, std::size_t depth) {
    using Type = simdjson::dom::element_type;
    const bool first = member.cell.empty();
    switch (value.type()) {
      case Type::ARRAY: {
        if (depth == max_depth)
          return fail(ErrorCode::quota, fmt::format("the object is nested deeper than {} levels", max_depth));
        const simdjson::dom::array items = value.get_array().value_unsafe();
        for (const Element item : items) IW_CHECK(add_value(member, item, depth + 1));
        return {};
      }
      case Type::OBJECT:
        member.cell += static_cast<char>(Tag::object);
        if (first) touched_.push_back(&member);
        return add_members(member, value.get_object().value_unsafe(), depth);
      case Type::NULL_VALUE:
        return {};
      case Type::STRING:
        append_text(member.cell, value.get_string().value_unsafe());
        break;
      case Type::BOOL:
        member.cell += static_cast<char>(value.get_bool().value_unsafe() ? Tag::yes : Tag::no);
        break;
      case Type::INT64:
        append(member.cell, Tag::whole, value.get_int64().value_unsafe());
        break;
      case Type::UINT64:
        append(member.cell, Tag::real, static_cast<double>(value.get_uint64().value_unsafe()));
        break;
      case Type::DOUBLE:
        append(member.cell, Tag::real, value.get_double().value_unsafe());
        break;
    }
    if (first) touched_.push_back(&member);
    return {};
  }

  const Column* column_at(const std::vector<std::string>& path) const {
    const Member* at = &root_;
    for (const std::string& name : path) {
      const auto found = std::ranges::find_if(at->members, [&](const auto& member) { return member->name == name; });
      if (found == at->members.end()) return nullptr;
      at = found->get();
    }
    return &at->column;
  }

  /// An expression against the columns there are, its parts in the order of what they cost.
  struct Plan {
    Expression::Kind kind;
    std::optional<ConditionTest> test = {};
    const Column* column = nullptr;  ///< no object has the property: none
    std::size_t cost = 0;            ///< cells to be tested
    std::vector<Plan> parts = {};
  };

  Plan plan(const Expression& expression, Time now) const {
    Plan plan{.kind = expression.kind};
    if (expression.kind == Expression::Kind::condition) {
      plan.test.emplace(expression.condition, now);
      plan.column = column_at(plan.test->path());
      if (plan.column != nullptr) plan.cost = plan.column->cells();
      return plan;
    }
    for (const Expression& part : expression.parts) {
      plan.parts.push_back(this->plan(part, now));
      plan.cost += plan.parts.back().cost;
    }
    std::ranges::sort(plan.parts, {}, &Plan::cost);
    return plan;
  }

  /// What of `rows` is left.
  static Rows select(const Plan& plan, Rows rows) {
    switch (plan.kind) {
      case Expression::Kind::condition:
        return select(*plan.test, plan.column, std::move(rows));
      case Expression::Kind::all:
        for (const Plan& part : plan.parts) rows = select(part, std::move(rows));
        return rows;
      case Expression::Kind::any:
        break;
    }
    Rows found;
    for (const Plan& part : plan.parts) {
      const Rows more = select(part, rows);
      Rows joined;
      Rows left;
      std::ranges::set_union(found, more, std::back_inserter(joined));
      std::ranges::set_difference(rows, more, std::back_inserter(left));
      found = std::move(joined);
      rows = std::move(left);
    }
    return found;
  }

  static Rows select(const ConditionTest& test, const Column* column, Rows rows) {
    if (column == nullptr) return test.holds({}) ? std::move(rows) : Rows{};
    const auto keep_where = [&](auto&& holds_for) {
      std::size_t kept = 0;
      for (const std::uint32_t row : rows) {
        rows[kept] = row;
        kept += holds_for(column->cell_of(row)) ? 1U : 0U;
      }
      rows.resize(kept);
    };
    if (column->cells() > rows.size()) {
      keep_where([&](Cell cell) { return cell_holds(test, column->text_of(cell)); });
    } else {
      std::vector<char> results(column->cells());
      for (Cell cell = 0; cell < results.size(); ++cell)
        results[cell] = cell_holds(test, column->text_of(cell)) ? 1 : 0;
      keep_where([&](Cell cell) { return results[cell] != 0; });
    }
    return rows;
  }

  Member root_;
  std::vector<Member*> touched_;  ///< members that the row being added has
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

Table::Table() : columns_(std::make_unique<Columns>()) {}
Table::Table(Table&&) noexcept = default;
Table& Table::operator=(Table&&) noexcept = default;
Table::~Table() = default;

Result<void> Table::add(const Element& object) {
  return columns_->add(object);
}

std::size_t Table::size() const {
  return columns_->size();
}

std::vector<std::uint32_t> Table::select(const Filter& filter, Time now) const {
  return columns_->select(filter, now);
}

}  // namespace intelwall::fql
