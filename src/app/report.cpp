#include "app/report.hpp"

#include <fmt/format.h>

namespace intelwall::app {

using Json = nlohmann::json;

namespace {

/// Text from outside may be no UTF-8, which JSON cannot carry.
std::string clean(const std::string& text) {
  return printable(text, 512);
}

Json time_or_null(const std::optional<Time>& time) {
  return time ? Json(format_time(*time)) : Json(nullptr);
}

}  // namespace

Json to_json(const Decision& decision) {
  Json protocols = Json::array();
  for (const auto protocol : decision.protocols) protocols.push_back(to_string(protocol));
  // A domain-list keeps no date: then it is unknown, not 1970.
  const auto created = decision.created_at == Time{} ? std::nullopt : std::optional(decision.created_at);
  return {{"id", decision.id},
          {"domain", decision.domain.name.text()},
          {"scope", to_string(decision.domain.scope)},
          {"action", to_string(decision.action)},
          {"protocols", std::move(protocols)},
          {"source", decision.source.text()},
          {"actor", decision.actor.text()},
          {"reason", decision.reason.text()},
          {"confidence", decision.confidence.text()},
          {"created_at", time_or_null(created)},
          {"expires_at", time_or_null(decision.expires_at)}};
}

Json to_json(const firewalls::Enforced& enforced, const std::string& firewall) {
  auto json = to_json(enforced.decision);
  json["firewall"] = firewall;
  json["group"] = enforced.group;
  return json;
}

Json to_json(const firewalls::Plan& plan) {
  Json steps = Json::array();
  for (const auto& step : plan.steps) {
    Json added = Json::array();
    Json removed = Json::array();
    for (const auto& line : step.added) added.push_back(printable(line, 8192));
    for (const auto& line : step.removed) removed.push_back(printable(line, 8192));
    steps.push_back({{"step", to_string(step.kind)}, {"target", step.target}, {"added", added}, {"removed", removed}});
  }
  return steps;
}

Json to_json(const Error& error) {
  return {{"code", to_string(error.code)}, {"message", error.message}, {"place", error.place}, {"hint", error.hint}};
}

Json to_json(const policy::Judgement& judgement) {
  Json reasons = Json::array();
  for (const auto& reason : judgement.reasons) reasons.push_back({{"code", reason.code}, {"text", reason.text}});
  return {{"verdict", to_string(judgement.verdict)}, {"reasons", std::move(reasons)}};
}

Json to_json(const Enforcement& enforcement) {
  return {{"plan", to_json(enforcement.plan)},
          {"shortfall", enforcement.plan.shortfall ? to_json(*enforcement.plan.shortfall) : Json(nullptr)},
          {"failure", enforcement.failure ? to_json(*enforcement.failure) : Json(nullptr)},
          {"unverified", enforcement.unverified ? to_json(*enforcement.unverified) : Json(nullptr)},
          {"unrecorded", enforcement.unrecorded ? to_json(*enforcement.unrecorded) : Json(nullptr)},
          {"rounds", enforcement.rounds}};
}

Json to_json(const RespondOutcome& outcome) {
  Json findings = Json::array();
  for (const auto& judged : outcome.findings) {
    Json candidates = Json::array();
    for (const auto& each : judged.candidates) {
      auto json = to_json(each.judgement);
      if (each.candidate.domain) {
        json["domain"] = each.candidate.domain->name.text();
        json["scope"] = to_string(each.candidate.domain->scope);
      }
      json["text"] = clean(each.candidate.text);
      json["evidence"] = {{"path", clean(each.candidate.evidence.path)},
                          {"text", clean(each.candidate.evidence.text)},
                          {"grade", to_string(each.candidate.evidence.grade)}};
      if (!each.decision_id.empty()) json["decision"] = each.decision_id;
      candidates.push_back(std::move(json));
    }
    Json connections = Json::array();
    for (const auto& each : judged.finding.connections)
      connections.push_back({{"source", each.source},
                             {"source_port", each.source_port},
                             {"destination", each.destination},
                             {"destination_port", each.destination_port},
                             {"path", clean(each.path)}});
    Json cut = nullptr;
    if (judged.cut)
      cut = {{"result", judged.cut->failure ? "failed" : to_string(judged.cut->result)},
             {"ended", judged.cut->ended},
             {"failure", judged.cut->failure ? to_json(*judged.cut->failure) : Json(nullptr)}};
    findings.push_back({{"id", clean(judged.finding.id)},
                        {"source", to_string(judged.finding.source)},
                        {"product", clean(judged.finding.product)},
                        {"title", clean(judged.finding.title)},
                        {"candidates", std::move(candidates)},
                        {"target", judged.target ? Json(clean(*judged.target)) : Json(nullptr)},
                        {"unserved", judged.unserved ? to_json(*judged.unserved) : Json(nullptr)},
                        {"connections", std::move(connections)},
                        {"cut", std::move(cut)}});
  }
  Json errors = Json::array();
  for (const auto& error : outcome.unreadable) errors.push_back(to_json(error));
  Json notes = Json::array();
  for (const auto& error : outcome.notes_not_written) notes.push_back(to_json(error));
  Json decisions = Json::array();
  for (const auto& decision : outcome.decisions) decisions.push_back(to_json(decision));
  Json lifted = Json::array();
  for (const auto& decision : outcome.lifted) lifted.push_back(to_json(decision));
  return {{"findings", std::move(findings)},
          {"press", known_action(outcome.press).id},
          {"press_unknown", outcome.press_unknown ? to_json(*outcome.press_unknown) : Json(nullptr)},
          {"lifted", std::move(lifted)},
          {"records", outcome.records},
          {"unreadable", std::move(errors)},
          {"decisions", std::move(decisions)},
          {"enforcement", to_json(outcome.enforcement)},
          {"notes_not_written", std::move(notes)}};
}

std::string to_text(const firewalls::Plan& plan) {
  if (plan.empty()) return "No changes: the firewall is as it should be.\n";
  std::string text;
  for (const auto& step : plan.steps) {
    text += fmt::format("{} {}\n", to_string(step.kind), step.target);
    for (const auto& line : step.removed) text += fmt::format("  - {}\n", printable(line, 8192));
    for (const auto& line : step.added) text += fmt::format("  + {}\n", printable(line, 8192));
  }
  return text;
}

}  // namespace intelwall::app
