#pragma once

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <filesystem>
#include <string>
#include <utility>

#include "store/ledger.hpp"

// Internal to this room.
namespace intelwall::store {

struct Ledger::State {
  std::filesystem::path path;
  soci::session sql;
};

/// What went wrong, in a sentence.
Error error_of(const std::exception& fault, const std::filesystem::path& path);

/// Takes the writer's lock at once, so that two writers wait for each other instead of failing when they meet later.
class WriteTransaction {
 public:
  explicit WriteTransaction(soci::session& sql) : sql_(&sql) { sql << "begin immediate"; }
  WriteTransaction(const WriteTransaction&) = delete;
  WriteTransaction& operator=(const WriteTransaction&) = delete;
  ~WriteTransaction() {
    if (done_) return;
    try {
      *sql_ << "rollback";
    } catch (const std::exception&) {
      // SQLite has rolled back already: a full disk does that.
      done_ = true;
    }
  }
  void commit() {
    *sql_ << "commit";
    done_ = true;
  }

 private:
  soci::session* sql_;
  bool done_ = false;
};

/// Runs `body`, whose exceptions become errors.
template <class Body>
auto guarded(const std::filesystem::path& path, Body&& body) -> Result<decltype(body())> {
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      std::forward<Body>(body)();
      return {};
    } else {
      return std::forward<Body>(body)();
    }
  } catch (const std::exception& fault) {
    return std::unexpected(error_of(fault, path));
  }
}

inline long long to_column(Time time) {
  return time.time_since_epoch().count();
}
inline Time time_column(long long value) {
  return Time{std::chrono::seconds{value}};
}

/// Of a column `bits`: the row is about its name alone, without its subdomains. Confidence is below.
inline constexpr long long exact_bit = 4;

/// One line more in the audit.
void write_audit(soci::session& sql, const AuditEntry& entry);

/// Within a transaction: what a run changed.
void write_changes(soci::session& sql, const Roster& roster, Time now);

/// Within a transaction: the generation.
void move_on(soci::session& sql);

/// Brings the schema to Ledger::schema_version.
Result<void> migrate(soci::session& sql, const std::filesystem::path& path);

}  // namespace intelwall::store
