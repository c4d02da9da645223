#include "app/forwarder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "aws/json_text.hpp"

namespace intelwall::app {
namespace {

/// How long detections go on without their hosts' details after the Hosts API has failed.
constexpr std::chrono::minutes hosts_pause{10};

}  // namespace

Forwarder::Forwarder(Parts parts)
    : filter_(std::move(parts.filter)),
      writer_(std::move(parts.target), parts.clock),
      hosts_(std::move(parts.falcon)),
      sink_(std::move(parts.hub), std::move(parts.limit), std::move(parts.sleep), parts.tell),
      tell_(std::move(parts.tell)),
      clock_(std::move(parts.clock)) {}

ForwardTotals Forwarder::totals() const {
  ForwardTotals totals = totals_;
  totals.sink = sink_.totals();
  return totals;
}

Result<void> Forwarder::events(const std::vector<falcon::StreamEvent>& batch) {
  Drafts drafts;
  ForwardTotals counted;
  for (const auto& event : batch) {
    ++counted.records;
    if (!findings::is_detection_event(event.type)) continue;
    take(writer_.event(event.json, event.offset), fmt::format("feed {}, offset {}", event.feed, event.offset), drafts,
         counted);
  }
  return deliver(std::move(drafts), counted);
}

Result<void> Forwarder::alerts(const std::vector<nlohmann::json>& batch) {
  Drafts drafts;
  ForwardTotals counted;
  for (const auto& alert : batch) {
    ++counted.records;
    take(writer_.alert(aws::dump_json(alert)), "alert " + printable(aws::text_in(alert, "composite_id"), 200), drafts,
         counted);
  }
  return deliver(std::move(drafts), counted);
}

void Forwarder::take(Result<findings::FalconDraft> draft, const std::string& place, Drafts& drafts,
                     ForwardTotals& counted) {
  ++counted.detections;
  if (!draft) {
    ++counted.unreadable;
    Error error = std::move(draft).error();
    error.place = error.place.empty() ? place : fmt::format("{}: {}", place, error.place);
    return tell_(error);
  }
  if (draft->severity < filter_.severity) {
    ++counted.below;
  } else if (filter_.age && draft->happened < clock_() - *filter_.age) {
    ++counted.too_old;
  } else {
    drafts.push_back(*std::move(draft));
  }
}

Result<void> Forwarder::look_up_hosts(const Drafts& drafts) {
  if (clock_() < hosts_again_) return {};
  std::vector<std::string> aids;
  for (const auto& draft : drafts) aids.push_back(draft.aid);
  auto found = hosts_.look_up(aids);
  if (found) return {};
  // A filter on what only the Hosts API tells must not pass what it would have left out.
  if (!filter_.excluded_clouds.empty()) return found;
  hosts_again_ = clock_() + hosts_pause;
  Error error = std::move(found).error();
  error.message = "findings go on without the details of their hosts: " + error.message;
  tell_(error);
  return {};
}

Result<void> Forwarder::deliver(Drafts drafts, ForwardTotals counted) {
  IW_CHECK(look_up_hosts(drafts));
  std::vector<nlohmann::json> findings;
  std::unordered_map<std::string, std::size_t> place_of;
  for (auto& draft : drafts) {
    const auto& known = hosts_.device(draft.aid);
    if (filter_.excluded_clouds.contains(findings::cloud_of(known.is_object() ? known : draft.device))) {
      ++counted.excluded;
      continue;
    }
    auto finding = writer_.finish(std::move(draft), known);
    const auto [place, fresh] = place_of.emplace(aws::text_in(finding, "Id"), findings.size());
    if (fresh) {
      findings.push_back(std::move(finding));
      continue;
    }
    ++counted.merged;
    auto& kept = findings[place->second];
    if (aws::text_in(finding, "UpdatedAt") >= aws::text_in(kept, "UpdatedAt")) kept = std::move(finding);
  }
  IW_CHECK(sink_.deliver(findings));
  // Only now: a batch that failed comes again.
  for (const auto member :
       {&ForwardTotals::records, &ForwardTotals::detections, &ForwardTotals::unreadable, &ForwardTotals::below,
        &ForwardTotals::too_old, &ForwardTotals::excluded, &ForwardTotals::merged})
    totals_.*member += counted.*member;
  return {};
}

}  // namespace intelwall::app
