// The distribution's SQLite registers full-text search and R-trees with every connection, which brings a third of its
// code along. Nothing here uses them: where these stand, the linker leaves the rest out.
struct sqlite3;

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): SQLite's own names
int sqlite3Fts3Init(sqlite3* connection);
int sqlite3Fts5Init(sqlite3* connection);
int sqlite3RtreeInit(sqlite3* connection);

int sqlite3Fts3Init(sqlite3*) {
  return 0;
}
int sqlite3Fts5Init(sqlite3*) {
  return 0;
}
int sqlite3RtreeInit(sqlite3*) {
  return 0;
}
// NOLINTEND(readability-identifier-naming)
}
