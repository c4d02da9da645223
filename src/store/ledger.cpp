#include "store/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "store/ledger_state.hpp"

namespace intelwall::store {

Error error_of(const std::exception& fault, const std::filesystem::path& path) {
  const auto place = printable(path.native(), 300);
  const auto* const sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&fault);
  const int code = sqlite != nullptr ? sqlite->result() & 0xff : SQLITE_ERROR;
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::unavailable, "another intelwall is writing the ledger and does not end", place,
              "wait for it, then try again"};
    case SQLITE_FULL:
      return {ErrorCode::system, "the disk is full, so nothing was written", place, "make room, then try again"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {ErrorCode::system, "the ledger cannot be written", place,
              "name a directory that may be written (--state DIR), or mount the disk for writing"};
    case SQLITE_CANTOPEN:
      return {ErrorCode::system, "the ledger cannot be opened", place,
              "name a directory that may be written (--state DIR)"};
    case SQLITE_IOERR:
      return {ErrorCode::system, "the disk cannot be read or written", place, "check the disk"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::protocol, "the ledger is damaged; the rules in the firewall stay as they are", place,
              "move the file away and add the hunts again, or put a copy back"};
    default:
      return {ErrorCode::system, fmt::format("the ledger refuses: {}", printable(fault.what(), 200)), place, {}};
  }
}

Ledger::Ledger(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

const std::filesystem::path& Ledger::path() const {
  return state_->path;
}

Result<Ledger> Ledger::open(const std::filesystem::path& directory, std::chrono::seconds patience) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    return fail(ErrorCode::system, "the directory cannot be made: " + error.message(), printable(directory.native()),
                "name a directory that may be written (--state DIR)");
  const auto path = directory / file_name;
  // SOCI reads its connection text as words; quotes keep one with blanks together, and nothing keeps a quote.
  if (path.native().find_first_of("\"\n") != std::string::npos)
    return fail(ErrorCode::usage, "a path with quotes or line breaks cannot hold the ledger", printable(path.native()),
                "choose another directory");
  auto state = std::make_unique<State>();
  state->path = path;
  IW_CHECK(guarded(path, [&] {
    state->sql.open(soci::sqlite3, fmt::format("db=\"{}\" timeout={}", path.native(), patience.count()));
    state->sql << "pragma synchronous = normal";
    state->sql << "pragma cell_size_check = on";
  }));
  IW_CHECK(migrate(state->sql, path));
  // What a hunt watches is nobody else's business.
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  return Ledger(std::move(state));
}

Result<void> Ledger::audit(const AuditEntry& entry) {
  return guarded(state_->path, [&] { write_audit(state_->sql, entry); });
}

void write_audit(soci::session& sql, const AuditEntry& entry) {
  const auto at = to_column(entry.at);
  sql << "insert into audit (at, actor, what, subject, detail) values (:at, :actor, :what, :subject, :detail)",
      soci::use(at), soci::use(entry.actor), soci::use(entry.what), soci::use(entry.subject), soci::use(entry.detail);
}

Result<std::vector<AuditEntry>> Ledger::audit_entries(std::size_t most) {
  return guarded(state_->path, [&] {
    std::vector<AuditEntry> entries;
    long long at = 0;
    const auto limit = static_cast<long long>(most);
    AuditEntry entry;
    soci::statement rows =
        (state_->sql.prepare << "select at, actor, what, subject, detail from audit order by id desc limit :most",
         soci::use(limit), soci::into(at), soci::into(entry.actor), soci::into(entry.what), soci::into(entry.subject),
         soci::into(entry.detail));
    for (rows.execute(); rows.fetch();) {
      entry.at = time_column(at);
      entries.push_back(entry);
    }
    return entries;
  });
}

Result<std::string> Ledger::note(const std::string& key) {
  return guarded(state_->path, [&] {
    std::string value;
    state_->sql << "select value from note where key = :key", soci::use(key), soci::into(value);
    return state_->sql.got_data() ? value : std::string{};
  });
}

