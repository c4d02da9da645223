#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/domain_name.hpp"
#include "core/domain_set_hash.hpp"

namespace intelwall {

/// A large, immutable set of names, each exact or with its subdomains, that answers which entry covers a name. No false
/// hits, whatever the input. Safe to share between threads.
///
/// A name costs about 14 bytes beside its payload. Most names asked for are not in the set, so a lookup is made for
/// these: each of its suffixes touches one line of a filter, and only what passes there is looked for in the text.
class DomainSet {
 public:
  struct Entry {
    std::string_view name;  ///< as DomainName has it
    Scope scope = Scope::subdomains;
    std::uint32_t payload = 0;
  };
  /// Of entries with the same name one stays: the widest, and of these the first.
  /// Errors: a name that no DomainName holds, texts of more than 4 GiB together.
  static Result<DomainSet> build(std::span<const Entry> entries);

  DomainSet() = default;

  struct Match {
    std::string_view name;  ///< the entry's, as the end of the text that was asked for
    Scope scope;
    std::uint32_t payload;
    bool operator==(const Match&) const = default;
  };
  /// The entry that covers `name`, the nearest if there are several: its own, then that of the closest parent. `name`
  /// is lower case and without a trailing dot, as DomainName has it; of other text only suffixes of that form are
  /// found.
  std::optional<Match> find(std::string_view name) const {
    return is_missed_at_once(name) ? std::nullopt : find_among_suffixes(name);
  }
  std::optional<Match> find(const DomainName& name) const { return find(std::string_view(name.text())); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// What it holds on the heap, payloads (4 bytes a name) included.
  std::size_t bytes() const;

 private:
  class Builder;
  /// The answer for most names that are asked for: none of their suffixes passes the filter. Without a call, and for
  /// names of two labels without a loop.
  bool is_missed_at_once(std::string_view name) const {
    if (empty()) return true;
    if (name.size() > 24 || name.empty()) return false;
    const auto passes = [this](std::uint64_t hash) { return domain_set::Probe(hash, filter_.size()).passes(filter_); };
    std::uint64_t dots = domain_set::dots_of(name);
    if ((dots & (dots - 1)) != 0) {
      domain_set::take_last(dots);
      do {
        if (passes(hash_.of_suffix(name, domain_set::take_last(dots) + 1))) return false;
      } while (dots != 0);
    }
    return !passes(name.size() < 8 ? hash_(name) : hash_.of_middle(name));
  }
  std::optional<Match> find_among_suffixes(std::string_view name) const;
  std::optional<Match> find_in_bucket(std::uint64_t hash, std::string_view name) const;
  const std::uint8_t* find_record(const std::uint8_t* record, const std::uint8_t* end, std::string_view name) const;
  std::size_t size_of(const std::uint8_t* record) const;
  std::string_view ending_of(std::size_t number) const;

  std::size_t size_ = 0;
  domain_set::Hash hash_{0};
  std::vector<domain_set::FilterLine> filter_;
  /// Names by hash: the records of bucket b stand in records_[buckets_[b], buckets_[b + 1]).
  std::vector<std::uint32_t> buckets_;
  std::vector<std::uint8_t> records_;
  /// Frequent endings, from ".com" on: ending i is ending_text_[endings_[i], endings_[i + 1]). The first is empty.
  std::vector<std::uint32_t> endings_;
  std::vector<char> ending_text_;
};

}  // namespace intelwall
