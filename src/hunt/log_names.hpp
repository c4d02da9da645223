#pragma once

#include <cstddef>
#include <string_view>

#include "core/domain_set.hpp"
#include "hunt/contact.hpp"

// Internal to this room: names on a line of a log, found without parsing it.
namespace intelwall::hunt {

/// What no domain exceeds is no domain.
inline constexpr std::size_t max_name = 253;

/// Room for a name as tidy() writes it.
struct NameRoom {
  char bytes[max_name];
};
/// As DomainName has it; empty for what cannot be one. The text may be what an attacker put into a packet.
std::string_view tidy(std::string_view name, Contact::Kind kind, NameRoom& room);

struct Glance {
  std::size_t names = 0;       ///< that were looked up
  bool worth_parsing = false;  ///< a watched name may be among them
};

/// Looks up what stands behind the keys that name a destination (sni, hostname, rrname, query_name). Never passes over
/// a line on which LogParser finds a watched name, as long as these keys are written without escapes, as all engines
/// write them; what it does not understand is worth parsing. At least 32 bytes behind the line must be readable.
Glance glance(std::string_view line, const DomainSet& watched);

}  // namespace intelwall::hunt
