#include "firewalls/route53_record.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "rules/rule_group.hpp"

namespace intelwall::firewalls {

namespace {

constexpr std::string_view digits = "abcdefghijklmnopqrstuvwxyz234567";  // RFC 4648, lower case
constexpr std::string_view zone = ".iw1.invalid";
constexpr std::size_t max_label = 63;
constexpr char separator = '\n';  // in none of the texts
constexpr std::array protocol_letters{std::pair{'t', Protocol::tls}, std::pair{'h', Protocol::http},
                                      std::pair{'d', Protocol::dns}, std::pair{'q', Protocol::quic}};

std::string to_base32(std::string_view bytes) {
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = held << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 5; bits -= 5) out += digits[held >> (bits - 5) & 31];
    held &= 0xff;
  }
  if (bits > 0) out += digits[held << (5 - bits) & 31];
  return out;
}

std::optional<std::string> from_base32(std::string_view text) {
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : text) {
    const auto digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    held = (held << 5 | static_cast<std::uint32_t>(digit)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(held >> bits & 0xff);
  }
  return out;
}

std::optional<Time> read_seconds(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return Time{std::chrono::seconds{seconds}};
}

}  // namespace

std::vector<std::string> names_of(const DomainSpec& domain) {
  if (domain.scope == Scope::exact) return {domain.name.text()};
  return {domain.name.text(), "*." + domain.name.text()};
}

std::string to_record(const Decision& decision) {
  std::string protocols;
  for (const auto& [letter, protocol] : protocol_letters)
    if (decision.protocols.contains(protocol)) protocols += letter;
  const auto seconds = [](Time time) { return std::to_string(time.time_since_epoch().count()); };
  const auto text =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", seconds(decision.created_at),
                  decision.expires_at ? seconds(*decision.expires_at) : "", protocols, decision.confidence.text(),
                  decision.source.text(), decision.actor.text(), decision.reason.text());
  std::string name;
  const auto packed = to_base32(text);
  for (std::size_t at = 0; at < packed.size(); at += max_label) name += packed.substr(at, max_label) + ".";
  name += decision.id;
  name += zone;
  return name;
}

Decision DnsRecord::decision(const DomainSpec& domain, Action action) const {
  return {.id = id,
          .domain = domain,
          .action = action,
          .protocols = protocols,
          .reason = RuleText(reason),
          .source = RuleText(source),
          .actor = RuleText(actor),
          .confidence = RuleText(confidence),
          .created_at = created_at,
          .expires_at = expires_at};
}

std::optional<DnsRecord> read_record(std::string_view name) {
  if (!name.ends_with(zone)) return std::nullopt;
  name.remove_suffix(zone.size());
  const auto last = name.rfind('.');
  if (last == std::string_view::npos) return std::nullopt;
  DnsRecord record{.id = std::string(name.substr(last + 1)), .protocols = {}};
  if (!rules::is_decision_id(record.id)) return std::nullopt;
  std::string packed;
  for (const char c : name.substr(0, last))
    if (c != '.') packed += c;
  const auto text = from_base32(packed);
  if (!text) return std::nullopt;
  std::array<std::string, 7> fields;
  std::size_t at = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto end = i + 1 < fields.size() ? text->find(separator, at) : text->size();
    if (end == std::string::npos) return std::nullopt;
    fields[i] = text->substr(at, end - at);
    at = end + 1;
  }
  const auto created = read_seconds(fields[0]);
  if (!created) return std::nullopt;
  record.created_at = *created;
  if (!fields[1].empty()) {
    record.expires_at = read_seconds(fields[1]);
    if (!record.expires_at) return std::nullopt;
  }
  for (const auto& [letter, protocol] : protocol_letters)
    if (fields[2].contains(letter)) record.protocols.insert(protocol);
  record.confidence = fields[3];
  record.source = fields[4];
  record.actor = fields[5];
  record.reason = fields[6];
  return record;
}

}  // namespace intelwall::firewalls
