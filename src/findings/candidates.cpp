#include "findings/candidates.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace intelwall::findings {
namespace {

constexpr std::size_t max_value = 8192;  // ASFF allows 2048 bytes in a ProductFields value
constexpr std::size_t excerpt_size = 512;

/// About 512 bytes of `text` around the token that lies in it.
std::string_view around(std::string_view text, std::string_view token) {
  auto at = static_cast<std::size_t>(token.data() - text.data());
  at = at > excerpt_size / 4 && text.size() > excerpt_size ? at - excerpt_size / 4 : 0;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
  return text.substr(at);
}

bool contains_nocase(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) { return (a | 0x20) == b; };
  return !std::ranges::search(text, word, same).empty();
}

}  // namespace

bool Candidates::has_room() {
  if (kept_.size() < limit) return true;
  overflowed_ = true;
  return false;
}

void Candidates::keep(const Node& field, std::string_view text, DomainSpec domain, Grade grade,
                      std::string_view excerpt) {
  const auto known = std::ranges::find_if(kept_, [&](const Candidate& kept) { return kept.domain == domain; });
  if (known != kept_.end() && (known->evidence.grade == Grade::ioc || grade == Grade::observed)) return;
  if (known == kept_.end() && !has_room()) return;
  auto& candidate = known == kept_.end() ? kept_.emplace_back() : *known;
  candidate.domain = std::move(domain);
  candidate.text = bounded(text);
  candidate.evidence = {field.path(finding_), bounded(excerpt, excerpt_size), grade};
}

void Candidates::keep_refused(const Node& field, std::string_view whole, Grade grade, std::string why_not) {
  auto text = bounded(whole);
  const auto same = [&](const Candidate& kept) { return !kept.domain && kept.text == text; };
  const auto known = std::ranges::find_if(kept_, same);
  if (known != kept_.end() && (known->evidence.grade == Grade::ioc || grade == Grade::observed)) return;
  if (known == kept_.end() && !has_room()) return;
  auto& candidate = known == kept_.end() ? kept_.emplace_back() : *known;
  candidate.evidence = {field.path(finding_), text, grade};
  candidate.text = std::move(text);
  candidate.why_not = std::move(why_not);
}

void Candidates::take(const std::optional<Node>& field, Grade grade) {
  if (field && !field->text().empty()) take_text(*field, field->text(), grade);
}

void Candidates::take_list(const Node& field, Grade grade) {
  auto rest = field.text();
  while (!rest.empty()) {
    const auto item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    if (!item.empty()) take_text(field, item, grade);
  }
}

void Candidates::take_text(const Node& field, std::string_view text, Grade grade) {
  if (text.size() > max_value) {
    keep_refused(field, text, grade, fmt::format("{} bytes are too long for a domain or URL", text.size()));
    return;
  }
  if (auto domain = parse_domain(text)) {
    keep(field, text, *std::move(domain), grade, text);
  } else {
    keep_refused(field, text, grade, std::move(domain).error().message);
  }
}

void Candidates::refuse(const Node& field, std::string_view type) {
  if (field.text().empty()) return;
  constexpr std::string_view hashes[] = {"hash", "sha", "md5"};
  const bool hash = std::ranges::any_of(hashes, [&](auto word) { return contains_nocase(type, word); });
  keep_refused(field, field.text(), Grade::ioc,
               fmt::format("its type is {}: {}not a domain", printable(type, 40), hash ? "a hash, " : ""));
}

void Candidates::search(const std::optional<Node>& field, BareNames bare) {
  if (!field) return;
  const auto text = field->text();
  for (auto& hit : search_->in(text, bare)) {
    keep(*field, hit.token, std::move(hit.domain), Grade::observed, around(text, hit.token));
  }
}

}  // namespace intelwall::findings
