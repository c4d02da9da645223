#include "rules/rule_form.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "rules/rule_group.hpp"

namespace intelwall::rules {
namespace {

constexpr std::string_view scope_to_firewall = " $HOME_NET any -> any any (msg:\"intelwall ";
constexpr std::string_view content_start = " dotprefix; content:\".";
constexpr std::string_view exact_mark = "\"; nocase; startswith;";
constexpr std::string_view subdomains_mark = "\"; nocase;";
constexpr std::string_view metadata_start = "; metadata:";
constexpr std::string_view sid_start = "; sid:";
constexpr std::string_view never = "never";
constexpr std::string_view not_our_text = "is not the text that intelwall writes";

/// The engine's verb. REJECT exists for TCP only (it answers with a reset), so names in DNS and QUIC are dropped.
const char* verb(Action action, Protocol protocol) {
  const bool datagrams = protocol == Protocol::dns || protocol == Protocol::quic;
  return action == Action::reject && datagrams ? "drop" : to_string(action);
}

std::string_view buffer(Protocol protocol) {
  switch (protocol) {
    case Protocol::tls:
      return "tls.sni;";
    case Protocol::http:
      return "http.host;";
    case Protocol::dns:
      return "dns.query;";
    case Protocol::quic:
      return "quic.sni;";
  }
  std::unreachable();
}

/// What must follow the name: nothing. SNI and Host may carry the root's dot ("evil.com."), the wire form of DNS
/// cannot.
std::string_view end_of_name(Protocol protocol) {
  return protocol == Protocol::dns ? " endswith" : R"( pcre:"/^\.?\z/R")";
}

void append_text(std::string& out, std::string_view key, const RuleText& text) {
  if (!text.empty()) out.append(", ").append(key).append(text.text());
}

/// What stands between `start` and the next `stop`; nothing when either is missing.
std::optional<std::string_view> between(std::string_view text, std::string_view start, char stop) {
  const auto begin = text.find(start);
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + start.size());
  const auto end = text.find(stop);
  if (end == std::string_view::npos) return std::nullopt;
  return text.substr(0, end);
}

/// The next item of "a, b, c"; values hold no comma (RuleText).
std::string_view next_item(std::string_view& rest) {
  const auto end = rest.find(", ");
  const auto item = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
  return item;
}

std::optional<Protocol> protocol_of(std::string_view line) {
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  line.remove_prefix(blank + 1);
  for (const auto protocol : {Protocol::tls, Protocol::http, Protocol::dns, Protocol::quic}) {
    const std::string_view word = to_string(protocol);
    if (line.starts_with(word) && line.substr(word.size()).starts_with(scope_to_firewall)) return protocol;
  }
  return std::nullopt;
}

/// Fills in what the metadata says; false when a key or a time is none of ours. Order and repeats are left to the
/// comparison with the rendered text.
bool read_metadata(std::string_view metadata, Decision& decision) {
  bool created = false;
  bool expires = false;
  while (!metadata.empty()) {
    const auto item = next_item(metadata);
    const auto blank = item.find(' ');
    if (blank == std::string_view::npos) return false;
    const auto key = item.substr(0, blank);
    const auto value = item.substr(blank + 1);
    if (key == "iw_id") {
      decision.id = value;
    } else if (key == "iw_src") {
      decision.source = RuleText(value);
    } else if (key == "iw_actor") {
      decision.actor = RuleText(value);
    } else if (key == "iw_conf") {
      decision.confidence = RuleText(value);
    } else if (key == "iw_why") {
      decision.reason = RuleText(value);
    } else if (key == "iw_created") {
      const auto time = parse_time(value);
      if (!time) return false;
      decision.created_at = *time;
      created = true;
    } else if (key == "iw_expires") {
      expires = true;
      if (value == never) continue;
      const auto time = parse_time(value);
      if (!time) return false;
      decision.expires_at = *time;
    } else {
      return false;
    }
  }
  return created && expires;
}

}  // namespace

