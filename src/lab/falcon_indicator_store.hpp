#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "intel/fql_table.hpp"
#include "lab/falcon_indicator_set.hpp"

namespace intelwall::lab {

/// The lab's indicators: those of a set, and those that were added or changed. A change is a new row with a new marker,
/// as an update is at Falcon; the old row is out. Thread-safe.
class IndicatorStore {
 public:
  using Row = std::uint32_t;
  enum class Relations { without, included };

  /// `clock` tells the time until it is moved.
  IndicatorStore(IndicatorSet set, Clock clock);
  ~IndicatorStore();

  struct Query {
    std::optional<fql::Filter> filter;
    std::string text;  ///< anywhere in the object, without case
    bool include_deleted = false;
    std::string sort = "_marker";  ///< is_sortable()
    bool ascending = true;
  };
  static bool is_sortable(std::string_view property);

  /// What a query finds, in its order; rows stay good whatever changes.
  class Selection {
   public:
    std::size_t size() const { return end_ - begin_; }
    Row operator[](std::size_t at) const { return (*rows_)[ascending_ ? begin_ + at : end_ - 1 - at]; }

   private:
    friend class IndicatorStore;
    std::shared_ptr<const std::vector<Row>> rows_;
    std::size_t begin_ = 0, end_ = 0;
    bool ascending_ = true;
  };
  /// The last few are remembered, but for their bounds on `_marker`: a page of a pull costs its own objects only.
  Selection select(const Query& query);

  void write(Row row, Relations relations, std::string& out) const;
  std::string id(Row row) const;
  std::string marker(Row row) const;
  std::optional<Row> find(const std::string& id) const;

  enum class Dates { now, as_given };  ///< of `last_updated`
  /// Adds an indicator, or changes the members that are given of the one with its `id`. Errors: `invalid_input`.
  Result<Row> put(const nlohmann::json& indicator, Dates dates = Dates::now);
  /// Adds all of a file of JSON lines, plain, gzip or zstd.
  Result<void> load(const std::string& path);

  Time now() const;
  /// Later by `by`; indicators decay. Returns how many have changed.
  std::size_t move_time(std::chrono::seconds by);
  /// Those that are not deleted.
  std::size_t count() const;

 private:
  struct Entry {
    std::uint32_t source = 0;  ///< number in the set, or in added_
    std::uint32_t seen = 0;    ///< from it the confidence decays
    std::uint32_t last_updated = 0;
    intel::Confidence confidence = intel::Confidence::unverified;
    bool is_added = false, is_deleted = false, is_out = false;
  };
  struct Added {
    std::string id;
    std::string front;      ///< the object up to what changes, without a closing brace
    std::string relations;  ///< `,"relations":[…]`
  };
  struct Remembered {
    std::string key;
    std::shared_ptr<const std::vector<Row>> rows;
  };
  class Parser;

  /// Errors: the object is nested too deep for a filter, or has too many members of its own.
  Result<Row> append(const Entry& entry);
  void index_set();
  void write_unlocked(Row row, Relations relations, std::string& out) const;
  std::optional<Row> find_unlocked(const std::string& id) const;
  std::string marker_unlocked(Row row) const;
  std::vector<Row> filtered(const std::optional<fql::Filter>& filter) const;
  std::vector<Row> selected(const Query& query, const std::optional<fql::Filter>& filter) const;
  void sort(std::vector<Row>& rows, const std::string& property) const;

  IndicatorSet set_;
  Clock clock_;
  std::atomic<std::int64_t> moved_ = 0;  ///< seconds
  mutable std::shared_mutex mutex_;      ///< guards what follows
  std::vector<Entry> entries_;
  std::deque<Added> added_;
  std::vector<std::pair<std::uint64_t, Row>> rows_of_set_;  ///< by the hash of the id, sorted
  std::unordered_map<std::string, Row> rows_of_changed_;    ///< which count before those
  fql::Table table_;
  std::uint64_t version_ = 0;
  std::unique_ptr<Parser> parser_;
  std::mutex remembered_mutex_;
  std::deque<Remembered> remembered_;
};

}  // namespace intelwall::lab
