#include "store/roster.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace intelwall::store {

namespace {

constexpr Confidence confidences[] = {Confidence::high, Confidence::medium, Confidence::low, Confidence::unverified};
static_assert(static_cast<int>(Confidence::high) == 0 && static_cast<int>(Confidence::unverified) == 3);

/// FNV-1a with a final mix. Names of a feed are not trusted, but no answer depends on their hashes being different.
std::uint64_t hash_of(std::string_view name, Scope scope) {
  std::uint64_t hash = scope == Scope::exact ? 0x9ae16a3b2f90404fU : 0xcbf29ce484222325U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93U;
  return hash ^ hash >> 32;
}

}  // namespace

Result<Confidence> parse_confidence(std::string_view text) {
  for (const auto each : confidences)
    if (text == intel::to_string(each)) return each;
  return fail(ErrorCode::usage, "\"" + printable(text, 40) + "\" is no confidence", {},
              "use high, medium, low or unverified");
}

const char* to_string(Leaving leaving) {
  switch (leaving) {
    case Leaving::revoked:
      return "revoked";
    case Leaving::unlisted:
      return "unlisted";
    case Leaving::expired:
      return "expired";
    case Leaving::unwanted:
      return "unwanted";
    case Leaving::refused:
      return "refused";
    case Leaving::hunt_removed:
      return "hunt-removed";
  }
  return "unknown";
}

std::uint32_t to_stamp(Time time) {
  const auto seconds = time.time_since_epoch().count();
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, most));
}

namespace {

std::int64_t key_for(std::int64_t hunt, std::uint64_t hash) {
  return hunt << Roster::key_bits | static_cast<std::int64_t>(hash >> (64 - Roster::key_bits));
}

std::uint32_t upper_half(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace

std::int64_t Roster::key_of(std::int64_t hunt, std::string_view name, Scope scope) {
  return key_for(hunt, hash_of(name, scope));
}

std::size_t Roster::first_slot(std::uint32_t hash) const {
  return static_cast<std::size_t>(std::uint64_t{hash} * slots_.size() >> 32);
}

void Roster::take_slot(Slot slot) const {
  auto at = first_slot(slot.hash);
  while (slots_[at].entry != 0) at = at + 1 == slots_.size() ? 0 : at + 1;
  slots_[at] = slot;
}

void Roster::fill_slots() const {
  if (4 * entries_.size() > 3 * slots_.size()) {
    std::vector<Slot> before(std::max<std::size_t>(64, std::bit_ceil(entries_.size() + entries_.size() / 2)));
    before.swap(slots_);
    for (const auto& slot : before)
      if (slot.entry != 0) take_slot(slot);
  }
  while (slotted_ < entries_.size()) {
    const auto& entry = entries_[slotted_++];
    take_slot({upper_half(hash_of(name(entry), entry.scope)), slotted_});
  }
}

std::uint32_t Roster::find(std::uint64_t hash, std::string_view text, Scope scope) const {
  if (slotted_ < entries_.size()) fill_slots();
  if (slots_.empty()) return 0;
  const auto half = upper_half(hash);
  for (auto at = first_slot(half); slots_[at].entry != 0; at = at + 1 == slots_.size() ? 0 : at + 1) {
    if (slots_[at].hash != half) continue;
    const auto& entry = entries_[slots_[at].entry - 1];
    if (entry.scope == scope && name(entry) == text) return slots_[at].entry;
  }
  return 0;
}

const Roster::Entry* Roster::find(std::string_view name, Scope scope) const {
  const auto at = find(hash_of(name, scope), name, scope);
  return at == 0 ? nullptr : &entries_[at - 1];
}

void Roster::append(Entry entry, std::string_view text) {
  IW_ASSERT(text.size() <= std::numeric_limits<std::uint8_t>::max());
  IW_ASSERT(arena_.size() + text.size() <= std::numeric_limits<std::uint32_t>::max());
  entry.name_at = static_cast<std::uint32_t>(arena_.size());
  entry.name_size = static_cast<std::uint8_t>(text.size());
  arena_ += text;
  entries_.push_back(entry);
}

void Roster::load(std::int64_t key, std::string_view name, Scope scope, std::uint32_t since, const Facts& facts) {
  append({.key = key, .scope = scope, .marks = loaded_mark, .since = since, .facts = facts}, name);
  ++loaded_;
}

void Roster::see(Entry& entry) {
  if ((entry.marks & loaded_mark) != 0 && (entry.marks & seen_mark) == 0) ++seen_;
  entry.marks |= seen_mark;
}

void Roster::put(const DomainName& domain, Scope scope, const Facts& facts, Time now) {
  const auto hash = hash_of(domain.text(), scope);
  const auto found = find(hash, domain.text(), scope);
  if (found == 0) {
    append({.key = key_for(hunt_, hash), .scope = scope, .marks = seen_mark, .since = to_stamp(now), .facts = facts},
           domain.text());
    return;
  }
  auto& entry = entries_[found - 1];
  see(entry);
  if (entry.leaving != 0) {
    entry.leaving = 0;
    --leaving_;
  }
  if (entry.facts == facts) return;
  entry.facts = facts;
  entry.marks |= changed_mark;
}

bool Roster::remove(std::string_view name, Scope scope, Leaving why) {
  const auto* const found = find(name, scope);
  if (found == nullptr || found->leaving != 0) return false;
  remove(static_cast<std::size_t>(found - entries_.data()), why);
  return true;
}

void Roster::remove(std::size_t index, Leaving why) {
  auto& entry = entries_[index];
  see(entry);
  if (entry.leaving == 0) ++leaving_;
  entry.leaving = static_cast<std::uint8_t>(why);
}

void Roster::sweep() {
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if ((entries_[i].marks & seen_mark) == 0) remove(i, Leaving::unlisted);
}

void Roster::number_contexts(std::span<const std::uint32_t> numbers) {
  for (auto& entry : entries_)
    if (entry.facts.context >= first_unnumbered) entry.facts.context = numbers[entry.facts.context - first_unnumbered];
}

Roster::Change Roster::change_of(const Entry& entry) const {
  const bool loaded = entry.loaded();
  if (entry.leaving != 0) return loaded ? Change::remove : Change::forget;
  if (!loaded) return Change::add;
  return (entry.marks & changed_mark) != 0 ? Change::update : Change::none;
}

Roster::Changes Roster::changes() const {
  Changes changes;
  for (const auto& entry : entries_) {
    const auto change = change_of(entry);
    changes.added += change == Change::add ? 1 : 0;
    changes.changed += change == Change::update ? 1 : 0;
    changes.removed += change == Change::remove ? 1 : 0;
  }
  return changes;
}

}  // namespace intelwall::store
