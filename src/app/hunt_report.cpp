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

Json to_json(const std::vector<rules::LeftOut>& left_out) {
  Json list = Json::array();
  for (const auto& each : left_out) list.push_back({{"domain", each.domain}, {"scope", to_string(each.scope)}});
  return list;
}

Json to_json(const DnsSync& sync) {
  return {{"unchanged", sync.unchanged},
          {"enforced", sync.enforced},
          {"names", sync.names},
          {"room", sync.room},
          {"left_out_count", sync.left_out.size()},
          {"left_out", to_json(sync.left_out)},
          {"enforcement", to_json(sync.enforcement)}};
}

std::string writes_of(const firewalls::Plan& plan) {
  return plan.empty() ? ", nothing written\n" : fmt::format(", {} writes\n", plan.steps.size());
}

void add_left_out(std::string& text, const std::vector<rules::LeftOut>& left_out, const char* holder) {
  if (left_out.empty()) return;
  text +=
      fmt::format("  {:>8}  left out, because {} has no room for more (--json names all):\n", left_out.size(), holder);
  for (std::size_t i = 0; i < std::min<std::size_t>(left_out.size(), 10); ++i)
    text += fmt::format("            {}\n", left_out[i].domain);
}

std::string to_text(const DnsSync& sync) {
  if (sync.unchanged) return "dns firewall: as it was, nothing written\n";
  auto text = fmt::format("dns firewall: {} domains in {} of {} names", sync.enforced, sync.names, sync.room) +
              writes_of(sync.enforcement.plan);
  add_left_out(text, sync.left_out, "the account's quota");
  return text;
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
  return {{"unchanged", sync.unchanged},
          {"wanted", sync.wanted},
          {"doubled", sync.doubled},
          {"covered_by_blocks", sync.covered_by_blocks},
          {"over_limit", sync.over_limit},
          {"enforced", sync.enforced},
          {"left_out_count", sync.left_out.size()},
          {"left_out", to_json(sync.left_out)},
          {"rules", sync.rules},
          {"groups", sync.groups},
          {"bytes", sync.bytes},
          {"enforcement", to_json(sync.enforcement)},
          {"dns_firewall", sync.dns ? to_json(*sync.dns) : Json(nullptr)}};
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
  std::string text;
  if (sync.has_rules && sync.unchanged) {
    text = "firewall: as it was, nothing written\n";
  } else if (sync.has_rules) {
    text = fmt::format("firewall: {} domains in {} rules of {} groups", sync.enforced, sync.rules, sync.groups) +
           writes_of(sync.enforcement.plan);
    add_left_out(text, sync.left_out, "the policy");
  }
  if (sync.dns && !(sync.dns->enforcement.failure && sync.dns->enforcement.plan.empty())) text += to_text(*sync.dns);
  if (sync.doubled > 0) text += fmt::format("  {:>8}  kept by several hunts\n", sync.doubled);
  if (sync.covered_by_blocks > 0)
    text += fmt::format("  {:>8}  blocked by responders already\n", sync.covered_by_blocks);
  if (sync.over_limit > 0) text += fmt::format("  {:>8}  beyond the limit of their hunt\n", sync.over_limit);
  return text;
}

}  // namespace intelwall::app
