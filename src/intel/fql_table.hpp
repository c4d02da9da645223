#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "intel/fql.hpp"

namespace simdjson::dom {
class element;  // NOLINT(readability-identifier-naming)
}

namespace intelwall::fql {

/// Objects kept in memory to be filtered again and again, which is 20 times as fast and more than one after the other.
/// What an object has at a property is a cell of that property's column, and equal cells are kept, and tested, once.
class Table {
 public:
  /// Deeper members and further properties than these are of no use to a filter that people write.
  static constexpr std::size_t max_depth = 64;
  static constexpr std::size_t max_columns = 4'096;

  Table();
  Table(Table&&) noexcept;
  Table& operator=(Table&&) noexcept;
  ~Table();

  /// The row's number is size() before. Errors: no object, too deep, too many properties in the table.
  Result<void> add(const simdjson::dom::element& object);
  std::size_t size() const;

  /// The numbers of all rows that a Matcher would take, in order. Safe from several threads at once.
  std::vector<std::uint32_t> select(const Filter& filter, Time now) const;

 private:
  class Columns;
  std::unique_ptr<Columns> columns_;
};

}  // namespace intelwall::fql