std::string metadata_of(const Decision& decision) {
  std::string out;
  out.reserve(200);
  out.append(id_key).append(decision.id);
  append_text(out, "iw_src ", decision.source);
  append_text(out, "iw_actor ", decision.actor);
  append_text(out, "iw_conf ", decision.confidence);
  append_text(out, "iw_why ", decision.reason);
  out.append(", iw_created ").append(format_compact(decision.created_at));
  out.append(", iw_expires ").append(decision.expires_at ? format_compact(*decision.expires_at) : std::string(never));
  return out;
}

void append_rule(std::string& out, const Decision& decision, std::string_view metadata, Protocol protocol,
                 std::uint32_t sid) {
  const std::string_view name = decision.domain.name.text();
  out.append(verb(decision.action, protocol)).append(" ").append(to_string(protocol)).append(scope_to_firewall);
  out.append(to_string(decision.action)).append(" ").append(name).append("\"; flow:to_server; ");
  out.append(buffer(protocol)).append(content_start).append(name);
  out.append(decision.domain.scope == Scope::exact ? exact_mark : subdomains_mark);
  out.append(end_of_name(protocol)).append(metadata_start).append(metadata);
  char digits[10];
  const auto end = std::to_chars(digits, digits + sizeof digits, sid).ptr;
  out.append(sid_start).append(digits, end).append("; rev:1;)");
}

std::optional<std::uint32_t> parse_sid(std::string_view digits) {
  std::uint32_t sid = 0;
  const auto* const end = std::to_address(digits.end());
  const auto [stop, fault] = std::from_chars(std::to_address(digits.begin()), end, sid);
  if (fault != std::errc{} || stop != end) return std::nullopt;
  return sid;
}

std::expected<OwnRuleHead, std::string_view> read_head(std::string_view line) {
  const auto protocol = protocol_of(line);
  const auto metadata = line.find(metadata_start);
  const auto sid_at = line.rfind(sid_start);
  if (!protocol || metadata == std::string_view::npos || sid_at == std::string_view::npos) {
    return std::unexpected(not_our_text);
  }
  const auto id = line.substr(metadata + metadata_start.size());
  const auto sid_text = line.substr(sid_at + sid_start.size());
  const auto sid = parse_sid(sid_text.substr(0, sid_text.find(';')));
  if (!id.starts_with(id_key) || !sid) return std::unexpected(not_our_text);
  if (*sid < first_sid || *sid > last_sid) return std::unexpected("has a sid outside intelwall's range");
  return OwnRuleHead{id.substr(id_key.size(), decision_id_bytes), *protocol, *sid};
}

std::expected<OwnRule, std::string_view> read_own_rule(std::string_view line) {
  const auto head = read_head(line);
  if (!head) return std::unexpected(head.error());
  const auto action_word = between(line, scope_to_firewall, ' ');
  const auto target = between(line, content_start, '"');
  const auto metadata = between(line, metadata_start, ';');
  if (!action_word || !target || !metadata) return std::unexpected(not_our_text);

  const auto scope = line.contains(exact_mark) ? Scope::exact : Scope::subdomains;
  auto name = DomainName::parse(*target);
  const auto action = parse_action(*action_word);
  if (!name || !action) return std::unexpected(not_our_text);

  OwnRule rule{.decision = {.id = {},
                            .domain = {*std::move(name), scope},
                            .action = *action,
                            .protocols = {head->protocol},
                            .expires_at = {}},
               .metadata = {}};
  if (!read_metadata(*metadata, rule.decision) || !is_decision_id(rule.decision.id)) {
    return std::unexpected(not_our_text);
  }
  rule.decision = normalised(std::move(rule.decision));
  rule.metadata = metadata_of(rule.decision);
  // The proof: whatever the reading above was lenient about shows here.
  std::string written;
  written.reserve(line.size());
  append_rule(written, rule.decision, rule.metadata, head->protocol, head->sid);
  if (written != line) return std::unexpected(not_our_text);
  return rule;
}

}  // namespace intelwall::rules
