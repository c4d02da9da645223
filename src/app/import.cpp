#include "app/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <unordered_map>

namespace intelwall::app {

namespace {

/// Decisions by the name that they are about, to find those that cover a name.
class ByName {
 public:
  void add(const Decision& decision) { decisions_[decision.domain.name.text()].push_back(&decision); }

  std::span<const Decision* const> of(const DomainName& name) const {
    const auto found = decisions_.find(name.text());
    return found == decisions_.end() ? std::span<const Decision* const>() : found->second;
  }

  /// The first decision that covers the domain of `wanted`, as strong as it is, and passes `test`.
  template <class Test>
  const Decision* find(const Decision& wanted, Test test) const {
    for (std::string_view name = wanted.domain.name.text(); !name.empty();) {
      if (const auto found = decisions_.find(name); found != decisions_.end())
        for (const Decision* each : found->second)
          if (is_as_strong(each->action, wanted.action) && test(*each)) return each;
      const auto dot = name.find('.');
      name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
    }
    return nullptr;
  }

 private:
  /// A name that is dropped need not be rejected, and one of both need not raise an alert beside.
  static bool is_as_strong(Action there, Action wanted) { return wanted == Action::alert || there != Action::alert; }

  std::unordered_map<std::string_view, std::vector<const Decision*>> decisions_;
};

/// `wanted` with the action of `other`.
Decision with_action_of(const Decision& other, Decision wanted) {
  wanted.action = other.action;
  wanted.id = decision_id(wanted.domain, other.action);
  return wanted;
}

ImportItem make_item(const Context& context, const ImportRequest& request, const std::string& reason,
                     const ImportEntry& entry, Time now) {
  const auto& settings = context.settings;
  const auto action = request.action.value_or(entry.action.value_or(settings.action));
  Decision decision{.id = decision_id(entry.domain, action),
                    .domain = entry.domain,
                    .action = action,
                    .protocols = entry.protocols.empty() ? settings.protocols : entry.protocols,
                    .reason = RuleText(reason),
                    .source = RuleText("import"),
                    .actor = RuleText(settings.actor),
                    .created_at = now,
                    .expires_at = {}};
  if (settings.lifetime) decision.expires_at = now + *settings.lifetime;
  auto judgement = context.guardrails->judge(entry.domain, request.insistence);
  const auto fate = judgement.verdict == policy::Verdict::refuse ? ImportItem::Fate::refuse
                    : judgement.verdict == policy::Verdict::ask  ? ImportItem::Fate::ask
                                                                 : ImportItem::Fate::adopt;
  return {.fate = fate,
          .places = {entry.place},
          .decision = std::move(decision),
          .reasons = fate == ImportItem::Fate::adopt ? std::vector<policy::Reason>{} : std::move(judgement.reasons),
          .covered_by = {}};
}

/// The entries of one name and action are one item, with all their protocols.
std::vector<ImportItem> make_items(const Context& context, const ImportRequest& request, const ImportSource& source) {
  const auto reason = fmt::format("imported from {}", std::filesystem::path(source.name).filename().string());
  const Time now = context.clock();
  std::vector<ImportItem> items;
  std::unordered_map<std::string, std::size_t> at;  // by decision id
  for (const auto& entry : source.entries) {
    auto item = make_item(context, request, reason, entry, now);
    const auto [known, is_new] = at.try_emplace(item.decision.id, items.size());
    if (is_new) {
      items.push_back(std::move(item));
    } else {
      auto& same = items[known->second];
      same.decision.protocols.merge(item.decision.protocols);
      same.places.push_back(entry.place);
    }
  }
  return items;
}

/// Names that a wider one of the same list covers.
void cover_within(std::vector<ImportItem>& items) {
  ByName all;
  for (const auto& item : items)
    if (item.fate == ImportItem::Fate::adopt) all.add(item.decision);
  for (auto& item : items) {
    if (item.fate != ImportItem::Fate::adopt) continue;
    const auto* wider = all.find(item.decision, [&](const Decision& other) {
      // Of one name under two actions, the first in the order of actions is enough.
      const bool beside = other.domain != item.decision.domain || other.action < item.decision.action;
      return beside && is_enough(other, with_action_of(other, item.decision));
    });
    if (wider != nullptr) item.covered_by = wider->domain;
  }
  for (auto& item : items)
    if (item.covered_by) item.fate = ImportItem::Fate::covered;
}

/// Whether what stands is enough for what would come: an alert never takes the place of a block, not even of one that
/// ends sooner or looks at fewer protocols.
bool is_covered(const Decision& old, const Decision& wanted) {
  if (old.action != Action::alert && wanted.action == Action::alert) return old.domain.covers(wanted.domain);
  return is_enough(old, with_action_of(old, wanted));
}

/// A block that takes another one's place looks at all that the other did.
void keep_protocols(const ByName& live, Decision& wanted) {
  for (const Decision* old : live.of(wanted.domain.name))
    if (old->domain == wanted.domain && (old->action == wanted.action || old->action != Action::alert))
      wanted.protocols.insert(old->protocols.begin(), old->protocols.end());
}

}  // namespace

const char* to_string(ImportItem::Fate fate) {
  switch (fate) {
    case ImportItem::Fate::adopt:
      return "adopt";
    case ImportItem::Fate::covered:
      return "covered";
    case ImportItem::Fate::ask:
      return "ask";
    case ImportItem::Fate::refuse:
      return "refuse";
  }
  return "";
}

std::size_t ImportOutcome::count(ImportItem::Fate fate) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(items, [&](const ImportItem& item) { return item.fate == fate; }));
}

Result<ImportOutcome> import_list(Context& context, const ImportRequest& request, Mode mode) {
  ImportOutcome outcome;
  IW_TRY(outcome.source, read_import_source(context, request.source, request.acl));
  if (outcome.source.entries.empty() && outcome.source.refused_count == 0)
    return fail(ErrorCode::invalid_input, "there is no name in it", printable(outcome.source.name),
                "name another list; this one blocks nothing");
  auto items = make_items(context, request, outcome.source);
  outcome.source.entries.clear();
  cover_within(items);
  IW_TRY(outcome.enforcement, enforce(
                                  context,
                                  [&](const firewalls::Observation& seen) -> Result<firewalls::Change> {
                                    outcome.items = items;  // a fold may run several times
                                    ByName live;
                                    for (const auto& each : seen.enforced) live.add(each.decision);
                                    std::vector<Decision> wanted;
                                    for (auto& item : outcome.items) {
                                      if (item.fate != ImportItem::Fate::adopt) continue;
                                      const auto* enough = live.find(item.decision, [&](const Decision& old) {
                                        return is_covered(old, item.decision);
                                      });
                                      if (enough == nullptr) {
                                        keep_protocols(live, item.decision);
                                        wanted.push_back(item.decision);
                                      } else {
                                        item.fate = ImportItem::Fate::covered;
                                        item.covered_by = enough->domain;
                                      }
                                    }
                                    return merge(seen, wanted, Existing::keep_if_enough);
                                  },
                                  mode));
  return outcome;
}

}  // namespace intelwall::app
