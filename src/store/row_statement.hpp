#pragma once

#include <memory>
#include <string_view>

#include "store/ledger_state.hpp"

// Internal to this room.
namespace intelwall::store {

/// A prepared statement for a million rows, on SOCI's connection: SOCI makes texts of numbers and numbers of texts.
/// Parameters and columns are counted from 0. Throws what SOCI throws.
class RowStatement {
 public:
  RowStatement(soci::session& sql, std::string_view text);

  void bind(int parameter, long long value);
  /// Not copied: `text` must stand until the statement has run.
  void bind(int parameter, std::string_view text);
  /// Whether a row stands. After the last one the statement is at its start again, with what is bound to it.
  bool step();
  /// Runs it for what is bound, whatever rows it gives.
  void run();

  long long number(int column) const;
  /// Until the next step.
  std::string_view text(int column) const;

 private:
  using Statement = sqlite_api::sqlite3_stmt;
  void check(int code) const;

  sqlite_api::sqlite3* connection_;
  std::unique_ptr<Statement, int (*)(Statement*)> statement_;
};

}  // namespace intelwall::store
