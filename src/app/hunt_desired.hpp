#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "app/context.hpp"
#include "core/decision.hpp"
#include "rules/compile_table.hpp"
#include "store/ledger.hpp"

namespace intelwall::app {

/// Domains that get the same kind of rule.
struct DesiredPart {
  Action action = Action::alert;
  std::set<Protocol> protocols;
  rules::DomainTable domains;
};

/// What all hunts together want of the firewall.
struct Desired {
  std::vector<DesiredPart> parts;  ///< the strongest action first
  std::size_t wanted = 0;          ///< domains, each once
  std::size_t doubled = 0, covered_by_blocks = 0, over_limit = 0;
  std::uint64_t fingerprint = 0;  ///< of the parts, in whatever order the names come
};

struct HuntNames {
  const store::Hunt* hunt;
  const store::Roster* roster;
};

/// Pure. A name that several hunts keep counts once, for the strongest of them that asks for as many protocols; one
/// that a block of a responder covers as strongly does not count while the block lasts.
Desired desired_of(std::span<const HuntNames> hunts, std::span<const Decision> blocks,
                   const std::set<std::string>& sighted, Time now);

/// What the ledger's hunts want, beside what responders block. Needs the firewall.
Result<Desired> read_desired(Context& context, store::Ledger& ledger);

/// 0 is the last to be left out: sighted ones, then by confidence, then the newest.
std::uint32_t rank_of(const store::Facts& facts, bool sighted);

}  // namespace intelwall::app
