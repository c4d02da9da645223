#include <fmt/format.h>

#include <algorithm>

#include "store/ledger_state.hpp"

namespace intelwall::store {

namespace {

constexpr const char* columns =
    "id, name, source, filter, every, full_every, action, protocols, most, min_confidence, excluded_types, expiry, "
    "created_at, created_by";

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ","));
}
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

/// A hunt as its row.
struct Row {
  long long id = 0, every = 0, full_every = 0, most = 0, confidence = 0, created_at = 0;
  std::string name, source, filter, action, protocols, excluded, expiry, created_by;

  explicit Row(const Hunt& hunt = {})
      : every(hunt.every.count()),
        full_every(hunt.full_every.count()),
        most(static_cast<long long>(hunt.limit)),
        confidence(static_cast<long long>(hunt.min_confidence)),
        created_at(to_column(hunt.created_at)),
        name(hunt.name),
        source(hunt.source),
        filter(hunt.filter),
        action(to_string(hunt.action)),
        protocols(to_string(hunt.protocols)),
        excluded(joined(hunt.excluded_types)),
        expiry(hunt.expiry),
        created_by(hunt.created_by) {}

  Result<Hunt> hunt() const {
    IW_TRY(const auto parsed_action, parse_action(action));
    IW_TRY(auto parsed_protocols, parse_protocols(protocols));
    if (confidence < 0 || confidence > 3 || most < 0 || every <= 0 || full_every <= 0)
      return fail(ErrorCode::protocol, "the row has values that none has", "hunt " + printable(name));
    return Hunt{.id = id,
                .name = name,
                .source = source,
                .filter = filter,
                .every = std::chrono::seconds{every},
                .full_every = std::chrono::seconds{full_every},
                .action = parsed_action,
                .protocols = std::move(parsed_protocols),
                .limit = static_cast<std::size_t>(most),
                .min_confidence = static_cast<Confidence>(confidence),
                .excluded_types = split(excluded),
                .expiry = expiry,
                .created_at = time_column(created_at),
                .created_by = created_by};
  }
};

bool is_taken(const std::exception& fault) {
  const auto* const sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&fault);
  return sqlite != nullptr && (sqlite->result() & 0xff) == SQLITE_CONSTRAINT;
}

}  // namespace

bool is_hunt_name(std::string_view name) {
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 40 && is_word(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_word(c) || c == '-'; });
}

Result<Hunt> Ledger::add_hunt(const Hunt& hunt) {
  IW_ASSERT(is_hunt_name(hunt.name));
  const Row row(hunt);
  auto& sql = state_->sql;
  Hunt added = hunt;
  try {
    WriteTransaction transaction(sql);
    // 15 bits are left of a key.
    long long id = 0;
    sql << "select coalesce(max(id), 0) + 1 from hunt", soci::into(id);
    if (id >= 1LL << 15)
      return fail(ErrorCode::quota, "the ledger has no number for another hunt", "hunt " + hunt.name);
    sql << fmt::format(
        "insert into hunt ({}) values (:id, :name, :source, :filter, :every, :full, :action, :protocols, "
        ":most, :confidence, :excluded, :expiry, :at, :by)",
        columns),
        soci::use(id), soci::use(row.name), soci::use(row.source), soci::use(row.filter), soci::use(row.every),
        soci::use(row.full_every), soci::use(row.action), soci::use(row.protocols), soci::use(row.most),
        soci::use(row.confidence), soci::use(row.excluded), soci::use(row.expiry), soci::use(row.created_at),
        soci::use(row.created_by);
    transaction.commit();
    added.id = id;
    return added;
  } catch (const std::exception& fault) {
    if (is_taken(fault))
      return fail(ErrorCode::conflict, "there is a hunt of this name already", "hunt " + hunt.name,
                  "choose another name, or remove it first: `intelwall hunt rm " + hunt.name + "`");
    return std::unexpected(error_of(fault, state_->path));
  }
}

