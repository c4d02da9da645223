#include "lab/falcon_indicator_store.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "aws/json_text.hpp"
#include "intel/byte_source.hpp"
#include "intel/fql_matcher.hpp"
#include "intel/fql_schema.hpp"
#include "intel/line_reader.hpp"

namespace intelwall::lab {
namespace {

using aws::Json;
using intel::Confidence;
using Condition = fql::Condition;
using Kind = fql::Expression::Kind;

constexpr std::size_t most_remembered = 8;
constexpr std::uint32_t day = 24 * 3600;

std::uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

std::uint32_t seconds_of(Time time) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.time_since_epoch().count(), 0, 0xffff'ffff));
}

bool speaks_of_relations(const fql::Expression& expression) {
  if (expression.kind == Kind::condition) return expression.condition.property.starts_with("relations");
  return std::ranges::any_of(expression.parts, speaks_of_relations);
}

bool is_marker_bound(const fql::Expression& expression) {
  const auto& [property, relation, negated, brackets, values] = expression.condition;
  return expression.kind == Kind::condition && property == "_marker" && !negated &&
         (relation == fql::Relation::less || relation == fql::Relation::less_equal ||
          relation == fql::Relation::greater || relation == fql::Relation::greater_equal) &&
         values.size() == 1 && values[0].kind != fql::Value::Kind::null;
}

/// A filter as bounds on the marker, all of which must hold, and the rest.
struct Split {
  std::vector<Condition> bounds;
  std::optional<fql::Filter> rest;
};
Split split(const std::optional<fql::Filter>& filter) {
  Split split;
  if (!filter) return split;
  fql::Expression rest{.kind = Kind::all, .condition = {}, .parts = {}};
  const auto take = [&](const fql::Expression& part) {
    if (is_marker_bound(part)) {
      split.bounds.push_back(part.condition);
    } else {
      rest.parts.push_back(part);
    }
  };
  if (filter->root.kind == Kind::all) {
    std::ranges::for_each(filter->root.parts, take);
  } else {
    take(filter->root);
  }
  if (rest.parts.size() == 1) {
    split.rest = fql::Filter{.root = std::move(rest.parts[0]), .warnings = {}};
  } else if (!rest.parts.empty()) {
    split.rest = fql::Filter{.root = std::move(rest), .warnings = {}};
  }
  return split;
}

bool holds(const Condition& bound, std::string_view marker) {
  const std::string_view value = bound.values[0].text;
  switch (bound.relation) {
    case fql::Relation::less:
      return marker < value;
    case fql::Relation::less_equal:
      return marker <= value;
    case fql::Relation::greater:
      return marker > value;
    default:
      return marker >= value;
  }
}

bool is_lower_bound(const Condition& bound) {
  return bound.relation == fql::Relation::greater || bound.relation == fql::Relation::greater_equal;
}

Error refused(std::string message) {
  return {ErrorCode::invalid_input, std::move(message), "", ""};
}

/// The members that the store itself writes, because they change.
constexpr std::array changing{"deleted", "last_updated", "malicious_confidence", "_marker", "relations"};

}  // namespace

/// simdjson's, which keeps its memory.
class IndicatorStore::Parser {
 public:
  simdjson::dom::element parse(const std::string& text) {
    simdjson::dom::element element;
    const auto code = parser_.parse(text).get(element);
    IW_ASSERT(code == simdjson::SUCCESS);
    return element;
  }

 private:
  simdjson::dom::parser parser_;
};

IndicatorStore::IndicatorStore(IndicatorSet set, Clock clock)
    : set_(set), clock_(std::move(clock)), parser_(std::make_unique<Parser>()) {
  const Time start = clock_();
  entries_.reserve(set_.size());
  for (std::uint32_t number = 0; number < set_.size(); ++number) {
    const std::uint32_t seen = set_.seen(number);
    Entry entry{.source = number, .seen = seen, .last_updated = seen};
    if (set_.is_verified(number)) entry.confidence = decayed(start - Time(std::chrono::seconds(seen)));
    entry.is_deleted = set_.is_deleted(number);
    const auto row = append(entry);
    IW_ASSERT(row);
  }
  index_set();
}

