#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/decision.hpp"

// The one text form of a rule of ours. Internal to this room; what each part is for stands in docs/rules.md.
namespace intelwall::rules {

/// What every rule of ours holds and no other rule should.
inline constexpr std::string_view id_key = "iw_id ";

/// The value of the metadata option: the same in all rules of one (normalised) decision.
std::string metadata_of(const Decision& decision);

/// Appends the rule of a normalised decision for one protocol, without a line break.
void append_rule(std::string& out, const Decision& decision, std::string_view metadata, Protocol protocol,
                 std::uint32_t sid);

/// A rule of ours, taken apart. `decision.protocols` holds only this rule's.
struct OwnRule {
  Decision decision;
  std::string metadata;
};

/// Reads a line as a rule of ours: one that append_rule() would write byte for byte. The error is the reason why it is
/// not one, to follow "the rule".
std::expected<OwnRule, std::string_view> read_own_rule(std::string_view line);

/// The parts of a line that tell which decision and protocol it belongs to, without proof that the rest is ours.
struct OwnRuleHead {
  std::string_view id;
  Protocol protocol;
  std::uint32_t sid;
};
std::expected<OwnRuleHead, std::string_view> read_head(std::string_view line);

/// A decimal sid, nothing around it.
std::optional<std::uint32_t> parse_sid(std::string_view digits);

}  // namespace intelwall::rules
