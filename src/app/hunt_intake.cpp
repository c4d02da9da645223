#include "app/hunt_intake.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "firewalls/list_content.hpp"

namespace intelwall::app {

namespace {

constexpr std::string_view wanted_type = "domain";

void append_list(std::string& text, const std::vector<std::string>& words) {
  bool first = true;
  for (const auto& word : words) {
    if (!first) text += ',';
    first = false;
    const auto begin = text.size();
    text += word;
    // What would end a list or a line is no part of an actor's name.
    for (auto at = begin; at < text.size(); ++at)
      if (text[at] == '|' || text[at] == ',' || static_cast<unsigned char>(text[at]) < ' ') text[at] = '_';
  }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

void write_context(const intel::Indicator& indicator, std::string& text) {
  text.clear();
  append_list(text, indicator.actors);
  text += '|';
  append_list(text, indicator.malware_families);
  text += '|';
  append_list(text, indicator.threat_types);
  text += '|';
  append_list(text, indicator.kill_chains);
  if (text == "|||") text.clear();
}

Context4 read_context(std::string_view text) {
  const auto next = [&] {
    const auto end = std::min(text.find('|'), text.size());
    std::string part(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
  };
  Context4 context;
  context.actors = next();
  context.families = next();
  context.threat_types = next();
  context.kill_chains = next();
  return context;
}

std::string guard_of(const policy::Guardrails& guardrails) {
  std::uint64_t hash = 0;
  const auto& lists = guardrails.lists();
  for (const auto* list : {&lists.protected_zones, &lists.allowed, &lists.warned}) {
    for (const auto& entry : *list)
      hash = firewalls::fingerprint(entry.domain.name.text(), hash + static_cast<std::uint64_t>(entry.domain.scope));
    hash = firewalls::fingerprint("", hash);
  }
  return fmt::format("{:016x}", hash);
}

Intake::Intake(const store::Hunt& hunt, store::Ledger& ledger, store::Roster& roster,
               const policy::Guardrails& guardrails, Time now)
    : hunt_(hunt), ledger_(ledger), roster_(roster), guardrails_(guardrails), now_(now) {}

bool Intake::is_allowed(const DomainSpec& domain) {
  const auto judgement = guardrails_.judge(domain);
  if (judgement.verdict == policy::Verdict::block) return true;
  ++counts_.refused;
  if (counts_.first_refused.size() < IntakeCounts::most_refused)
    counts_.first_refused.push_back({domain.name.text(), judgement.reasons.front()});
  return false;
}

bool Intake::is_excluded(const intel::Indicator& indicator) const {
  return std::ranges::any_of(indicator.domain_types, [&](const std::string& type) {
    return std::ranges::any_of(hunt_.excluded_types,
                               [&](const std::string& excluded) { return equal_ignoring_case(type, excluded); });
  });
}

Result<std::uint32_t> Intake::expiry(const intel::Indicator& indicator) const {
  IW_TRY(auto expires, expiry_of(hunt_.expiry, indicator.confidence, indicator.last_updated));
  if (indicator.valid_until) {
    const auto told = store::to_stamp(*indicator.valid_until);
    // A source that says until when knows better than a rule of thumb.
    expires = expires == 0 || hunt_.expiry == "auto" ? told : std::min(expires, told);
  }
  return expires;
}

std::optional<Intake::Reason> Intake::unwanted(const intel::Indicator& indicator, std::uint32_t expires) const {
  using store::Leaving;
  if (indicator.deleted) return Reason{&IntakeCounts::revoked, Leaving::revoked};
  if (indicator.confidence > hunt_.min_confidence) return Reason{&IntakeCounts::low_confidence, Leaving::unwanted};
  if (is_excluded(indicator)) return Reason{&IntakeCounts::excluded, Leaving::unwanted};
  if (expires != 0 && store::from_stamp(expires) <= now_) return Reason{&IntakeCounts::expired, Leaving::expired};
  return std::nullopt;
}

/// The ledger's dictionary is asked once a page, for what it has not told yet. What it does not hold is written when
/// all is known: a page at a time, its index would be written again for each.
Result<void> Intake::find_contexts() {
  if (unknown_.empty()) return {};
  std::vector<std::string> texts;
  for (const auto* context : unknown_) texts.push_back(context->first);
  IW_TRY(const auto numbers, ledger_.find_contexts(texts));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto& number = unknown_[i]->second;
    number = numbers[i];
    if (number != 0) continue;
    number = store::Roster::first_unnumbered + static_cast<std::uint32_t>(unnumbered_.size());
    unnumbered_.push_back(std::move(texts[i]));
  }
  unknown_.clear();
  return {};
}

Result<Intake::Look> Intake::look_at(const intel::Indicator& indicator) {
  Look look;
  IW_TRY(look.expires, expiry(indicator));
  look.reason = unwanted(indicator, look.expires);
  if (look.reason) return look;
  write_context(indicator, text_);
  if (text_.empty()) return look;
  const auto [place, is_new] = contexts_.try_emplace(text_, 0);
  look.context = &*place;
  if (is_new) unknown_.push_back(&*place);
  return look;
}

Result<void> Intake::take(std::span<const intel::Indicator> indicators) {
  looks_.assign(indicators.size(), {});
  for (std::size_t i = 0; i < indicators.size(); ++i) {
    if (indicators[i].type != wanted_type) continue;
    IW_TRY(looks_[i], look_at(indicators[i]));
  }
  IW_CHECK(find_contexts());
  for (std::size_t i = 0; i < indicators.size(); ++i) take(indicators[i], looks_[i]);
  return {};
}

void Intake::take(const intel::Indicator& indicator, const Look& look) {
  ++counts_.delivered;
  if (indicator.type != wanted_type) {
    ++counts_.other_types;
    return;
  }
  const auto domain = parse_domain(indicator.value, indicator.scope);
  if (!domain) {
    ++counts_.unreadable;
    return;
  }
  if (look.reason) {
    ++(counts_.*(look.reason->count));
    roster_.remove(domain->name.text(), domain->scope, look.reason->why);
    return;
  }
  const auto* const known = roster_.find(domain->name.text(), domain->scope);
  if ((known == nullptr || !roster_.is_kept(*known)) && !is_allowed(*domain)) return;
  ++counts_.kept;
  roster_.put(domain->name, domain->scope,
              {indicator.confidence, store::to_stamp(indicator.last_updated), look.expires,
               look.context == nullptr ? 0 : look.context->second},
              now_);
}

Result<void> Intake::write_contexts() {
  if (unnumbered_.empty()) return {};
  IW_TRY(const auto numbers, ledger_.contexts(unnumbered_));
  roster_.number_contexts(numbers);
  unnumbered_.clear();
  contexts_.clear();
  return {};
}

void Intake::judge_again() {
  for (std::size_t i = 0; i < roster_.entries().size(); ++i) {
    const auto& entry = roster_.entries()[i];
    if (!entry.loaded() || !roster_.is_kept(entry)) continue;
    const auto name = DomainName::parse(roster_.name(entry));
    if (!name || !is_allowed({*name, entry.scope})) roster_.remove(i, store::Leaving::refused);
  }
}

}  // namespace intelwall::app
