#include "core/domain_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>

#include "core/domain_set_hash.hpp"
#include "core/domain_set_text.hpp"

namespace intelwall {

namespace {

using domain_set::filter_line_bits;
using domain_set::Probe;
using domain_set::scale;

constexpr std::size_t names_a_bucket = 4;
constexpr std::size_t filter_bits_a_name = 12;  // 0.8 % of other names pass

/// A record is: the name's size; the payload; `exact_mark` if exact; the ending's number, from `long_endings` on in two
/// bytes, high byte first; the packed text before it.
constexpr std::size_t payload_bytes = 4;
constexpr std::size_t long_endings = 0xe0;
constexpr std::uint8_t exact_mark = 0xff;
constexpr std::size_t max_endings = long_endings + (exact_mark - long_endings) * 256;
constexpr std::size_t max_record_for(std::size_t name_size) {
  return 1 + payload_bytes + 1 + 2 + domain_set::packed_size(name_size);
}

/// The part of a record before the packed text.
struct RecordHead {
  Scope scope;
  std::size_t ending;
  const std::uint8_t* packed;
};

RecordHead read_head(const std::uint8_t* record) {
  RecordHead head{Scope::subdomains, 0, record + 1 + payload_bytes};
  if (*head.packed == exact_mark) {
    head.scope = Scope::exact;
    ++head.packed;
  }
  head.ending = *head.packed++;
  if (head.ending >= long_endings) head.ending = long_endings + ((head.ending - long_endings) << 8) + *head.packed++;
  return head;
}

/// The endings that many names share. They are found by counting in a sample, so a list that hides them from it only
/// gets a larger set.
class Endings {
 public:
  Endings(std::span<const DomainSet::Entry> entries, const domain_set::Hash& hash) : hash_(hash) {
    const std::size_t step = std::max<std::size_t>(1, entries.size() / sample);
    Table counts(2 * std::min(entries.size(), 2 * sample) * max_labels);
    for (std::uint32_t i = 0; i < entries.size(); i += static_cast<std::uint32_t>(step)) count(entries, i, counts);
    choose(entries, counts);
  }

  const std::vector<std::string_view>& texts() const { return texts_; }

  struct Found {
    std::uint64_t hash;  ///< of the whole name
    std::size_t ending;  ///< the longest; 0 is the empty one
  };
  Found find(std::string_view name) const {
    Found found{0, 0};
    bool more = true;
    domain_set::for_each_suffix<domain_set::Suffixes::all>(name, hash_, [&](std::size_t start, std::uint64_t hash) {
      found.hash = hash;
      if (!more || start == 0) return;
      const std::size_t number = numbers_.at(hash).value;
      more = number != 0;  // what is no ending is the end of none
      if (more) found.ending = number;
    });
    // Two suffixes may have the same hash.
    if (!ends_with(name, found.ending)) found.ending = 0;
    return found;
  }

 private:
  /// Enough to find the endings that are worth a number.
  static constexpr std::size_t sample = 4'096;
  static constexpr std::size_t max_labels = 3;
  static constexpr std::uint32_t worth = 4;

  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t value = 0;  ///< 0: the slot is free
    std::uint32_t entry = 0;  ///< one that has the suffix
  };

  /// Open addressing.
  class Table {
   public:
    explicit Table(std::size_t slots) : slots_(slots + 1) {}
    const Slot& at(std::uint64_t hash) const { return slots_[place(hash)]; }
    Slot& at(std::uint64_t hash) { return slots_[place(hash)]; }
    const std::vector<Slot>& slots() const { return slots_; }

   private:
    std::size_t place(std::uint64_t hash) const {
      std::size_t at = scale(hash, slots_.size());
      while (slots_[at].value != 0 && slots_[at].hash != hash) at = at + 1 == slots_.size() ? 0 : at + 1;
      return at;
    }
    std::vector<Slot> slots_;
  };

  void count(std::span<const DomainSet::Entry> entries, std::uint32_t entry, Table& counts) const {
    std::size_t labels = 0;
    domain_set::for_each_suffix<domain_set::Suffixes::all>(
        entries[entry].name, hash_, [&](std::size_t start, std::uint64_t hash) {
          if (start == 0 || ++labels > max_labels) return;
          Slot& slot = counts.at(hash);
          slot = {.hash = hash, .value = slot.value + 1, .entry = entry};
        });
  }

  void choose(std::span<const DomainSet::Entry> entries, const Table& counts) {
    std::vector<Slot> found;
    std::ranges::copy_if(counts.slots(), std::back_inserter(found),
                         [](const Slot& slot) { return slot.value >= worth; });
    std::ranges::sort(found, std::ranges::greater(), &Slot::value);
    found.resize(std::min(found.size(), max_endings - 1));
    numbers_ = Table(8 * found.size());  // so large that most lookups are one look
    for (Slot slot : found) {
      slot.value = static_cast<std::uint32_t>(texts_.size());
      numbers_.at(slot.hash) = slot;
      domain_set::for_each_suffix<domain_set::Suffixes::all>(
          entries[slot.entry].name, hash_, [&](std::size_t start, std::uint64_t hash) {
            if (start > 0 && hash == slot.hash && texts_.size() == slot.value)
              add(entries[slot.entry].name.substr(start - 1));
          });
    }
  }