IndicatorStore::~IndicatorStore() = default;

void IndicatorStore::index_set() {
  rows_of_set_.reserve(set_.size());
  for (std::uint32_t number = 0; number < set_.size(); ++number)
    rows_of_set_.emplace_back(hash_of(set_.id(number)), number);
  std::ranges::sort(rows_of_set_);
}

Result<IndicatorStore::Row> IndicatorStore::append(const Entry& entry) {
  const auto row = static_cast<Row>(entries_.size());
  entries_.push_back(entry);
  std::string text;
  write_unlocked(row, Relations::without, text);
  if (auto added = table_.add(parser_->parse(text)); !added) {
    entries_.pop_back();
    return std::unexpected(std::move(added).error());
  }
  ++version_;
  return row;
}

std::string IndicatorStore::marker_unlocked(Row row) const {
  // The row in it puts changes of one second in their order.
  const std::uint64_t noise = (row + 1) * 0x9e3779b97f4a7c15;
  return fmt::format("{:010}{:08x}{:016x}{:08x}", entries_[row].last_updated, row, noise, noise >> 17 & 0xffff'ffff);
}

void IndicatorStore::write_unlocked(Row row, Relations relations, std::string& out) const {
  const Entry& entry = entries_[row];
  const IndicatorState state{marker_unlocked(row), entry.last_updated, entry.confidence, entry.is_deleted};
  if (!entry.is_added) {
    set_.write(entry.source, state, out);
    if (relations == Relations::included) set_.write_relations(entry.source, out);
  } else {
    const Added& added = added_[entry.source];
    fmt::format_to(std::back_inserter(out),
                   R"({},"deleted":{},"last_updated":{},"malicious_confidence":"{}","_marker":"{}")", added.front,
                   state.deleted, state.last_updated, to_string(state.confidence), state.marker);
    if (relations == Relations::included) out += added.relations;
  }
  out += '}';
}

void IndicatorStore::write(Row row, Relations relations, std::string& out) const {
  const std::shared_lock lock(mutex_);
  write_unlocked(row, relations, out);
}

std::string IndicatorStore::id(Row row) const {
  const std::shared_lock lock(mutex_);
  const Entry& entry = entries_[row];
  return entry.is_added ? added_[entry.source].id : set_.id(entry.source);
}

std::string IndicatorStore::marker(Row row) const {
  const std::shared_lock lock(mutex_);
  return marker_unlocked(row);
}

std::optional<IndicatorStore::Row> IndicatorStore::find_unlocked(const std::string& id) const {
  if (const auto changed = rows_of_changed_.find(id); changed != rows_of_changed_.end()) return changed->second;
  const std::uint64_t hash = hash_of(id);
  for (auto at = std::ranges::lower_bound(rows_of_set_, std::pair{hash, Row{0}});
       at != rows_of_set_.end() && at->first == hash; ++at) {
    if (set_.id(at->second) == id) return at->second;
  }
  return std::nullopt;
}

std::optional<IndicatorStore::Row> IndicatorStore::find(const std::string& id) const {
  const std::shared_lock lock(mutex_);
  return find_unlocked(id);
}

bool IndicatorStore::is_sortable(std::string_view property) {
  constexpr std::array sortable{"_marker",        "id",           "indicator",           "type",
                                "published_date", "last_updated", "malicious_confidence"};
  return std::ranges::find(sortable, property) != sortable.end();
}

std::vector<IndicatorStore::Row> IndicatorStore::filtered(const std::optional<fql::Filter>& filter) const {
  if (filter && !speaks_of_relations(filter->root)) return table_.select(*filter, now());
  std::vector<Row> rows(entries_.size());
  std::iota(rows.begin(), rows.end(), Row{0});
  if (!filter) return rows;
  // Relations are not in the table, where they would take more room than all the rest.
  fql::Matcher matcher(*filter, now());
  Parser parser;
  std::string text;
  std::erase_if(rows, [&](Row row) {
    if (entries_[row].is_out) return true;
    text.clear();
    write_unlocked(row, Relations::included, text);
    return !matcher(parser.parse(text));
  });
  return rows;
}

void IndicatorStore::sort(std::vector<Row>& rows, const std::string& property) const {
  const auto by_marker = [this](Row row) { return std::pair{entries_[row].last_updated, row}; };
  if (!std::ranges::is_sorted(rows, {}, by_marker)) std::ranges::sort(rows, {}, by_marker);
  if (property == "_marker" || property == "last_updated") return;
  std::vector<std::pair<std::string, Row>> keyed;
  keyed.reserve(rows.size());
  Parser parser;
  std::string text;
  for (const Row row : rows) {
    text.clear();
    write_unlocked(row, Relations::without, text);
    const auto value = parser.parse(text)[property];
    std::string key;
    if (std::string_view word; value.get_string().get(word) == simdjson::SUCCESS) key = word;
    if (std::int64_t seconds = 0; value.get_int64().get(seconds) == simdjson::SUCCESS)
      key = fmt::format("{:020}", seconds);
    keyed.emplace_back(std::move(key), row);
  }
  std::ranges::stable_sort(keyed, {}, &std::pair<std::string, Row>::first);
  std::ranges::transform(keyed, rows.begin(), &std::pair<std::string, Row>::second);
}

std::vector<IndicatorStore::Row> IndicatorStore::selected(const Query& query,
                                                          const std::optional<fql::Filter>& filter) const {
  std::vector<Row> rows = filtered(filter);
  std::erase_if(rows, [&](Row row) {
    const Entry& entry = entries_[row];
    return entry.is_out || (entry.is_deleted && !query.include_deleted);
  });
  if (!query.text.empty()) {
    const std::string wanted = fql::to_lower(query.text);
    std::string text;
    std::erase_if(rows, [&](Row row) {
      text.clear();
      write_unlocked(row, Relations::without, text);
      return !fql::to_lower(text).contains(wanted);
    });
  }
  sort(rows, query.sort);
  return rows;
}

IndicatorStore::Selection IndicatorStore::select(const Query& query) {
  const std::shared_lock lock(mutex_);
  const Split parts = split(query.filter);
  Selection selection;
  selection.ascending_ = query.ascending;
  const std::string key = fmt::format("{} {} {} {}\n{}\n{}", version_, moved_.load(), query.include_deleted, query.sort,
                                      query.text, parts.rest ? parts.rest->to_text(now()) : "");
  {
    const std::lock_guard remembered_lock(remembered_mutex_);
    const auto known = std::ranges::find(remembered_, key, &Remembered::key);
    if (known != remembered_.end()) selection.rows_ = known->rows;
  }
  if (!selection.rows_) {
    selection.rows_ = std::make_shared<const std::vector<Row>>(selected(query, parts.rest));
    const std::lock_guard remembered_lock(remembered_mutex_);
    remembered_.push_front({key, selection.rows_});
    if (remembered_.size() > most_remembered) remembered_.pop_back();
  }
  const auto& rows = *selection.rows_;
  selection.end_ = rows.size();
  if (parts.bounds.empty()) return selection;
  if (query.sort != "_marker" && query.sort != "last_updated") {
    auto kept = rows;
    std::erase_if(kept, [&](Row row) {
      const std::string marker = marker_unlocked(row);
      return !std::ranges::all_of(parts.bounds, [&](const auto& bound) { return holds(bound, marker); });
    });
    selection.end_ = kept.size();
    selection.rows_ = std::make_shared<const std::vector<Row>>(std::move(kept));
    return selection;
  }
  for (const auto& bound : parts.bounds) {
    const bool is_lower = is_lower_bound(bound);
    const auto edge =
        std::ranges::partition_point(rows, [&](Row row) { return holds(bound, marker_unlocked(row)) != is_lower; });
    const auto at = static_cast<std::size_t>(edge - rows.begin());
    if (is_lower) {
      selection.begin_ = std::max(selection.begin_, at);
    } else {
      selection.end_ = std::min(selection.end_, at);
    }
  }
  selection.end_ = std::max(selection.end_, selection.begin_);
  return selection;
}

Time IndicatorStore::now() const {
  return clock_() + std::chrono::seconds(moved_.load());
}

std::size_t IndicatorStore::count() const {
  const std::shared_lock lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(entries_, [](const Entry& entry) { return !entry.is_out && !entry.is_deleted; }));
}

