#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firewalls/firewall.hpp"
#include "firewalls/group_content.hpp"

// How the groups of blocks are named and what stands in which. Rules on QUIC stand in groups of their own: a firewall
// that does not know `quic.sni` refuses only these.
namespace intelwall::firewalls {

enum class GroupKind { blocks, quic };
inline constexpr GroupKind group_kinds[] = {GroupKind::blocks, GroupKind::quic};

struct GroupName {
  GroupKind kind = GroupKind::blocks;
  int number = 1;
  auto operator<=>(const GroupName&) const = default;
  /// "<prefix>-blocks-N" or "<prefix>-blocks-quic-N"
  std::string text(const std::string& prefix) const;
  /// Nothing when the name is not ours.
  static std::optional<GroupName> parse(std::string_view text, std::string_view prefix);
};

/// What of a decision stands in groups of this kind; nothing when none of it does.
std::optional<Decision> part_of(const Decision& decision, GroupKind kind);
/// A domain list cannot name QUIC.
Format format_of(GroupKind kind, Format wanted);
/// Adds what stands in a group, as one decision with the part of it that another group holds.
void add_enforced(Observation& seen, const Decision& part, const std::string& group);

/// A group that drops all of QUIC, after which clients use TLS, where names are seen.
GroupContent all_quic_dropped();
bool drops_all_quic(const GroupContent& content);

/// What a plan says of QUIC rules that the firewall does not take.
enum class QuicRemedy { none, all_dropped };
Error quic_shortfall(const std::string& refusal, QuicRemedy remedy);

}  // namespace intelwall::firewalls
