#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/domain_name.hpp"
#include "core/public_suffix.hpp"
#include "findings/finding.hpp"

namespace intelwall::policy {

enum class Verdict { block, ask, refuse };
const char* to_string(Verdict verdict);

/// Why a verdict is what it is: a stable code for machines and one sentence for people.
struct Reason {
  std::string code;  ///< one of those that Guardrails lists
  std::string text;
};

struct Judgement {
  Verdict verdict = Verdict::refuse;
  std::vector<Reason> reasons;  ///< all that apply, strongest first; never empty
};

/// A list of names, one a line, `#` comments; `.evil.com`, `*.evil.com` and `evil.com` all mean the name and its
/// subdomains, `=evil.com` means only the name.
struct ListEntry {
  DomainSpec domain;
  std::string note;  ///< the comment behind the name, if any
  std::size_t line = 0;
};
/// Refuses the whole list at the first bad line (a guardrail that is half loaded is none); `name` is for the place.
Result<std::vector<ListEntry>> parse_list(std::string_view text, std::string_view name);

struct Lists {
  std::vector<ListEntry> protected_zones;  ///< shipped file plus the user's
  std::vector<ListEntry> allowed;
  std::vector<ListEntry> warned;  ///< popular names
};

/// How far a person insists.
enum class Insistence { normal, forced };  ///< forced: an `ask` becomes `block`; a `refuse` stays

/// What must not be blocked, and what must not be blocked without asking. Immutable once built; safe to share.
///
/// refuse, whatever anybody insists on:
///   public-suffix   the name is one, by the ICANN or the private section
///   protected-zone  the name is in a zone; or it is a zone's parent and the scope is subdomains (a parent with scope
///                   exact matches only itself, which is in no zone)
///   allowlisted     an allowed entry covers the name
///   allowed-below   an allowed entry lies below the name and the scope is subdomains
///   sample          the finding is a generated one
///   no-domain       the candidate's text is none
/// ask:
///   customer-name   in a zone, but below a private public suffix of that zone (bucket.s3.amazonaws.com)
///   popular         the name is a warned one, or lies below one (unless as a customer's name: evil.github.io under a
///                   warned github.io), or is the parent of one and the scope is subdomains
///   observed-only   the finding mentions it without naming it as the indicator
/// block: ioc, requested, forced (an ask that somebody insisted on), homograph (only tells that the name looks like
/// another).
class Guardrails {
 public:
  static Result<Guardrails> make(Lists lists);

  /// Names a person or program asks to block directly (CLI): treated as `ioc` evidence.
  Judgement judge(const DomainSpec& domain, Insistence insistence = Insistence::normal) const;
  /// A finding's candidate: text that is no domain is refused with its `why_not`; `observed` asks.
  Judgement judge(const findings::Finding& finding, const findings::Candidate& candidate,
                  Insistence insistence = Insistence::normal) const;

  const Lists& lists() const;

 private:
  struct State;
  explicit Guardrails(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

/// The protected zones that intelwall ships (AWS, CrowdStrike, operating-system updates), from
/// data/protected-zones.txt, compiled in.
std::string_view shipped_protected_zones();
/// The popular names that intelwall ships, compiled in.
std::string_view shipped_popular_names();

}  // namespace intelwall::policy