Result<IndicatorStore::Row> IndicatorStore::put(const Json& given, Dates dates) {
  if (!given.is_object()) return std::unexpected(refused("an indicator must be an object"));
  std::string id = aws::text_in(given, "id");
  if (id.empty()) id = aws::text_in(given, "type") + '_' + aws::text_in(given, "indicator");
  const std::unique_lock lock(mutex_);
  const auto known = find_unlocked(id);
  Json whole = Json::object();
  if (known) {
    std::string text;
    write_unlocked(*known, Relations::included, text);
    whole = *aws::parse_json(text);
  }
  whole.update(given);
  whole["id"] = id;
  if (aws::text_in(whole, "indicator").empty() || aws::text_in(whole, "type").empty())
    return std::unexpected(refused("a new indicator must have an \"indicator\" and a \"type\""));
  const std::string word =
      whole.contains("malicious_confidence") ? aws::text_in(whole, "malicious_confidence") : "high";
  if (!fql::equal_ignoring_case(word, to_string(intel::confidence_named(word))))
    return std::unexpected(refused("malicious_confidence must be high, medium, low or unverified"));
  const std::uint32_t present = seconds_of(now());
  const auto told = aws::count_in(given, "last_updated");
  Entry entry{.source = static_cast<std::uint32_t>(added_.size()),
              .last_updated =
                  dates == Dates::as_given && told > 0 && told <= present ? static_cast<std::uint32_t>(told) : present,
              .confidence = intel::confidence_named(word),
              .is_added = true,
              .is_deleted = aws::member(whole, "deleted") == true};
  // Decay goes on from the word that was given.
  entry.seen = present;
  if (entry.confidence == Confidence::medium) entry.seen -= 61 * day;
  if (entry.confidence == Confidence::low) entry.seen -= 121 * day;
  if (!whole.contains("published_date")) whole["published_date"] = entry.last_updated;
  std::string relations =
      R"(,"relations":)" + (whole.contains("relations") ? aws::dump_json(whole["relations"]) : "[]");
  for (const char* name : changing) whole.erase(name);
  std::string front = aws::dump_json(whole);
  front.pop_back();
  added_.push_back({id, std::move(front), std::move(relations)});
  auto row = append(entry);
  if (!row) {
    added_.pop_back();
    return row;
  }
  if (known) entries_[*known].is_out = true;
  rows_of_changed_[id] = *row;
  return row;
}

