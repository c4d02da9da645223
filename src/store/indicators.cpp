#include <algorithm>
#include <unordered_map>

#include "store/ledger_state.hpp"

namespace intelwall::store {

namespace {

constexpr std::size_t batch = 4'096;
constexpr long long exact_bit = 4;

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

/// Columns of many rows, as SOCI takes and gives them at once.
struct Rows {
  std::vector<long long> key, bits, updated, expires, context, since;
  std::vector<std::string> name;

  void resize(std::size_t size) {
    for (auto* column : {&key, &bits, &updated, &expires, &context, &since}) column->resize(size);
    name.resize(size);
  }
  void set(std::size_t i, std::int64_t at, const Roster::Entry& entry, std::string_view text) {
    key[i] = at;
    name[i].assign(text);
    bits[i] = bits_of(entry);
    updated[i] = entry.facts.updated;
    expires[i] = entry.facts.expires;
    context[i] = entry.facts.context;
    since[i] = entry.since;
  }
};

/// New rows in the order of their keys, which SQLite appends. Names whose keys are the same get neighbouring ones.
void insert(soci::session& sql, const Roster& roster, const std::vector<const Roster::Entry*>& sorted,
            const std::vector<std::int64_t>& used) {
  Rows rows;
  rows.resize(std::min(batch, std::max<std::size_t>(1, sorted.size())));
  soci::statement put =
      (sql.prepare
           << "insert into indicator (key, name, bits, updated, expires, context, since) values (:k, :n, :b, :u, "
              ":e, :c, :s)",
       soci::use(rows.key), soci::use(rows.name), soci::use(rows.bits), soci::use(rows.updated),
       soci::use(rows.expires), soci::use(rows.context), soci::use(rows.since));
  std::int64_t last = -1;
  for (std::size_t first = 0; first < sorted.size();) {
    const auto count = std::min(rows.key.size(), sorted.size() - first);
    rows.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto& entry = *sorted[first + i];
      auto key = std::max(entry.key, last + 1);
      while (std::ranges::binary_search(used, key)) ++key;
      rows.set(i, key, entry, roster.name(entry));
      last = key;
    }
    put.execute(true);
    first += count;
  }
}

}  // namespace

void write_changes(soci::session& sql, const Roster& roster, Time now) {
  if (!roster.changes().any()) return;
  move_on(sql);
  std::vector<const Roster::Entry*> added;
  std::vector<std::int64_t> used;
  Rows row;
  row.resize(1);
  long long why = 0;
  const auto until = to_column(now);
  soci::statement update = (sql.prepare << "update indicator set bits = :b, updated = :u, expires = :e, context = :c "
                                           "where key = :k",
                            soci::use(row.bits[0]), soci::use(row.updated[0]), soci::use(row.expires[0]),
                            soci::use(row.context[0]), soci::use(row.key[0]));
  soci::statement leave =
      (sql.prepare
           << "insert into history (hunt, name, bits, since, until, why, context) select h.name, i.name, i.bits, "
              "i.since, :until, :why, i.context from indicator i join hunt h on h.id = i.key >> 48 where i.key "
              "= :k",
       soci::use(until), soci::use(why), soci::use(row.key[0]));
  soci::statement remove = (sql.prepare << "delete from indicator where key = :k", soci::use(row.key[0]));
  for (const auto& entry : roster.entries()) {
    switch (roster.change_of(entry)) {
      case Roster::Change::add:
        added.push_back(&entry);
        break;
      case Roster::Change::update:
        row.set(0, entry.key, entry, roster.name(entry));
        update.execute(true);
        break;
      case Roster::Change::remove:
        row.key[0] = entry.key;
        why = entry.leaving;  // NOLINT(clang-analyzer-deadcode.DeadStores): bound to the statement
        leave.execute(true);
        remove.execute(true);
        break;
      case Roster::Change::none:
      case Roster::Change::forget:
        break;
    }
    if (entry.loaded()) used.push_back(entry.key);
  }
  if (added.empty()) return;
  std::ranges::sort(used);
  std::ranges::sort(added, {}, [](const auto* entry) { return entry->key; });
  insert(sql, roster, added, used);
}

