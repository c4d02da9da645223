#include <algorithm>
#include <numeric>

#include "store/row_statement.hpp"

namespace intelwall::store {

namespace {

long long bits_of(const Roster::Entry& entry) {
  return static_cast<long long>(entry.facts.confidence) | (entry.scope == Scope::exact ? exact_bit : 0);
}
Scope scope_of(long long bits) {
  return (bits & exact_bit) != 0 ? Scope::exact : Scope::subdomains;
}
Confidence confidence_of(long long bits) {
  return static_cast<Confidence>(bits & 3);
}
std::uint32_t stamp_of(long long column) {
  return to_stamp(time_column(column));
}

/// 0: the dictionary does not hold it.
std::uint32_t number_of(RowStatement& find, std::string_view text) {
  if (text.empty()) return 0;
  std::uint32_t number = 0;
  find.bind(0, text);
  while (find.step()) number = static_cast<std::uint32_t>(find.number(0));
  return number;
}

/// Binds an entry's facts to the parameters from `first` on: bits, updated, expires, context.
void bind_facts(RowStatement& statement, int first, const Roster::Entry& entry) {
  statement.bind(first, bits_of(entry));
  statement.bind(first + 1, entry.facts.updated);
  statement.bind(first + 2, entry.facts.expires);
  statement.bind(first + 3, entry.facts.context);
}

/// A row that is to be, by where it goes.
struct Added {
  std::int64_t key;
  const Roster::Entry* entry;
};

/// New rows in the order of their keys, which SQLite appends. Names whose keys are the same get neighbouring ones.
void insert(soci::session& sql, const Roster& roster, const std::vector<Added>& sorted,
            const std::vector<std::int64_t>& used) {
  RowStatement put(sql,
                   "insert into indicator (key, name, bits, updated, expires, context, since) values (?, ?, ?, ?, ?, "
                   "?, ?)");
  std::int64_t last = -1;
  for (const auto& [wanted, entry] : sorted) {
    auto key = std::max(wanted, last + 1);
    while (std::ranges::binary_search(used, key)) ++key;
    last = key;
    put.bind(0, key);
    put.bind(1, roster.name(*entry));
    bind_facts(put, 2, *entry);
    put.bind(6, entry->since);
    put.run();
  }
}

}  // namespace

void write_changes(soci::session& sql, const Roster& roster, Time now) {
  if (!roster.changes().any()) return;
  move_on(sql);
  std::vector<Added> added;
  std::vector<std::int64_t> used;
  RowStatement update(sql, "update indicator set bits = ?, updated = ?, expires = ?, context = ? where key = ?");
  RowStatement leave(
      sql,
      "insert into history (hunt, name, bits, since, until, why, context) select h.name, i.name, i.bits, "
      "i.since, ?, ?, i.context from indicator i join hunt h on h.id = i.key >> 48 where i.key = ?");
  RowStatement remove(sql, "delete from indicator where key = ?");
  leave.bind(0, to_column(now));
  for (const auto& entry : roster.entries()) {
    switch (roster.change_of(entry)) {
      case Roster::Change::add:
        added.push_back({entry.key, &entry});
        break;
      case Roster::Change::update:
        bind_facts(update, 0, entry);
        update.bind(4, entry.key);
        update.run();
        break;
      case Roster::Change::remove:
        leave.bind(1, entry.leaving);
        leave.bind(2, entry.key);
        leave.run();
        remove.bind(0, entry.key);
        remove.run();
        break;
      case Roster::Change::none:
      case Roster::Change::forget:
        break;
    }
    if (entry.loaded()) used.push_back(entry.key);
  }
  if (added.empty()) return;
  std::ranges::sort(used);
  std::ranges::sort(added, {}, &Added::key);
  insert(sql, roster, added, used);
}

Result<Roster> Ledger::roster(std::int64_t hunt) {
  return guarded(state_->path, [&] {
    Roster roster(hunt);
    RowStatement read(state_->sql,
                      "select key, name, bits, updated, expires, context, since from indicator where key >= ? and key "
                      "< ? order by key");
    read.bind(0, hunt << Roster::key_bits);
    read.bind(1, (hunt + 1) << Roster::key_bits);
    while (read.step()) {
      // The ledger may have been changed by hand: what is no name would end in a rule.
      if (!DomainName::is_name(read.text(1)))
        throw std::runtime_error("a row of the table indicator holds no domain name");
      roster.load(read.number(0), read.text(1), scope_of(read.number(2)), stamp_of(read.number(6)),
                  {confidence_of(read.number(2)), stamp_of(read.number(3)), stamp_of(read.number(4)),
                   static_cast<std::uint32_t>(read.number(5))});
    }
    return roster;
  });
}

Result<std::uint64_t> Ledger::kept_count(std::int64_t hunt) {
  return guarded(state_->path, [&] {
    const long long from = hunt << Roster::key_bits;
    const long long to = (hunt + 1) << Roster::key_bits;
    long long count = 0;
    state_->sql << "select count(*) from indicator where key >= :from and key < :to", soci::use(from), soci::use(to),
        soci::into(count);
    return static_cast<std::uint64_t>(count);
  });
}

Result<std::vector<std::uint32_t>> Ledger::find_contexts(const std::vector<std::string>& texts) {
  return guarded(state_->path, [&] {
    std::vector<std::uint32_t> numbers;
    numbers.reserve(texts.size());
    // One for all: each of its own would lock the file for itself.
    soci::transaction reading(state_->sql);
    RowStatement find(state_->sql, "select id from context where text = ?");
    for (const auto& text : texts) numbers.push_back(number_of(find, text));
    reading.commit();
    return numbers;
  });
}

Result<std::vector<std::uint32_t>> Ledger::contexts(const std::vector<std::string>& texts) {
  return guarded(state_->path, [&] {
    std::vector<std::uint32_t> numbers(texts.size());
    WriteTransaction transaction(state_->sql);
    RowStatement find(state_->sql, "select id from context where text = ?");
    RowStatement put(state_->sql, "insert into context (id, text) values (?, ?)");
    RowStatement last(state_->sql, "select coalesce(max(id), 0) from context");
    std::uint32_t most = 0;
    while (last.step()) most = static_cast<std::uint32_t>(last.number(0));
    // In their order, neighbours stand on one page of the index.
    std::vector<std::size_t> sorted(texts.size());
    std::iota(sorted.begin(), sorted.end(), std::size_t{0});
    std::ranges::sort(sorted, {}, [&](std::size_t i) -> const std::string& { return texts[i]; });
    for (const auto i : sorted) {
      numbers[i] = number_of(find, texts[i]);
      if (numbers[i] != 0 || texts[i].empty()) continue;
      numbers[i] = ++most;
      put.bind(0, numbers[i]);
      put.bind(1, texts[i]);
      put.run();
    }
    transaction.commit();
    return numbers;
  });
}

namespace {

constexpr std::string_view kept_columns =
    "select h.name, i.name, i.bits, i.updated, i.expires, i.context, i.since, coalesce(c.text, '') from indicator i "
    "join hunt h on h.id = i.key >> 48 left join context c on c.id = i.context where i.key >= ? and i.key < ? ";

/// Rows of a statement over kept_columns.
std::vector<Kept> read_kept(RowStatement& rows) {
  std::vector<Kept> all;
  while (rows.step())
    all.push_back({.hunt = std::string(rows.text(0)),
                   .domain = std::string(rows.text(1)),
                   .scope = scope_of(rows.number(2)),
                   .since = time_column(rows.number(6)),
                   .facts = {confidence_of(rows.number(2)), stamp_of(rows.number(3)), stamp_of(rows.number(4)),
                             static_cast<std::uint32_t>(rows.number(5))},
                   .context = std::string(rows.text(7))});
  return all;
}

}  // namespace

Result<std::vector<Kept>> Ledger::find(std::string_view domain) {
  IW_TRY(const auto all, hunts());
  std::vector<Kept> found;
  for (const auto& hunt : all) {
    for (const auto scope : {Scope::subdomains, Scope::exact}) {
      IW_TRY(auto here, guarded(state_->path, [&] {
               RowStatement rows(state_->sql, std::string(kept_columns) + "and i.name = ?");
               const auto from = Roster::key_of(hunt.id, domain, scope);
               rows.bind(0, from);
               rows.bind(1, from + Roster::most_probes);
               rows.bind(2, domain);
               return read_kept(rows);
             }));
      for (auto& kept : here)
        if (kept.scope == scope) found.push_back(std::move(kept));
    }
  }
  return found;
}

Result<std::vector<Kept>> Ledger::kept(std::int64_t hunt, std::size_t most) {
  return guarded(state_->path, [&] {
    RowStatement rows(state_->sql, std::string(kept_columns) + "order by i.since desc, i.name limit ?");
    rows.bind(0, hunt << Roster::key_bits);
    rows.bind(1, (hunt + 1) << Roster::key_bits);
    rows.bind(2, static_cast<long long>(most));
    return read_kept(rows);
  });
}

Result<std::vector<Departure>> Ledger::history(const std::string& hunt, std::size_t most) {
  return guarded(state_->path, [&] {
    std::vector<Departure> all;
    Departure each;
    long long bits = 0;
    long long since = 0;
    long long until = 0;
    long long why = 0;
    const auto limit = static_cast<long long>(most);
    soci::statement rows =
        (state_->sql.prepare << "select y.name, y.bits, y.since, y.until, y.why, coalesce(c.text, '') from history y "
                                "left join context c on c.id = y.context where y.hunt = :hunt order by y.id desc limit "
                                ":most",
         soci::use(hunt), soci::use(limit), soci::into(each.domain), soci::into(bits), soci::into(since),
         soci::into(until), soci::into(why), soci::into(each.context));
    for (rows.execute(); rows.fetch();) {
      each.scope = scope_of(bits);
      each.confidence = confidence_of(bits);
      each.since = time_column(since);
      each.until = time_column(until);
      each.why = static_cast<Leaving>(why);
      all.push_back(each);
    }
    return all;
  });
}

}  // namespace intelwall::store
