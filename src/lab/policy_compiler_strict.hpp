#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "lab/policy_compiler_groups.hpp"

namespace intelwall::lab {

/// Strict order for stock Suricata, which sorts rules by action, then by what they do to flow bits, then by priority,
/// then by sid, and looks at the rules without an application buffer ("packet rules") of a packet before those with one
/// ("transaction rules").
///
/// The engine's `action-order` is alert, drop, reject, pass (EngineOrder::strict). All rules that decide are written as
/// `alert` rules in the order of the policy, each one reading and setting flow bits, so that nothing but the sid orders
/// them:
///  - a rule acts only while no bit of a decision before it is set;
///  - `alert` stays what it is;
///  - `pass` becomes a silent rule that sets a decision's bit: nothing after it acts;
///  - `drop` and `reject` become a silent rule that sets a decision's bit and the rule's own, and an executor (the rule
///  with
///    its own action, which asks for the own bit) that the engine reaches later in the same packet. Where only drops,
///    then only rejects follow, the rule itself is the executor.
///
/// A decision of a transaction rule holds for the flow, as the engine's own does. A packet rule decides for one packet,
/// so its bits are taken back at the start of the next one; except a `pass` without any condition on the packet (the
/// engine's "IP-only" rules, which decide with a flow's first packet) and rules that name an application protocol.
///
/// Limit: a packet rule that drops comes before a transaction rule that passes, when both match in the same packet.
struct StrictRules {
  struct Line {
    SuricataRule rule;                             ///< without sid
    std::optional<CompiledPolicy::Origin> origin;  ///< nothing: a silent rule
  };
  std::vector<Line> lines;
};

/// `rules` in the policy's order. Errors name what cannot be expressed, with group and line.
Result<StrictRules> write_strict(std::vector<GroupRule> rules);

}  // namespace intelwall::lab
