#include "policy/guardrails.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/domain_set.hpp"
#include "policy/customer_suffix.hpp"
#include "policy/homograph.hpp"
#include "policy/name_index.hpp"

namespace intelwall::policy {
namespace {

bool is_within(std::string_view name, std::string_view zone) {
  return name.ends_with(zone) && (name.size() == zone.size() || name[name.size() - zone.size() - 1] == '.');
}

std::string with_note(const ListEntry& entry) {
  const std::string& name = entry.domain.name.text();
  return entry.note.empty() ? name : fmt::format("{} ({})", name, printable(entry.note, 80));
}

/// Collects what speaks for and against a block.
class Hearing {
 public:
  void add(Verdict verdict, const char* code, std::string text) {
    found_.push_back({.verdict = verdict, .reason = {.code = code, .text = std::move(text)}});
  }

  Judgement close(Insistence insistence) && {
    IW_ASSERT(!found_.empty());
    Judgement judgement{.verdict = Verdict::block, .reasons = {}};
    for (const Verdict verdict : {Verdict::refuse, Verdict::ask, Verdict::block}) {
      for (Finding& one : found_) {
        if (one.verdict != verdict) continue;
        judgement.verdict = std::max(judgement.verdict, verdict);
        judgement.reasons.push_back(std::move(one.reason));
      }
    }
    if (judgement.verdict == Verdict::ask && insistence == Insistence::forced) {
      judgement.verdict = Verdict::block;
      judgement.reasons.push_back({.code = "forced", .text = "somebody insists on it in spite of that"});
    }
    return judgement;
  }

