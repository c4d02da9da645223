#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/network_firewall.hpp"

// Internal to this room: compiled lists beside what stands in the groups already. Pure.
namespace intelwall::firewalls {

/// The lines of a list's group: those that the compiler wrote, and everybody else's, each kept byte for byte.
struct ListLines {
  std::string ours;
  std::string others;
  std::size_t our_rules = 0;
  std::size_t other_rules = 0;

  std::size_t rules() const { return our_rules + other_rules; }
  /// More than blank lines.
  bool has_others() const { return others.find_first_not_of(" \t\r\n") != std::string::npos; }
  std::size_t bytes() const { return ours.size() + others.size(); }
  bool operator==(const ListLines&) const = default;
};
ListLines split_lines(std::string_view rules);
/// The text of a group that says `lines`; a group that would be empty holds a rule that matches nothing.
std::string to_text(const ListLines& lines);

/// Rules that a list wants in one group.
struct ListPart {
  std::string text;
  std::size_t rules = 0;
};

/// A group as it is.
struct LiveList {
  ListLines lines;
  std::size_t capacity = 0;
};

/// What becomes of parts and groups.
struct ListMoves {
  /// By part: the group that takes it (an index of the live ones), or nothing for a new one.
  std::vector<std::optional<std::size_t>> group_of;
  std::vector<std::size_t> capacity_of;  ///< by part; of new groups
};

/// Each part goes where most of its rules stand already, if there is room; a part that stands somewhere as it is stays
/// there. Where kept groups reserve so much that the new ones do not fit `capacity`, the most spacious ones are
/// replaced. Nothing when the rules alone exceed `capacity`.
std::optional<ListMoves> assign(std::span<const ListPart> parts, std::span<const LiveList> live, std::size_t capacity,
                                std::size_t group_bytes);

/// The most rules that a group of `rules` is made for: a quarter more, in hundreds.
std::size_t with_headroom(std::size_t rules);

/// A fingerprint of texts in their order: tells whether they are what was written last, not whether somebody forged
/// them.
std::uint64_t fingerprint(std::string_view text, std::uint64_t before = 0);

}  // namespace intelwall::firewalls