std::size_t IndicatorStore::move_time(std::chrono::seconds by) {
  const std::unique_lock lock(mutex_);
  moved_ += by.count();
  const Time present = now();
  std::size_t changed = 0;
  for (Row row = 0, end = static_cast<Row>(entries_.size()); row < end; ++row) {
    Entry entry = entries_[row];
    if (entry.is_out || entry.is_deleted || entry.confidence == Confidence::unverified) continue;
    const Confidence confidence = decayed(present - Time(std::chrono::seconds(entry.seen)));
    if (confidence <= entry.confidence) continue;
    entries_[row].is_out = true;
    entry.confidence = confidence;
    entry.last_updated = seconds_of(present);
    const auto later = append(entry);
    IW_ASSERT(later);  // its members were taken before
    rows_of_changed_[entry.is_added ? added_[entry.source].id : set_.id(entry.source)] = *later;
    ++changed;
  }
  return changed;
}

Result<void> IndicatorStore::load(const std::string& path) {
  IW_TRY(const auto file, intel::open_unpacked(path));
  intel::LineReader lines(*file.bytes);
  for (;;) {
    IW_TRY(const auto line, lines.next());
    if (!line) return {};
    if (line->text.empty()) continue;
    const std::string place = fmt::format("{}:{}", printable(file.name), line->number);
    const auto json = aws::parse_json(line->text);
    if (line->too_long || !json) return fail(ErrorCode::invalid_input, "this is no indicator on one line", place);
    if (auto row = put(*json, Dates::as_given); !row) {
      Error error = std::move(row).error();
      error.place = place;
      return std::unexpected(std::move(error));
    }
  }
}

}  // namespace intelwall::lab