 private:
  struct Finding {
    Verdict verdict;
    Reason reason;
  };
  static_assert(Verdict::block < Verdict::ask && Verdict::ask < Verdict::refuse);
  std::vector<Finding> found_;
};

/// What entries cover, and what they lie below.
Result<DomainSet> neighbours_of(const Lists& lists) {
  std::vector<DomainSet::Entry> names;
  for (const auto* list : {&lists.protected_zones, &lists.allowed, &lists.warned}) {
    for (const auto& entry : *list) {
      const auto& name = entry.domain.name;
      names.push_back({name.text(), entry.domain.scope, 0});
      for (auto above = name.parent_text(); above.contains('.'); above.remove_prefix(above.find('.') + 1))
        names.push_back({above, Scope::exact, 0});
    }
  }
  return DomainSet::build(names);
}

}  // namespace

struct Guardrails::State {
  State(Lists given, PublicSuffixes list, DomainSet all)
      : lists(std::move(given)), suffixes(std::move(list)), neighbours(std::move(all)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() = default;

  Lists lists;
  PublicSuffixes suffixes;
  /// The names that some list has something to say about. A feed's are not among them, nearly all.
  DomainSet neighbours;
  NameIndex protected_zones{lists.protected_zones};
  NameIndex allowed{lists.allowed};
  NameIndex warned{lists.warned};

  /// True if `name` lies below a private public suffix that is `zone` or lies in it: somebody else's name, then.
  bool is_customer(const DomainName& name, const DomainName& zone) const {
    const PublicSuffixes::Suffix suffix = suffixes.suffix_above(name);
    return (suffix.kind == SuffixKind::private_domain && is_within(suffix.text, zone.text())) ||
           is_within(aws_customer_suffix(name), zone.text());
  }

  void hear_public_suffix(Hearing& hearing, const DomainSpec& domain) const;
  void hear_protected_zones(Hearing& hearing, const DomainSpec& domain) const;
  void hear_allowed(Hearing& hearing, const DomainSpec& domain) const;
  void hear_popular(Hearing& hearing, const DomainSpec& domain) const;

  void hear(Hearing& hearing, const DomainSpec& domain) const {
    hear_public_suffix(hearing, domain);
    if (neighbours.find(domain.name.text())) {
      hear_protected_zones(hearing, domain);
      hear_allowed(hearing, domain);
      hear_popular(hearing, domain);
    }
    if (const auto imitated = imitated_name(domain.name)) {
      hearing.add(Verdict::block, "homograph",
                  fmt::format("{} reads '{}' and looks like {}, which stays untouched", domain.name.text(),
                              printable(to_unicode(domain.name)), *imitated));
    }
  }
};

void Guardrails::State::hear_public_suffix(Hearing& hearing, const DomainSpec& domain) const {
  const SuffixKind kind = suffixes.kind_of(domain.name);
  if (kind == SuffixKind::none) return;
  hearing.add(
      Verdict::refuse, "public-suffix",
      fmt::format("{} is a public suffix ({} section of the Public Suffix List), under which others register names",
                  domain.name.text(), kind == SuffixKind::icann ? "ICANN" : "private"));
}

void Guardrails::State::hear_protected_zones(Hearing& hearing, const DomainSpec& domain) const {
  const std::string& name = domain.name.text();
  const std::vector<const ListEntry*> zones = protected_zones.covering(domain.name);
  const auto owned =
      std::ranges::find_if(zones, [&](const ListEntry* zone) { return !is_customer(domain.name, zone->domain.name); });
  if (owned != zones.end()) {
    hearing.add(Verdict::refuse, "protected-zone",
                fmt::format("{} is in the protected zone {}", name, with_note(**owned)));
  } else if (!zones.empty()) {
    hearing.add(Verdict::ask, "customer-name",
                fmt::format("{} belongs to a customer of the owner of {}", name, with_note(*zones.front())));
  }
  const ListEntry* below = protected_zones.below(domain.name);
  if (below != nullptr && domain.scope == Scope::subdomains) {
    hearing.add(Verdict::refuse, "protected-zone",
                fmt::format("{} and its subdomains would cover the protected zone {}", name, with_note(*below)));
  }
}

void Guardrails::State::hear_allowed(Hearing& hearing, const DomainSpec& domain) const {
  const std::string& name = domain.name.text();
  if (const auto covering = allowed.covering(domain.name); !covering.empty()) {
    hearing.add(Verdict::refuse, "allowlisted",
                fmt::format("{} is allowed by the entry {}", name, with_note(*covering.front())));
  }
  const ListEntry* below = allowed.below(domain.name);
  if (below != nullptr && domain.scope == Scope::subdomains) {
    hearing.add(Verdict::refuse, "allowed-below",
                fmt::format("{} and its subdomains would cover the allowed {}; --exact blocks only the name itself",
                            name, with_note(*below)));
  }
}

void Guardrails::State::hear_popular(Hearing& hearing, const DomainSpec& domain) const {
  const std::string& name = domain.name.text();
  for (const ListEntry* entry : warned.covering(domain.name)) {
    if (is_customer(domain.name, entry->domain.name)) continue;
    const bool itself = entry->domain.name == domain.name;
    hearing.add(Verdict::ask, "popular",
                itself ? fmt::format("{} is a popular name", with_note(*entry))
                       : fmt::format("{} lies below the popular name {}", name, with_note(*entry)));
    return;
  }
  const ListEntry* below = warned.below(domain.name);
  if (below != nullptr && domain.scope == Scope::subdomains) {
    hearing.add(Verdict::ask, "popular",
                fmt::format("{} and its subdomains would cover the popular name {}", name, with_note(*below)));
  }
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::block:
      return "block";
    case Verdict::ask:
      return "ask";
    case Verdict::refuse:
      return "refuse";
  }
  return "refuse";
}

Guardrails::Guardrails(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Result<Guardrails> Guardrails::make(Lists lists) {
  IW_TRY(PublicSuffixes suffixes, PublicSuffixes::load());
  IW_TRY(DomainSet neighbours, neighbours_of(lists));
  return Guardrails(std::make_shared<const State>(std::move(lists), std::move(suffixes), std::move(neighbours)));
}

Judgement Guardrails::judge(const DomainSpec& domain, Insistence insistence) const {
  Hearing hearing;
  state_->hear(hearing, domain);
  hearing.add(Verdict::block, "requested", "somebody asks for it by name");
  return std::move(hearing).close(insistence);
}

Judgement Guardrails::judge(const findings::Finding& finding, const findings::Candidate& candidate,
                            Insistence insistence) const {
  Hearing hearing;
  if (finding.sample) hearing.add(Verdict::refuse, "sample", "the finding is a generated sample");
  if (!candidate.domain) {
    hearing.add(Verdict::refuse, "no-domain",
                candidate.why_not.empty() ? fmt::format("'{}' is no domain", printable(candidate.text, 80))
                                          : printable(candidate.why_not, 400));
    return std::move(hearing).close(insistence);
  }
  state_->hear(hearing, *candidate.domain);
  const std::string product = finding.product.empty() ? "the finding" : printable(finding.product, 80);
  if (candidate.evidence.grade == findings::Grade::ioc) {
    hearing.add(Verdict::block, "ioc", product + " names it as the indicator");
  } else {
    hearing.add(Verdict::ask, "observed-only", product + " mentions it but does not name it as the indicator");
  }
  return std::move(hearing).close(insistence);
}

const Lists& Guardrails::lists() const {
  return state_->lists;
}

}  // namespace intelwall::policy
