#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/domain_name.hpp"
#include "core/time.hpp"
#include "intel/indicator.hpp"

namespace intelwall::store {

using intel::Confidence;  // its numbers stand in the ledger
Result<Confidence> parse_confidence(std::string_view text);

/// Why an indicator is in a hunt no more. The numbers stand in the ledger.
enum class Leaving : std::uint8_t {
  revoked = 1,   ///< the source took it back
  unlisted = 2,  ///< it matches the query no more, or the list has it no more
  expired = 3,
  unwanted = 4,     ///< its confidence or type is one that the hunt leaves out
  refused = 5,      ///< a guardrail
  hunt_removed = 6  ///< the hunt itself is gone
};
const char* to_string(Leaving leaving);

/// What is known of an indicator beside its name.
struct Facts {
  Confidence confidence = Confidence::unverified;
  std::uint32_t updated = 0;  ///< seconds since 1970 by the source; 0: not told
  std::uint32_t expires = 0;  ///< 0: as long as it is listed
  std::uint32_t context = 0;  ///< of Ledger::contexts: actors, families, types; see Roster::first_unnumbered
  bool operator==(const Facts&) const = default;
};
std::uint32_t to_stamp(Time time);  ///< clamped to what 32 bits hold
inline Time from_stamp(std::uint32_t stamp) {
  return Time{std::chrono::seconds{stamp}};
}

/// The domains that one hunt keeps, in memory, with what a run changes in them: about 60 bytes a name.
class Roster {
 public:
  enum Mark : std::uint8_t { loaded_mark = 1, seen_mark = 2, changed_mark = 4 };
  struct Entry {
    std::int64_t key = 0;  ///< in the ledger: the hunt's number, then a hash of the name
    std::uint32_t name_at = 0;
    std::uint8_t name_size = 0;
    Scope scope = Scope::subdomains;
    std::uint8_t marks = 0;
    std::uint8_t leaving = 0;
    std::uint32_t since = 0;  ///< kept from
    Facts facts;

    bool loaded() const { return (marks & loaded_mark) != 0; }
  };

  explicit Roster(std::int64_t hunt) : hunt_(hunt) {}

  std::int64_t hunt() const { return hunt_; }
  const std::vector<Entry>& entries() const { return entries_; }
  std::string_view name(const Entry& entry) const {
    return std::string_view(arena_).substr(entry.name_at, entry.name_size);
  }
  /// Kept now: what leaves does not count.
  std::size_t size() const { return entries_.size() - leaving_; }
  bool is_kept(const Entry& entry) const { return entry.leaving == 0; }
  const Entry* find(std::string_view name, Scope scope) const;

  /// As the ledger has it; unchanged.
  void load(std::int64_t key, std::string_view name, Scope scope, std::uint32_t since, const Facts& facts);
  /// The source lists it: new, changed, back again, or only seen.
  void put(const DomainName& name, Scope scope, const Facts& facts, Time now);
  /// False if it is not kept.
  bool remove(std::string_view name, Scope scope, Leaving why);
  void remove(std::size_t index, Leaving why);

  /// Contexts from here on have no number yet: this is the place of the first of them in a list of texts.
  static constexpr std::uint32_t first_unnumbered = 1U << 31;
  /// Gives them the numbers of that list's texts.
  void number_contexts(std::span<const std::uint32_t> numbers);

  /// Kept from before and not put since: what sweep() would remove.
  std::size_t unseen() const { return loaded_ - seen_; }
  void sweep();
  /// Kept from before this run.
  std::size_t loaded() const { return loaded_; }

  struct Changes {
    std::size_t added = 0, changed = 0, removed = 0;
    bool any() const { return added + changed + removed > 0; }
  };
  Changes changes() const;
  enum class Change { none, add, update, remove, forget };
  /// What the ledger must do about an entry; `forget`: came and went within this run.
  Change change_of(const Entry& entry) const;

  /// Where a name's row is looked for: this key and the few behind it.
  static std::int64_t key_of(std::int64_t hunt, std::string_view name, Scope scope);
  static constexpr int key_bits = 48;
  static constexpr std::int64_t most_probes = 8;

 private:
  /// Where an entry is found by its name: open addressing, in the order of hashes. What comes in the order of keys
  /// fills one slot behind the other, and growing needs no names.
  struct Slot {
    std::uint32_t hash = 0;   ///< its upper half
    std::uint32_t entry = 0;  ///< index + 1; 0: free
  };
  std::size_t first_slot(std::uint32_t hash) const;
  void take_slot(Slot slot) const;
  void fill_slots() const;
  /// Index + 1; 0: there is none.
  std::uint32_t find(std::uint64_t hash, std::string_view name, Scope scope) const;
  void append(Entry entry, std::string_view name);
  void see(Entry& entry);

  std::int64_t hunt_;
  std::string arena_;
  std::vector<Entry> entries_;
  mutable std::vector<Slot> slots_;    ///< filled when somebody asks: who reads a roster through needs none
  mutable std::uint32_t slotted_ = 0;  ///< entries that have a slot
  std::size_t leaving_ = 0, loaded_ = 0, seen_ = 0;
};

}  // namespace intelwall::store
