#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/hunt.hpp"
#include "app/report.hpp"

namespace intelwall::app {

using Json = nlohmann::json;

namespace {

Json time_or_null(Time time) {
  return time == Time{} ? Json(nullptr) : Json(format_time(time));
}

Json words(const std::string& joined) {
  Json list = Json::array();
  for (std::size_t at = 0; at < joined.size();) {
    const auto end = std::min(joined.find(',', at), joined.size());
    list.push_back(joined.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

void add_context(Json& json, const std::string& text) {
  const auto context = read_context(text);
  json["actors"] = words(context.actors);
  json["malware_families"] = words(context.families);
  json["threat_types"] = words(context.threat_types);
  json["kill_chains"] = words(context.kill_chains);
}

}  // namespace

Json to_json(const store::Hunt& hunt) {
  Json protocols = Json::array();
  for (const auto protocol : hunt.protocols) protocols.push_back(to_string(protocol));
  return {{"name", hunt.name},
          {"source", hunt.source},
          {"fql", hunt.filter},
          {"every_seconds", hunt.every.count()},
          {"full_every_seconds", hunt.full_every.count()},
          {"action", to_string(hunt.action)},
          {"protocols", std::move(protocols)},
          {"limit", hunt.limit},
          {"min_confidence", to_string(hunt.min_confidence)},
          {"excluded_types", hunt.excluded_types},
          {"expires", hunt.expiry},
          {"created_at", format_time(hunt.created_at)},
          {"created_by", printable(hunt.created_by)}};
}

Json to_json(const HuntReport& report) {
  Json refused = Json::array();
  for (const auto& each : report.intake.first_refused)
    refused.push_back({{"domain", each.domain}, {"code", each.reason.code}, {"text", each.reason.text}});
  const auto& intake = report.intake;
  return {{"hunt", report.hunt},
          {"run", to_string(report.kind)},
          {"unmodified", report.unmodified},
          {"delivered", intake.delivered},
          {"other_types", intake.other_types},
          {"unreadable", intake.unreadable},
          {"revoked", intake.revoked},
          {"excluded", intake.excluded},
          {"low_confidence", intake.low_confidence},
          {"too_old", intake.expired},
          {"refused", intake.refused},
          {"first_refused", std::move(refused)},
          {"added", report.changes.added},
          {"changed", report.changes.changed},
          {"removed", report.changes.removed},
          {"expired", report.expired},
          {"kept", report.kept},
          {"failure", report.failure ? to_json(*report.failure) : Json(nullptr)}};
}

Json to_json(const SyncOutcome& sync) {
  Json left_out = Json::array();
  for (const auto& each : sync.left_out)
    left_out.push_back({{"domain", each.domain}, {"scope", to_string(each.scope)}});
  return {{"unchanged", sync.unchanged},
          {"wanted", sync.wanted},
          {"doubled", sync.doubled},
          {"covered_by_blocks", sync.covered_by_blocks},
          {"over_limit", sync.over_limit},
          {"enforced", sync.enforced},
          {"left_out", std::move(left_out)},
          {"rules", sync.rules},
          {"groups", sync.groups},
          {"bytes", sync.bytes},
          {"enforcement", to_json(sync.enforcement)}};
}

Json to_json(const RunOutcome& outcome) {
  Json hunts = Json::array();
  for (const auto& report : outcome.hunts) hunts.push_back(to_json(report));
  return {{"hunts", std::move(hunts)},
          {"sync", outcome.sync_failure ? Json(nullptr) : to_json(outcome.sync)},
          {"sync_failure", outcome.sync_failure ? to_json(*outcome.sync_failure) : Json(nullptr)},
          {"next_run", outcome.next ? Json(format_time(*outcome.next)) : Json(nullptr)}};
}

Json to_json(const store::Progress& progress, const store::Hunt& hunt, Time now) {
  auto last = Json::parse(progress.summary, nullptr, false);
  return {{"last_run", time_or_null(progress.last_run)},
          {"last_full_run", time_or_null(progress.last_full)},
          {"last_try", time_or_null(progress.last_try)},
          {"failures", progress.failures},
          {"last_error", progress.last_error},
          {"next_run", format_time(std::max(now, next_run(hunt, progress, now)))},
          {"next_expiry", time_or_null(progress.next_expiry)},
          {"last_change", last.is_discarded() ? Json(nullptr) : std::move(last)}};
}

Json to_json(const store::Kept& kept) {
  Json json{{"hunt", kept.hunt},
            {"domain", kept.domain},
            {"scope", to_string(kept.scope)},
            {"confidence", to_string(kept.facts.confidence)},
            {"last_updated", time_or_null(store::from_stamp(kept.facts.updated))},
            {"since", format_time(kept.since)},
            {"expires_at", time_or_null(store::from_stamp(kept.facts.expires))}};
  add_context(json, kept.context);
  return json;
}

Json to_json(const store::Departure& departure) {
  Json json{{"domain", departure.domain},
            {"scope", to_string(departure.scope)},
            {"confidence", to_string(departure.confidence)},
            {"since", format_time(departure.since)},
            {"until", format_time(departure.until)},
            {"why", to_string(departure.why)}};
  add_context(json, departure.context);
  return json;
}

std::string to_text(const HuntReport& report) {
  if (report.failure) return fmt::format("{}: {}\n", report.hunt, report.failure->to_text());
  if (report.unmodified) return fmt::format("{}: the list is as it was, {} kept\n", report.hunt, report.kept);
  auto text = fmt::format("{}: {} kept ({} new, {} changed, {} gone), {} run over {} indicators\n", report.hunt,
                          report.kept, report.changes.added, report.changes.changed, report.changes.removed,
                          to_string(report.kind), report.intake.delivered);
  const auto add = [&](std::size_t count, const char* what) {
    if (count > 0) text += fmt::format("  {:>8}  {}\n", count, what);
  };
  add(report.intake.revoked, "revoked");
  add(report.expired, "expired");
  add(report.intake.excluded, "of an excluded domain type");
  add(report.intake.low_confidence, "of too low confidence");
  add(report.intake.expired, "too old for their confidence");
  add(report.intake.other_types, "no domains");
  add(report.intake.unreadable, "no domain names");
  add(report.intake.refused, "kept out by guardrails:");
  for (const auto& each : report.intake.first_refused)
    text += fmt::format("            {} [{}]\n", each.reason.text, each.reason.code);
  return text;
}

std::string to_text(const SyncOutcome& sync) {
  if (sync.unchanged) return "firewall: as it was, nothing written\n";
  auto text = fmt::format("firewall: {} domains in {} rules of {} groups", sync.enforced, sync.rules, sync.groups);
  if (sync.enforcement.plan.empty()) {
    text += ", nothing written\n";
  } else {
    text += fmt::format(", {} writes\n", sync.enforcement.plan.steps.size());
  }
  if (sync.doubled > 0) text += fmt::format("  {:>8}  kept by several hunts\n", sync.doubled);
  if (sync.covered_by_blocks > 0)
    text += fmt::format("  {:>8}  blocked by responders already\n", sync.covered_by_blocks);
  if (sync.over_limit > 0) text += fmt::format("  {:>8}  beyond the limit of their hunt\n", sync.over_limit);
  if (!sync.left_out.empty()) {
    text += fmt::format("  {:>8}  left out, because the policy has no room for more (--json names all):\n",
                        sync.left_out.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(sync.left_out.size(), 10); ++i)
      text += fmt::format("            {}\n", sync.left_out[i].domain);
  }
  return text;
}

}  // namespace intelwall::app
