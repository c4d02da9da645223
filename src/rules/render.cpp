#include <algorithm>

#include "rules/rule_form.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::rules {
namespace {

/// Before 1970 and after 9999 the compact form of a time has no four-digit year that reads back.
Time within_years(Time time) {
  using namespace std::chrono;
  constexpr Time first{};
  constexpr Time last = sys_days{year{9999} / December / 31} + 24h - 1s;
  return std::clamp(time, first, last);
}

/// FNV-1a with a final mix, so that ids that differ in one character land far apart. Stands in sids that are in use:
/// never change it.
std::uint32_t wanted_sid(std::string_view id, Protocol protocol) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](char c) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  };
  std::ranges::for_each(id, add);
  std::ranges::for_each(std::string_view(to_string(protocol)), add);
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
  return first_sid + static_cast<std::uint32_t>(hash % (last_sid - first_sid + 1));
}

}  // namespace

bool is_decision_id(std::string_view id) {
  return id.size() == decision_id_bytes &&
         std::ranges::all_of(id, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

Decision normalised(Decision decision) {
  const auto cut = [](RuleText& text, std::size_t limit) {
    if (text.text().size() > limit) text = RuleText(text.text(), limit);
    return text.text().size();
  };
  const auto used =
      cut(decision.source, max_source) + cut(decision.actor, max_actor) + cut(decision.confidence, max_confidence);
  cut(decision.reason, std::min(max_texts - used, RuleText::default_limit));
  decision.created_at = within_years(decision.created_at);
  if (decision.expires_at) decision.expires_at = within_years(*decision.expires_at);
  return decision;
}

std::vector<RuleLine> render(const Decision& given, std::set<std::uint32_t>& taken) {
  IW_ASSERT(is_decision_id(given.id));
  IW_ASSERT(given.action != Action::pass);
  const auto decision = normalised(given);
  const auto metadata = metadata_of(decision);
  std::vector<RuleLine> lines;
  lines.reserve(decision.protocols.size());
  for (const auto protocol : decision.protocols) {
    auto sid = wanted_sid(decision.id, protocol);
    while (!taken.insert(sid).second) sid = sid == last_sid ? first_sid : sid + 1;
    RuleLine line{.text = {}, .decision_id = decision.id, .protocol = protocol, .sid = sid};
    line.text.reserve(metadata.size() + 2 * decision.domain.name.text().size() + 200);
    append_rule(line.text, decision, metadata, protocol, sid);
    IW_ASSERT(line.text.size() <= max_rule_bytes);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace intelwall::rules
