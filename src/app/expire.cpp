#include "app/expire.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/json_text.hpp"
#include "aws/security_hub.hpp"
#include "firewalls/change.hpp"

namespace intelwall::app {

namespace {

constexpr std::size_t max_note = 512;         // Security Hub, NoteUpdate.Text
constexpr std::size_t max_searched = 10'000;  // findings with a note of ours that are looked at
constexpr const char* writer = "intelwall";   // Note.UpdatedBy

std::size_t removable(const Settings& settings, std::size_t enforced) {
  const auto share = static_cast<std::size_t>(settings.firewall.max_removals * static_cast<double>(enforced));
  return std::max(share, firewalls::always_removable);
}

/// Adds the end to the notes that name a lifted decision.
void tell_findings(Context& context, ExpireOutcome& outcome) {
  if (!context.session) {
    if (auto connected = connect(context); !connected) {
      outcome.notes_not_written.push_back(std::move(connected).error());
      return;
    }
  }
  const aws::SecurityHubClient hub(*context.session);
  const auto found = hub.search_findings({{"NoteText", "PREFIX", "intelwall:", {}}}, max_searched);
  if (!found) {
    outcome.notes_not_written.push_back(found.error());
    return;
  }
  for (const auto& finding : found->findings) {
    const auto& old = aws::member(finding, "Note");
    if (aws::text_in(old, "UpdatedBy") != writer) continue;
    const auto old_text = aws::text_in(old, "Text");
    auto text = old_text;
    for (const auto& decision : outcome.lifted) {
      if (old_text.find("id " + decision.id) == std::string::npos) continue;
      text = append_to_note(std::move(text),
                            fmt::format(" Lifted {}: {} was over.", format_time(context.clock()), decision.id));
    }
    if (text == old_text) continue;
    const auto id = aws::text_in(finding, "Id");
    const auto told = hub.batch_update_findings({{id, aws::text_in(finding, "ProductArn")}}, text, writer,
                                                aws::WorkflowStatus::unchanged);
    if (!told) {
      outcome.notes_not_written.push_back(told.error());
      continue;
    }
    for (const auto& failure : told->failures)
      outcome.notes_not_written.push_back(
          {ErrorCode::unavailable,
           fmt::format("the note was not taken: {} {}", printable(failure.code), printable(failure.message)),
           printable(id),
           {}});
  }
}

}  // namespace

std::string append_to_note(std::string note, const std::string& sentence) {
  if (note.size() + sentence.size() > max_note) {
    const auto room = max_note - std::min(max_note, sentence.size() + 3);
    auto end = std::min(room, note.size());
    // Not within a character: a continuation byte must not be the first that goes.
    while (end > 0 && (static_cast<unsigned char>(note[end]) & 0xC0) == 0x80) --end;
    note.resize(end);
    note += "...";
  }
  return note + sentence;
}

std::vector<policy::Reason> expiry_warnings(const Settings& settings) {
  if (settings.firewall.format != firewalls::Format::domain_list || !settings.lifetime) return {};
  return {
      {"no-expiry",
       "a domain-list cannot carry an expiry: this block stands until `intelwall unblock` lifts it (format: suricata "
       "keeps expiry, reason and actor)"}};
}

Result<ExpireOutcome> expire(Context& context, Mode mode, Share share) {
  ExpireOutcome outcome;
  const Time now = context.clock();
  const auto fold = [&](const firewalls::Observation& seen) -> Result<firewalls::Change> {
    outcome = {};  // a fold may run several times
    for (const auto& [decision, group] : seen.enforced) {
      if (decision.created_at == Time{} && !decision.expires_at) ++outcome.without_dates;
      if (decision.expires_at && *decision.expires_at <= now) outcome.lifted.push_back(decision);
    }
    std::ranges::sort(outcome.lifted, {},
                      [](const Decision& each) { return std::pair(*each.expires_at, std::string_view(each.id)); });
    if (share == Share::bounded && outcome.lifted.size() > removable(context.settings, seen.enforced.size())) {
      const auto first_left =
          outcome.lifted.begin() + static_cast<std::ptrdiff_t>(removable(context.settings, seen.enforced.size()));
      outcome.left.assign(first_left, outcome.lifted.end());
      outcome.lifted.erase(first_left, outcome.lifted.end());
    }
    firewalls::Change change;
    change.intent = share == Share::all ? firewalls::Change::Intent::deliberate : firewalls::Change::Intent::unattended;
    for (const auto& decision : outcome.lifted) change.remove.push_back(decision.id);
    return change;
  };
  Enforcement enforcement;
  IW_TRY(enforcement, enforce(context, fold, mode));
  outcome.enforcement = std::move(enforcement);
  if (mode == Mode::write && !outcome.lifted.empty() && !outcome.enforcement.failure) tell_findings(context, outcome);
  return outcome;
}

}  // namespace intelwall::app
