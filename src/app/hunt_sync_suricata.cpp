#include "app/hunt_sync_suricata.hpp"

#include <fmt/format.h>

#include "app/hunt_desired.hpp"
#include "firewalls/change.hpp"
#include "firewalls/suricata_lists.hpp"

namespace intelwall::app {
namespace {

using firewalls::SuricataList;
using firewalls::SuricataLists;

std::string note_key(const SuricataLists& lists) {
  return "applied suricata " + lists.rules_file().string();
}

/// "iw_alert_tls_http": the same for the same kind of rule, whatever other kinds there are.
std::string dataset_of(const DesiredPart& part) {
  std::string name = fmt::format("iw_{}", to_string(part.action));
  for (const auto protocol : part.protocols) name += fmt::format("_{}", to_string(protocol));
  return name;
}

Result<SuricataList> compile(const Desired& desired, SyncOutcome& outcome) {
  SuricataList list;
  for (const auto& part : desired.parts) {
    IW_TRY(auto compiled, rules::compile(part.domains, {.format = rules::CompileFormat::dataset,
                                                        .action = part.action,
                                                        .protocols = part.protocols,
                                                        .dataset = dataset_of(part),
                                                        .label = RuleText("hunt")}));
    for (auto& group : compiled.groups) list.rules += group.file.content;
    std::ranges::move(compiled.data_files, std::back_inserter(list.sets));
    outcome.rules += compiled.rules;
    outcome.bytes += compiled.bytes;
    outcome.enforced += compiled.kept + compiled.covered;
  }
  outcome.groups = 1;
  return list;
}

firewalls::Plan plan_of(const SuricataLists& lists, const SuricataLists::Done& done) {
  if (done.how == SuricataLists::Done::How::nothing) return {};
  firewalls::Plan plan;
  plan.steps.push_back({.kind = firewalls::Step::Kind::update_group,
                        .target = lists.rules_file().string(),
                        .added = {fmt::format("{} names", done.added)},
                        .removed = {fmt::format("{} names", done.removed)}});
  return plan;
}

}  // namespace

Result<SyncOutcome> sync_hunts_with_suricata(Context& context, store::Ledger& ledger, WantedOnce& wanted,
                                             Removals removals, Mode mode) {
  const SuricataLists lists(context.settings.suricata);
  SyncOutcome outcome;
  IW_TRY(const auto generation, ledger.generation());
  IW_TRY(const auto note, ledger.note(note_key(lists)));
  std::error_code ignored;
  if (note == fmt::format("{}", generation) && std::filesystem::exists(lists.rules_file(), ignored)) {
    outcome.unchanged = true;
    return outcome;
  }
  IW_TRY(const auto* desired, wanted.read());
  IW_TRY(const auto list, compile(*desired, outcome));
  IW_TRY(auto done, lists.plan(list));
  // A run's own guard compares with what the ledger keeps; a ledger that never wrote to this sensor knows nothing.
  const auto live = desired->wanted + done.removed - std::min(desired->wanted + done.removed, done.added);
  if (removals == Removals::guarded && note.empty() && done.removed > firewalls::always_removable &&
      static_cast<double>(done.removed) > context.settings.firewall.max_removals * static_cast<double>(live))
    return fail(ErrorCode::refused,
                fmt::format("{} of {} names would leave the sensor's list, so nothing was changed", done.removed, live),
                printable(lists.rules_file().string(), 200),
                "is this the ledger that wrote them (--state)? If it is meant, raise --max-removals");
  if (mode == Mode::write) {
    IW_TRY(done, lists.apply(list));
    IW_CHECK(ledger.save_note(note_key(lists), fmt::format("{}", generation)));
  }
  outcome.enforcement.plan = plan_of(lists, done);
  return outcome;
}

}  // namespace intelwall::app