Result<Roster> Ledger::roster(std::int64_t hunt) {
  return guarded(state_->path, [&] {
    Roster roster(hunt);
    const long long from = hunt << Roster::key_bits;
    const long long to = (hunt + 1) << Roster::key_bits;
    Rows rows;
    rows.resize(batch);
    soci::statement read =
        (state_->sql.prepare
             << "select key + 0, name, bits, updated, expires, context, since from indicator where key >= "
                ":from and key < :to order by key",
         soci::use(from), soci::use(to), soci::into(rows.key), soci::into(rows.name), soci::into(rows.bits),
         soci::into(rows.updated), soci::into(rows.expires), soci::into(rows.context), soci::into(rows.since));
    read.execute();
    while (read.fetch()) {
      for (std::size_t i = 0; i < rows.key.size(); ++i) {
        // The ledger may have been changed by hand: what is no name would end in a rule.
        if (const auto name = DomainName::parse(rows.name[i]); !name || name->text() != rows.name[i])
          throw std::runtime_error("a row of the table indicator holds no domain name");
        roster.load(rows.key[i], rows.name[i], scope_of(rows.bits[i]), stamp_of(rows.since[i]),
                    {confidence_of(rows.bits[i]), stamp_of(rows.updated[i]), stamp_of(rows.expires[i]),
                     static_cast<std::uint32_t>(rows.context[i])});
      }
      rows.resize(batch);
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

Result<std::vector<std::uint32_t>> Ledger::contexts(const std::vector<std::string>& texts) {
  return guarded(state_->path, [&] {
    std::vector<std::uint32_t> numbers;
    numbers.reserve(texts.size());
    std::string text;
    long long number = 0;
    WriteTransaction transaction(state_->sql);
    soci::statement find =
        (state_->sql.prepare << "select id from context where text = :t", soci::use(text), soci::into(number));
    soci::statement put = (state_->sql.prepare << "insert into context (text) values (:t) returning id",
                           soci::use(text), soci::into(number));
    for (const auto& each : texts) {
      text = each;
      if (each.empty()) {
        number = 0;
      } else if (!find.execute(true)) {
        put.execute(true);
        put.fetch();
      }
      numbers.push_back(static_cast<std::uint32_t>(number));
    }
    transaction.commit();
    return numbers;
  });
}

namespace {

/// Rows of one statement as Kept.
std::vector<Kept> read_kept(soci::statement& rows, const Kept& buffer, const Rows& row) {
  std::vector<Kept> all;
  for (rows.execute(); rows.fetch();) {
    auto kept = buffer;
    kept.domain = row.name[0];
    kept.scope = scope_of(row.bits[0]);
    kept.since = time_column(row.since[0]);
    kept.facts = {confidence_of(row.bits[0]), stamp_of(row.updated[0]), stamp_of(row.expires[0]),
                  static_cast<std::uint32_t>(row.context[0])};
    all.push_back(std::move(kept));
  }
  return all;
}

constexpr const char* kept_columns =
    "select h.name, i.name, i.bits, i.updated, i.expires, i.context, i.since, coalesce(c.text, '') from indicator i "
    "join hunt h on h.id = i.key >> 48 left join context c on c.id = i.context where i.key >= :from and i.key < :to ";

}  // namespace

Result<std::vector<Kept>> Ledger::find(std::string_view domain) {
  IW_TRY(const auto all, hunts());
  std::vector<Kept> found;
  for (const auto& hunt : all) {
    for (const auto scope : {Scope::subdomains, Scope::exact}) {
      const long long from = Roster::key_of(hunt.id, domain, scope);
      const long long to = from + Roster::most_probes;
      const std::string name(domain);
      IW_TRY(auto here, guarded(state_->path, [&] {
               Kept buffer;
               Rows row;
               row.resize(1);
               soci::statement rows =
                   (state_->sql.prepare << std::string(kept_columns) + "and i.name = :name", soci::use(from),
                    soci::use(to), soci::use(name), soci::into(buffer.hunt), soci::into(row.name[0]),
                    soci::into(row.bits[0]), soci::into(row.updated[0]), soci::into(row.expires[0]),
                    soci::into(row.context[0]), soci::into(row.since[0]), soci::into(buffer.context));
               return read_kept(rows, buffer, row);
             }));
      for (auto& kept : here)
        if (kept.scope == scope) found.push_back(std::move(kept));
    }
  }
  return found;
}

Result<std::vector<Kept>> Ledger::kept(std::int64_t hunt, std::size_t most) {
  return guarded(state_->path, [&] {
    const long long from = hunt << Roster::key_bits;
    const long long to = (hunt + 1) << Roster::key_bits;
    const auto limit = static_cast<long long>(most);
    Kept buffer;
    Rows row;
    row.resize(1);
    soci::statement rows =
        (state_->sql.prepare << std::string(kept_columns) + "order by i.since desc, i.name limit :most",
         soci::use(from), soci::use(to), soci::use(limit), soci::into(buffer.hunt), soci::into(row.name[0]),
         soci::into(row.bits[0]), soci::into(row.updated[0]), soci::into(row.expires[0]), soci::into(row.context[0]),
         soci::into(row.since[0]), soci::into(buffer.context));
    return read_kept(rows, buffer, row);
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
