#include <fmt/format.h>

#include <algorithm>

#include "store/ledger_state.hpp"

namespace intelwall::store {

namespace {

/// From version N to N + 1, statement by statement; SOCI would take a colon for a parameter, and reads a column that is
/// declared `integer` into 32 bits.
constexpr const char* first_schema[] = {
    "create table hunt ("
    "id integer primary key, name text not null unique, source text not null, filter text not null, "
    "every bigint not null, full_every bigint not null, action text not null, protocols text not null, "
    "most bigint not null, min_confidence bigint not null, excluded_types text not null, expiry text not null, "
    "created_at bigint not null, created_by text not null)",

    "create table progress ("
    "hunt integer primary key references hunt (id) on delete cascade, cursor text not null, validator text not null, "
    "last_full bigint not null, last_run bigint not null, last_try bigint not null, failures bigint not null, "
    "last_error text not null, summary text not null, guard text not null, "
    "next_expiry bigint not null)",

    "create table context (id integer primary key, text text not null unique)",

    // The key is Roster::key_of(): a hunt's rows stand together, and a name is found without an index on names. `bits`
    // is the confidence, and 4 for names without their subdomains.
    "create table indicator ("
    "key integer primary key, name text not null, bits bigint not null, updated bigint not null, "
    "expires bigint not null, context bigint not null, since bigint not null)",

    "create table history ("
    "id integer primary key, hunt text not null, name text not null, bits bigint not null, since bigint not null, "
    "until bigint not null, why bigint not null, context bigint not null)",
    "create index history_of_name on history (name)",

    "create table sighting ("
    "workload text not null, domain text not null, first bigint not null, last bigint not null, "
    "count bigint not null, finding text not null, primary key (workload, domain)) without rowid",

    "create table audit ("
    "id integer primary key autoincrement, at bigint not null, actor text not null, what text not null, "
    "subject text not null, detail text not null)",
    "create trigger audit_is_not_changed before update on audit begin select raise(abort, 'the audit is only added "
    "to'); "
    "end",
    "create trigger audit_is_not_shortened before delete on audit begin select raise(abort, 'the audit is only added "
    "to'); end",

    "create table note (key text primary key, value text not null) without rowid",

    // What the firewall is asked to do, a row for each domain of each hunt.
    "create view decision as select i.name as domain, case when i.bits & 4 then 'exact' else 'subdomains' end as "
    "scope, "
    "h.action as action, h.name as hunt, i.since as created_at, i.expires as expires_at, c.text as context "
    "from indicator i join hunt h on h.id = i.key >> 48 left join context c on c.id = i.context",
};

constexpr const char* decision_schema[] = {
    "drop view decision",
    // What responders had put into a firewall, also after it is lifted; 0: no end. A hunt's domains are its indicators.
    "create table decision ("
    "firewall text not null, id text not null, created_at bigint not null, name text not null, bits bigint not null, "
    "action text not null, protocols text not null, reason text not null, source text not null, actor text not null, "
    "confidence text not null, expires_at bigint not null, lifted_at bigint not null, lifted_by text not null, "
    "primary key (firewall, id, created_at)) without rowid",
    "create index decision_of_name on decision (name)",
};

template <std::size_t size>
void advance(soci::session& sql, const char* const (&statements)[size], int to) {
  for (const char* statement : statements) sql << statement;
  sql << fmt::format("pragma user_version = {}", to);
}

int version_of(soci::session& sql) {
  int version = 0;
  sql << "pragma user_version", soci::into(version);
  return version;
}

}  // namespace

Result<void> migrate(soci::session& sql, const std::filesystem::path& path) {
  int version = 0;
  IW_CHECK(guarded(path, [&] {
    version = version_of(sql);
    if (version >= Ledger::schema_version) return;
    std::string mode;
    sql << "pragma journal_mode = wal", soci::into(mode);
    WriteTransaction transaction(sql);
    // Another process may have been faster.
    version = version_of(sql);
    if (version < 1) advance(sql, first_schema, 1);
    if (version < 2) advance(sql, decision_schema, 2);
    version = std::max(version, Ledger::schema_version);
    transaction.commit();
  }));
  if (version > Ledger::schema_version)
    return fail(ErrorCode::protocol,
                fmt::format("the ledger was written by a newer intelwall (version {}, this one knows {})", version,
                            Ledger::schema_version),
                printable(path.native(), 300), "update this intelwall, or name another directory (--state DIR)");
  return guarded(path, [&] { sql << "pragma foreign_keys = on"; });
}

}  // namespace intelwall::store
