#include "core/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/fnv1a.hpp"

namespace intelwall {
namespace {

constexpr std::array writable_actions{Action::drop, Action::reject, Action::alert};
constexpr std::array all_protocols{Protocol::tls, Protocol::http, Protocol::dns, Protocol::quic};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

const char* to_string(Action action) {
  switch (action) {
    case Action::pass:
      return "pass";
    case Action::drop:
      return "drop";
    case Action::reject:
      return "reject";
    case Action::alert:
      return "alert";
  }
  return "alert";
}

const char* to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::tls:
      return "tls";
    case Protocol::http:
      return "http";
    case Protocol::dns:
      return "dns";
    case Protocol::quic:
      return "quic";
  }
  return "tls";
}

std::string to_string(const std::set<Protocol>& protocols) {
  std::string text;
  for (const auto protocol : protocols) text.append(text.empty() ? "" : ",").append(to_string(protocol));
  return text;
}

Result<Action> parse_action(std::string_view text) {
  for (const Action action : writable_actions) {
    if (text == to_string(action)) return action;
  }
  return fail(ErrorCode::invalid_input, fmt::format("'{}' is not an action", printable(text, 40)), "",
              "use drop, reject or alert");
}

Result<std::set<Protocol>> parse_protocols(std::string_view text) {
  std::set<Protocol> protocols;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = trimmed(rest.substr(0, comma));
    const auto* const known = std::ranges::find_if(all_protocols, [&](Protocol p) { return word == to_string(p); });
    if (known == all_protocols.end()) {
      return fail(ErrorCode::invalid_input, fmt::format("'{}' is not a protocol", printable(word, 40)), "",
                  "use tls, http, dns or quic, with commas between them");
    }
    protocols.insert(*known);
    if (comma == std::string_view::npos) return protocols;
    rest.remove_prefix(comma + 1);
  }
}

std::string decision_id(const DomainSpec& domain, Action action) {
  constexpr std::string_view base32 = "abcdefghijklmnopqrstuvwxyz234567";  // RFC 4648, lower case
  constexpr unsigned bits = 60;
  const std::uint64_t hash =
      fnv1a(fmt::format("{}|{}|{}", domain.name.text(), to_string(domain.scope), to_string(action)));
  // Folded, as FNV's authors advise for widths between its own.
  std::uint64_t folded = (hash >> bits) ^ (hash & ((std::uint64_t{1} << bits) - 1));
  std::string id(bits / 5, 'a');
  for (char& c : id) {
    c = base32[folded & 31];
    folded >>= 5;
  }
  return id;
}

}  // namespace intelwall
