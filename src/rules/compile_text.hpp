#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/compile.hpp"

// Internal to this room: the text of compiled rules. What each part of a rule is for stands in docs/rules.md.
namespace intelwall::rules {

/// The sids of compiled lists: below those of decisions (first_sid), so that both may be in one engine.
inline constexpr std::uint32_t first_list_sid = 1'000'000'000;
inline constexpr std::uint32_t list_sids = 190'000'000;  ///< the hash reaches so far, probing up to first_sid

/// Where a name travels.
enum class Carrier { tls, http, dns, quic };
const char* to_string(Carrier carrier);
std::string_view buffer_of(Carrier carrier);
std::vector<Carrier> carriers_of(const CompileOptions& options);

/// The verb an engine obeys for this carrier: only TCP can be rejected.
std::string_view verb_of(Action action, Carrier carrier);

/// A name's end in a content and in a regex. SNI and Host may carry the root's dot, a DNS query cannot.
std::string_view content_end_of(Carrier carrier);
std::string_view name_end_of(Carrier carrier);
std::string_view regex_end_of(Carrier carrier);

/// "alert tls $HOME_NET any -> any any (msg:"intelwall list"; flow:to_server; tls.sni; "
std::string rule_head(const CompileOptions& options, Carrier carrier, std::string_view about = {});

/// Where the hash of something that lives as long as its rule would like its sid.
std::uint32_t wanted_list_sid(std::string_view what, std::string_view more, Carrier carrier, Scope scope);
/// What the rules of `wanted` get: what they want, or the next one that is free. A sid moves only when one before it
/// that stands in its way comes or goes.
std::vector<std::uint32_t> give_sids(const std::vector<std::uint32_t>& wanted);

/// `rule` with its sid put in.
void append_sid(std::string& rule, std::uint32_t sid);
inline constexpr std::size_t sid_bytes = std::string_view("sid:1000000000; rev:1;)").size();

/// The bytes that the variables of options.source add to a rule when they are put in.
std::size_t variable_bytes(const CompileOptions& options);

}  // namespace intelwall::rules
