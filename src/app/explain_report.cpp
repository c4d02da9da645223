#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/explain.hpp"
#include "app/report.hpp"

namespace intelwall::app {

namespace {

using Json = nlohmann::json;

std::string who(const Decision& decision) {
  std::string text;
  if (!decision.actor.empty()) text += " by " + decision.actor.text();
  if (!decision.source.empty()) text += " from " + decision.source.text();
  if (decision.created_at != Time{}) text += " on " + format_time(decision.created_at);
  return text.empty() ? " (its group keeps no record)" : text;
}

std::string reach(const DomainSpec& domain) {
  return domain.name.text() + (domain.scope == Scope::subdomains ? " and its subdomains" : " only");
}

std::string until(const Decision& decision, Time now) {
  if (!decision.expires_at) return "without expiry";
  return fmt::format("{} {}", *decision.expires_at <= now ? "over since" : "until", format_time(*decision.expires_at));
}

void add_rule(std::string& out, const firewalls::Enforced& rule, Time now) {
  const auto& decision = rule.decision;
  out += fmt::format("  {} {} over {}, {}\n", to_string(decision.action), reach(decision.domain),
                     to_string(decision.protocols), until(decision, now));
  out += fmt::format("    id {} in {}; decided{}\n", decision.id, rule.group, who(decision));
  if (!decision.reason.empty()) out += fmt::format("    reason: {}\n", decision.reason.text());
}

void add_finding(std::string& out, const NamingFinding& each) {
  out += fmt::format("  {}  {} {} {}\n", printable(each.id, 200), printable(each.product, 60),
                     printable(each.severity, 20), printable(each.workflow, 20));
  out += fmt::format("    {}\n", printable(each.title, 160));
  if (!each.source_url.empty()) out += fmt::format("    detection: {}\n", printable(each.source_url, 300));
  if (each.evidence)
    out += fmt::format("    named in {} ({}): {}\n", printable(each.evidence->path, 160),
                       to_string(each.evidence->grade), to_string(each.judgement.verdict));
  if (!each.note.empty())
    out += fmt::format("    note by {}: {}\n", printable(each.note_by, 60), printable(each.note, 520));
}

Json text_or_null(const std::string& text, std::size_t most = 512) {
  return text.empty() ? Json(nullptr) : Json(printable(text, most));
}

Json log_json(const AlertLogPart& log) {
  Json last = Json::array();
  for (const auto& each : log.last)
    last.push_back({{"at", each.at == Time{} ? Json(nullptr) : Json(format_time(each.at))},
                    {"name", each.name},
                    {"protocol", each.protocol},
                    {"from", each.from},
                    {"to", each.to},
                    {"action", each.action},
                    {"message", each.message}});
  return {{"last", std::move(last)},
          {"matching", log.matching},
          {"blocked", log.blocked},
          {"records", log.records},
          {"unreadable", log.unreadable}};
}

Json finding_json(const NamingFinding& each) {
  Json json = {{"id", printable(each.id, 512)},
               {"product_arn", printable(each.product_arn, 512)},
               {"product", printable(each.product, 128)},
               {"title", printable(each.title, 256)},
               {"severity", text_or_null(each.severity)},
               {"updated_at", text_or_null(each.updated_at)},
               {"workflow", text_or_null(each.workflow)},
               {"source_url", text_or_null(each.source_url)},
               {"evidence", nullptr},
               {"note", nullptr}};
  if (each.evidence) {
    json["evidence"] = to_json(each.judgement);
    json["evidence"]["path"] = printable(each.evidence->path, 512);
    json["evidence"]["grade"] = to_string(each.evidence->grade);
  }
  if (!each.note.empty())
    json["note"] = {{"text", printable(each.note, 2048)},
                    {"by", printable(each.note_by, 128)},
                    {"at", text_or_null(each.noted_at)}};
  return json;
}

}  // namespace

nlohmann::json to_json(const Explanation& explanation) {
  Json rules = Json::array();
  Json near = Json::array();
  Json findings = Json::array();
  Json searched = Json::array();
  Json why_not = Json::array();
  Json damaged = Json::array();
  for (const auto& rule : explanation.rules) {
    rules.push_back(to_json(rule, explanation.firewall));
    rules.back()["over"] = rule.decision.expires_at && *rule.decision.expires_at <= explanation.now;
  }
  for (const auto& rule : explanation.near) near.push_back(to_json(rule, explanation.firewall));
  for (const auto& each : explanation.findings) findings.push_back(finding_json(each));
  for (const auto& reason : explanation.why_not) why_not.push_back({{"code", reason.code}, {"text", reason.text}});
  for (const auto& error : explanation.damaged) damaged.push_back(to_json(error));
  for (const auto& each : explanation.searched)
    searched.push_back({{"where", printable(each.where, 512)},
                        {"seen", each.seen},
                        {"complete", each.complete},
                        {"failure", each.failure ? to_json(*each.failure) : Json(nullptr)}});
  return {{"domain", explanation.domain.text()},
          {"state", to_string(explanation.state)},
          {"why_not", std::move(why_not)},
          {"rules", std::move(rules)},
          {"near", std::move(near)},
          {"damaged", std::move(damaged)},
          {"findings", std::move(findings)},
          {"judgement", to_json(explanation.judgement)},
          {"log", explanation.log ? log_json(*explanation.log) : Json(nullptr)},
          {"searched", std::move(searched)}};
}

std::string to_text(const Explanation& explanation) {
  const auto& name = explanation.domain.text();
  std::string out;
  switch (explanation.state) {
    case Explanation::State::blocked:
      out = fmt::format("{} is blocked on {}.\n", name, explanation.firewall);
      break;
    case Explanation::State::alerted:
      out = fmt::format("{} is not blocked on {}, only logged.\n", name, explanation.firewall);
      break;
    case Explanation::State::not_blocked:
      out = fmt::format("{} is not blocked on {}.\n", name, explanation.firewall);
      break;
    case Explanation::State::unknown:
      out = fmt::format("Whether {} is blocked is not known.\n", name);
  }
  if (const auto readable = to_unicode(explanation.domain); readable != name)
    out += fmt::format("It reads {}.\n", printable(readable, 260));
  for (const auto& reason : explanation.why_not) out += fmt::format("  why not: {} [{}]\n", reason.text, reason.code);

  out += explanation.findings.empty() ? "\nNo finding that was found names it.\n" : "\nFindings\n";
  for (const auto& each : explanation.findings) add_finding(out, each);

  out += fmt::format("\nVerdict, if somebody asked now: {}\n", to_string(explanation.judgement.verdict));
  for (const auto& reason : explanation.judgement.reasons) out += fmt::format("  {} [{}]\n", reason.text, reason.code);

  if (!explanation.rules.empty()) out += "\nRules\n";
  for (const auto& rule : explanation.rules) add_rule(out, rule, explanation.now);
  if (!explanation.near.empty()) out += "\nRules about names above and below it, which do not cover it\n";
  for (const auto& rule : explanation.near) add_rule(out, rule, explanation.now);
  for (const auto& error : explanation.damaged) out += fmt::format("  damaged: {}\n", error.to_text());

  if (explanation.log) {
    const auto& log = *explanation.log;
    out +=
        fmt::format("\nAlert log: {} of {} records are about it, {} blocked\n", log.matching, log.records, log.blocked);
    for (const auto& each : log.last)
      out += fmt::format("  {}  {} {} {} {} -> {}  {}\n", each.at == Time{} ? "?" : format_time(each.at), each.action,
                         each.protocol, each.name, each.from, each.to, each.message);
    if (log.unreadable > 0) out += fmt::format("  {} lines could not be read\n", log.unreadable);
  }

  out += "\nAsked\n";
  for (const auto& each : explanation.searched)
    out += each.failure ? fmt::format("  {}: NOT READ: {}\n", printable(each.where, 300), each.failure->to_text())
                        : fmt::format("  {}: {}{}\n", printable(each.where, 300), each.seen,
                                      each.complete ? "" : ", and there are more");
  return out;
}

}  // namespace intelwall::app
