#include "firewalls/block_groups.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "firewalls/policy_limits.hpp"

namespace intelwall::firewalls {

namespace {

// Its sid lies below the range of decisions. Without $EXTERNAL_NET, as in the rules of decisions.
constexpr const char* drop_all_rule =
    "drop quic $HOME_NET any -> any any (msg:\"intelwall drops all of QUIC\"; flow:to_server; sid:1199999998; rev:1;)";

std::string stem_of(std::string_view prefix, GroupKind kind) {
  return fmt::format("{}-blocks-{}", prefix, kind == GroupKind::quic ? "quic-" : "");
}

}  // namespace

std::string GroupName::text(const std::string& prefix) const {
  return stem_of(prefix, kind) + std::to_string(number);
}

std::optional<GroupName> GroupName::parse(std::string_view text, std::string_view prefix) {
  for (const auto kind : group_kinds) {
    if (const auto number = number_behind(text, stem_of(prefix, kind))) return GroupName{kind, *number};
  }
  return std::nullopt;
}

std::optional<Decision> part_of(const Decision& decision, GroupKind kind) {
  auto part = decision;
  std::erase_if(part.protocols,
                [&](Protocol protocol) { return (protocol == Protocol::quic) != (kind == GroupKind::quic); });
  return part.protocols.empty() ? std::nullopt : std::optional(std::move(part));
}

Format format_of(GroupKind kind, Format wanted) {
  return kind == GroupKind::quic ? Format::suricata : wanted;
}

void add_enforced(Observation& seen, const Decision& part, const std::string& group) {
  const auto other = std::ranges::find_if(
      seen.enforced, [&](const Enforced& each) { return each.decision.id == part.id && each.group != group; });
  if (other == seen.enforced.end())
    seen.enforced.push_back({part, group});
  else
    other->decision.protocols.insert(part.protocols.begin(), part.protocols.end());
}

GroupContent all_quic_dropped() {
  return GroupContent::read({{"RulesSource", {{"RulesString", std::string(drop_all_rule) + "\n"}}}});
}

bool drops_all_quic(const GroupContent& content) {
  const auto lines = content.lines();
  return std::ranges::find(lines, drop_all_rule) != lines.end();
}

Error quic_shortfall(const std::string& refusal, QuicRemedy remedy) {
  const auto why = refusal.empty() ? std::string() : fmt::format(" ({})", printable(refusal, 200));
  if (remedy == QuicRemedy::all_dropped)
    return {
        ErrorCode::refused,
        fmt::format("this firewall takes no rules on quic.sni{}, so all of QUIC is dropped: clients use TLS then", why),
        "protocol quic", "delete the group <prefix>-blocks-quic-1 to have the rules tried again"};
  return {ErrorCode::refused,
          fmt::format("this firewall takes no rules on quic.sni{}: over QUIC these names are not blocked", why),
          "protocol quic", "quic_fallback: drop-all in the configuration drops all of QUIC, so that clients use TLS"};
}

}  // namespace intelwall::firewalls