Result<void> Ledger::save_note(const std::string& key, const std::string& value) {
  return guarded(state_->path, [&] {
    state_->sql << "insert into note (key, value) values (:key, :value) on conflict (key) do update set value = "
                   "excluded.value",
        soci::use(key), soci::use(value);
  });
}

void move_on(soci::session& sql) {
  sql << "insert into note (key, value) values ('generation', '1') on conflict (key) do update set value = "
         "cast(cast(value as integer) + 1 as text)";
}

Result<std::uint64_t> Ledger::generation() {
  IW_TRY(const auto text, note("generation"));
  return text.empty() ? 0 : std::strtoull(text.c_str(), nullptr, 10);
}

Result<void> Ledger::record(const std::vector<Sighting>& sightings) {
  return guarded(state_->path, [&] {
    Sighting each;
    long long first = 0;
    long long last = 0;
    long long count = 0;
    WriteTransaction transaction(state_->sql);
    soci::statement put =
        (state_->sql.prepare
             << "insert into sighting (workload, domain, first, last, count, finding) values (:w, :d, :f, :l, :c, :i) "
                "on conflict (workload, domain) do update set first = min(first, excluded.first), "
                "last = max(last, excluded.last), count = count + excluded.count, "
                "finding = case when finding = '' then excluded.finding else finding end",
         soci::use(each.workload), soci::use(each.domain), soci::use(first), soci::use(last), soci::use(count),
         soci::use(each.finding));
    for (const auto& sighting : sightings) {
      each = sighting;
      first = to_column(each.first);
      last = to_column(each.last);
      count = static_cast<long long>(each.count);
      put.execute(true);
    }
    transaction.commit();
  });
}

namespace {

/// `where` is a condition of ours.
std::vector<Sighting> sightings_where(soci::session& sql, const std::string& where, std::size_t most) {
  std::vector<Sighting> all;
  Sighting each;
  long long first = 0;
  long long last = 0;
  long long count = 0;
  const auto limit = static_cast<long long>(most);
  soci::statement rows = (sql.prepare << "select workload, domain, first, last, count, finding from sighting where " +
                                             where + " order by last desc, workload, domain limit :most",
                          soci::use(limit), soci::into(each.workload), soci::into(each.domain), soci::into(first),
                          soci::into(last), soci::into(count), soci::into(each.finding));
  for (rows.execute(); rows.fetch();) {
    each.first = time_column(first);
    each.last = time_column(last);
    each.count = static_cast<std::uint64_t>(count);
    all.push_back(each);
  }
  return all;
}

}  // namespace

Result<std::vector<Sighting>> Ledger::sightings(std::size_t most) {
  return guarded(state_->path, [&] { return sightings_where(state_->sql, "true", most); });
}

Result<std::vector<Sighting>> Ledger::untold_sightings(std::size_t most) {
  return guarded(state_->path, [&] { return sightings_where(state_->sql, "finding = ''", most); });
}

Result<std::optional<Sighting>> Ledger::sighting(const std::string& workload, const std::string& domain) {
  return guarded(state_->path, [&]() -> std::optional<Sighting> {
    Sighting found{.workload = workload, .domain = domain};
    long long first = 0;
    long long last = 0;
    long long count = 0;
    state_->sql << "select first, last, count, finding from sighting where workload = :w and domain = :d",
        soci::use(workload), soci::use(domain), soci::into(first), soci::into(last), soci::into(count),
        soci::into(found.finding);
    if (!state_->sql.got_data()) return std::nullopt;
    found.first = time_column(first);
    found.last = time_column(last);
    found.count = static_cast<std::uint64_t>(count);
    return found;
  });
}

Result<std::set<std::string>> Ledger::sighted_domains() {
  return guarded(state_->path, [&] {
    std::set<std::string> domains;
    std::string domain;
    soci::statement rows = (state_->sql.prepare << "select distinct domain from sighting", soci::into(domain));
    for (rows.execute(); rows.fetch();) domains.insert(domain);
    return domains;
  });
}

}  // namespace intelwall::store
