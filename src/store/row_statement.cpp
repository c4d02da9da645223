#include "store/row_statement.hpp"

namespace intelwall::store {

using namespace sqlite_api;

namespace {

sqlite3* connection_of(soci::session& sql) {
  return static_cast<soci::sqlite3_session_backend*>(sql.get_backend())->conn_;
}

}  // namespace

RowStatement::RowStatement(soci::session& sql, std::string_view text)
    : connection_(connection_of(sql)), statement_(nullptr, &sqlite3_finalize) {
  sqlite3_stmt* raw = nullptr;
  check(sqlite3_prepare_v2(connection_, text.data(), static_cast<int>(text.size()), &raw, nullptr));
  statement_.reset(raw);
}

void RowStatement::check(int code) const {
  if (code != SQLITE_OK) throw soci::sqlite3_soci_error(sqlite3_errmsg(connection_), code);
}

void RowStatement::bind(int parameter, long long value) {
  check(sqlite3_bind_int64(statement_.get(), parameter + 1, value));
}

void RowStatement::bind(int parameter, std::string_view text) {
  check(sqlite3_bind_text(statement_.get(), parameter + 1, text.data(), static_cast<int>(text.size()), SQLITE_STATIC));
}

bool RowStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  check(sqlite3_reset(statement_.get()));
  return false;
}

void RowStatement::run() {
  while (step()) continue;
}

long long RowStatement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view RowStatement::text(int column) const {
  // The text first: asking for it may change how many bytes there are.
  const auto* const begin = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return {begin, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

}  // namespace intelwall::store