Result<std::vector<Hunt>> Ledger::hunts() {
  std::vector<Row> rows;
  IW_CHECK(guarded(state_->path, [&] {
    Row row;
    soci::statement all =
        (state_->sql.prepare << fmt::format("select {} from hunt order by name", columns), soci::into(row.id),
         soci::into(row.name), soci::into(row.source), soci::into(row.filter), soci::into(row.every),
         soci::into(row.full_every), soci::into(row.action), soci::into(row.protocols), soci::into(row.most),
         soci::into(row.confidence), soci::into(row.excluded), soci::into(row.expiry), soci::into(row.created_at),
         soci::into(row.created_by));
    for (all.execute(); all.fetch();) rows.push_back(row);
  }));
  std::vector<Hunt> hunts;
  for (const auto& row : rows) {
    IW_TRY(Hunt hunt, row.hunt());
    hunts.push_back(std::move(hunt));
  }
  return hunts;
}

Result<Hunt> Ledger::hunt(const std::string& name) {
  IW_TRY(auto all, hunts());
  for (auto& hunt : all)
    if (hunt.name == name) return std::move(hunt);
  return fail(ErrorCode::not_found, "there is no such hunt", "hunt " + printable(name, 60),
              "`intelwall hunt list` shows them");
}

Result<void> Ledger::remove_hunt(const std::string& name, Time now) {
  IW_TRY(const Hunt gone, hunt(name));
  return guarded(state_->path, [&] {
    const long long from = gone.id << Roster::key_bits;
    const long long to = (gone.id + 1) << Roster::key_bits;
    const auto until = to_column(now);
    const int why = static_cast<int>(Leaving::hunt_removed);
    WriteTransaction transaction(state_->sql);
    state_->sql
        << "insert into history (hunt, name, bits, since, until, why, context) select :hunt, name, bits, since, "
           ":until, :why, context from indicator where key >= :from and key < :to",
        soci::use(gone.name), soci::use(until), soci::use(why), soci::use(from), soci::use(to);
    state_->sql << "delete from indicator where key >= :from and key < :to", soci::use(from), soci::use(to);
    state_->sql << "delete from hunt where id = :id", soci::use(gone.id);
    move_on(state_->sql);
    transaction.commit();
  });
}

Result<Progress> Ledger::progress(std::int64_t hunt) {
  return guarded(state_->path, [&] {
    Progress progress;
    long long last_full = 0;
    long long last_run = 0;
    long long last_try = 0;
    long long next_expiry = 0;
    state_->sql << "select cursor, validator, last_full, last_run, last_try, failures, last_error, summary, guard, "
                   "next_expiry from "
                   "progress where hunt = :hunt",
        soci::use(hunt), soci::into(progress.cursor), soci::into(progress.validator), soci::into(last_full),
        soci::into(last_run), soci::into(last_try), soci::into(progress.failures), soci::into(progress.last_error),
        soci::into(progress.summary), soci::into(progress.guard), soci::into(next_expiry);
    if (!state_->sql.got_data()) return Progress{};
    progress.last_full = time_column(last_full);
    progress.last_run = time_column(last_run);
    progress.last_try = time_column(last_try);
    progress.next_expiry = time_column(next_expiry);
    return progress;
  });
}

namespace {

void write_progress(soci::session& sql, std::int64_t hunt, const Progress& progress) {
  const auto last_full = to_column(progress.last_full);
  const auto last_run = to_column(progress.last_run);
  const auto last_try = to_column(progress.last_try);
  const auto next_expiry = to_column(progress.next_expiry);
  sql << "insert or replace into progress (hunt, cursor, validator, last_full, last_run, last_try, failures, "
         "last_error, summary, guard, next_expiry) values (:hunt, :cursor, :validator, :full, :run, :try, :failures, "
         ":error, "
         ":summary, :guard, :expiry)",
      soci::use(hunt), soci::use(progress.cursor), soci::use(progress.validator), soci::use(last_full),
      soci::use(last_run), soci::use(last_try), soci::use(progress.failures), soci::use(progress.last_error),
      soci::use(progress.summary), soci::use(progress.guard), soci::use(next_expiry);
}

}  // namespace

Result<void> Ledger::save_progress(std::int64_t hunt, const Progress& progress) {
  return guarded(state_->path, [&] { write_progress(state_->sql, hunt, progress); });
}

Result<void> Ledger::commit(const Roster& roster, const Progress& progress, Time now) {
  return guarded(state_->path, [&] {
    WriteTransaction transaction(state_->sql);
    write_changes(state_->sql, roster, now);
    write_progress(state_->sql, roster.hunt(), progress);
    transaction.commit();
  });
}

}  // namespace intelwall::store