  void add(std::string_view text) {
    texts_.push_back(text);
    words_.push_back(text.size() <= 8 ? word_at_end(std::string(8, '\0').append(text), text.size()) : 0);
  }

  /// The last `size` bytes, at most 8, of a text that has 8.
  static std::uint64_t word_at_end(std::string_view text, std::size_t size) {
    return domain_set::load(text.data() + text.size() - 8) >> (4 * (8 - size)) >> (4 * (8 - size));
  }
  bool ends_with(std::string_view name, std::size_t number) const {
    const std::size_t size = texts_[number].size();
    if (size > 8 || name.size() < 8) return name.ends_with(texts_[number]);
    return word_at_end(name, size) == words_[number];
  }

  const domain_set::Hash& hash_;
  std::vector<std::string_view> texts_{""};
  std::vector<std::uint64_t> words_{0};  ///< the same, for a fast comparison, if not longer than one
  Table numbers_{0};
};

std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace

/// Records in the order of the entries first, then moved to their buckets: the second step writes all over the memory,
/// which is faster than reading all over it.
class DomainSet::Builder {
 public:
  Builder(DomainSet& set, std::span<const Entry> entries)
      : set_(set),
        entries_(entries),
        endings_(entries, set.hash_),
        bucket_count_(entries.size() / names_a_bucket + 1) {}

  Result<void> run() {
    keep_endings();
    IW_CHECK(write_all());
    move_to_buckets();
    if (set_.size_ < entries_.size()) close_gaps();
    return {};
  }

 private:
  void keep_endings() {
    set_.endings_.push_back(0);
    for (const std::string_view text : endings_.texts()) {
      set_.ending_text_.insert(set_.ending_text_.end(), text.begin(), text.end());
      set_.endings_.push_back(static_cast<std::uint32_t>(set_.ending_text_.size()));
    }
  }

  /// Records and hashes in the order of the entries; buckets_[b + 1] counts the bytes of bucket b.
  Result<void> write_all() {
    std::size_t most = 0;
    for (const Entry& entry : entries_) most += max_record_for(std::min(entry.name.size(), domain_set::longest));
    records_ = std::make_unique_for_overwrite<std::uint8_t[]>(most);
    written_.reserve(entries_.size());
    set_.buckets_.resize(bucket_count_ + 1);
    std::size_t end = 0;
    for (const Entry& entry : entries_) {
      const auto [hash, ending] = endings_.find(entry.name);
      const std::size_t size = write(entry, ending, records_.get() + end);
      if (size == 0)
        return fail(ErrorCode::invalid_input, fmt::format("'{}' is no domain name", printable(entry.name)));
      end += size;
      written_.push_back({hash, static_cast<std::uint32_t>(size)});
      set_.buckets_[scale(hash, bucket_count_) + 1] += static_cast<std::uint32_t>(size);
    }
    if (end > std::numeric_limits<std::uint32_t>::max())
      return fail(ErrorCode::invalid_input, "the list is larger than 4 GiB", "", "split it");
    set_.records_.resize(end);
    return {};
  }

  /// 0 for what is no name.
  std::size_t write(const Entry& entry, std::size_t ending, std::uint8_t* record) const {
    const auto& [name, scope, payload] = entry;
    if (name.size() > domain_set::longest || !name.contains('.')) return 0;
    std::uint8_t* out = record;
    *out++ = static_cast<std::uint8_t>(name.size());
    std::memcpy(out, &payload, payload_bytes);
    out += payload_bytes;
    if (scope == Scope::exact) *out++ = exact_mark;
    if (ending >= long_endings) *out++ = static_cast<std::uint8_t>(long_endings + ((ending - long_endings) >> 8));
    *out++ = static_cast<std::uint8_t>(ending < long_endings ? ending : ending - long_endings);
    out = domain_set::pack(name.substr(0, name.size() - endings_.texts()[ending].size()), out);
    return out == nullptr ? 0 : static_cast<std::size_t>(out - record);
  }

  void move_to_buckets() {
    std::partial_sum(set_.buckets_.begin(), set_.buckets_.end(), set_.buckets_.begin());
    ends_.assign(set_.buckets_.begin(), set_.buckets_.end() - 1);
    set_.filter_.resize(entries_.size() * filter_bits_a_name / filter_line_bits + 1);
    const std::uint8_t* record = records_.get();
    for (std::size_t i = 0; i < entries_.size(); record += written_[i++].size) {
      if (i + 2 * ahead < entries_.size()) {
        const std::uint64_t later = written_[i + 2 * ahead].hash;
        __builtin_prefetch(&ends_[scale(later, bucket_count_)], 1);
        __builtin_prefetch(&set_.filter_[scale(later, set_.filter_.size())], 1);
        __builtin_prefetch(&set_.records_[ends_[scale(written_[i + ahead].hash, bucket_count_)]], 1);
      }
      place(i, record);
    }
  }

  void place(std::size_t index, const std::uint8_t* record) {
    const auto& [hash, size] = written_[index];
    std::uint8_t* const records = set_.records_.data();
    std::uint32_t& end = ends_[scale(hash, bucket_count_)];
    const Probe probe(hash, set_.filter_.size());
    if (probe.passes(set_.filter_)) {
      // Perhaps the same name again.
      const std::uint32_t begin = set_.buckets_[scale(hash, bucket_count_)];
      const auto* const found = set_.find_record(records + begin, records + end, entries_[index].name);
      if (found != nullptr) {
        if (read_head(found).scope == Scope::subdomains || entries_[index].scope == Scope::exact) return;
        const std::size_t gone = set_.size_of(found);
        std::uint8_t* const at = records + (found - records);
        std::memmove(at, at + gone, static_cast<std::size_t>(records + end - at) - gone);
        end -= static_cast<std::uint32_t>(gone);
        --set_.size_;
      }
    }
    probe.set(set_.filter_);
    IW_ASSERT(records != nullptr);  // reserved for every name of the build
    std::memcpy(records + end, record, size);
    end += size;
    ++set_.size_;
  }

  /// Of names that came twice.
  void close_gaps() {
    std::uint8_t* const records = set_.records_.data();
    std::uint32_t to = 0;
    for (std::size_t bucket = 0; bucket < bucket_count_; ++bucket) {
      const std::uint32_t from = set_.buckets_[bucket];
      std::memmove(records + to, records + from, ends_[bucket] - from);
      set_.buckets_[bucket] = to;
      to += ends_[bucket] - from;
    }
    set_.buckets_[bucket_count_] = to;
    set_.records_.resize(to);
    set_.records_.shrink_to_fit();
  }

  DomainSet& set_;
  std::span<const Entry> entries_;
  Endings endings_;
  std::size_t bucket_count_;
  struct Written {
    std::uint64_t hash;
    std::uint32_t size;
  };
  static constexpr std::size_t ahead = 12;  ///< names whose place is on its way from memory
  std::unique_ptr<std::uint8_t[]> records_;
  std::vector<Written> written_;
  std::vector<std::uint32_t> ends_;  ///< of what stands in each bucket already
};

Result<DomainSet> DomainSet::build(std::span<const Entry> entries) {
  DomainSet set;
  set.hash_ = domain_set::Hash(random_seed());
  if (!entries.empty()) IW_CHECK(Builder(set, entries).run());
  return set;
}

std::optional<DomainSet::Match> DomainSet::find_among_suffixes(std::string_view name) const {
  if (empty()) return std::nullopt;
  struct Candidate {
    std::uint64_t hash;
    std::size_t start;
  };
  // As many as a text of dots has suffixes.
  Candidate candidates[domain_set::longest + 2];
  std::size_t found = 0;
  domain_set::for_each_suffix<domain_set::Suffixes::of_two_labels>(
      name, hash_, [&](std::size_t start, std::uint64_t hash) {
        candidates[found] = {hash, start};
        found += Probe(hash, filter_.size()).passes(filter_) ? 1 : 0;
      });
  while (found > 0) {
    const auto& [hash, start] = candidates[--found];
    const auto match = find_in_bucket(hash, name.substr(start));
    if (match && (match->scope == Scope::subdomains || start == 0)) return match;
  }
  return std::nullopt;
}

std::optional<DomainSet::Match> DomainSet::find_in_bucket(std::uint64_t hash, std::string_view name) const {
  const std::size_t bucket = scale(hash, buckets_.size() - 1);
  const std::uint8_t* const records = records_.data();
  const std::uint8_t* const record = find_record(records + buckets_[bucket], records + buckets_[bucket + 1], name);
  if (record == nullptr) return std::nullopt;
  std::uint32_t payload = 0;
  std::memcpy(&payload, record + 1, payload_bytes);
  return Match{name, read_head(record).scope, payload};
}

const std::uint8_t* DomainSet::find_record(const std::uint8_t* record, const std::uint8_t* end,
                                           std::string_view name) const {
  for (; record != end; record += size_of(record)) {
    if (record[0] != name.size()) continue;
    const RecordHead head = read_head(record);
    const std::string_view ending = ending_of(head.ending);
    if (name.ends_with(ending) && domain_set::is_packed(head.packed, name.substr(0, name.size() - ending.size())))
      return record;
  }
  return nullptr;
}

std::string_view DomainSet::ending_of(std::size_t number) const {
  return {ending_text_.data() + endings_[number], endings_[number + 1] - endings_[number]};
}

std::size_t DomainSet::size_of(const std::uint8_t* record) const {
  const RecordHead head = read_head(record);
  const std::uint8_t* const end = head.packed + domain_set::packed_size(record[0] - ending_of(head.ending).size());
  return static_cast<std::size_t>(end - record);
}

std::size_t DomainSet::bytes() const {
  return filter_.capacity() * sizeof(domain_set::FilterLine) +
         (buckets_.capacity() + endings_.capacity()) * sizeof(std::uint32_t) + records_.capacity() +
         ending_text_.capacity();
}

}  // namespace intelwall
