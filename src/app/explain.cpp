#include "app/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "aws/json_text.hpp"
#include "aws/security_hub.hpp"

namespace intelwall::app {

namespace {

using aws::Json;
using aws::member;
using aws::text_in;

constexpr std::size_t max_named = 200;    // findings of one search
constexpr std::size_t max_noted = 2'000;  // findings with a note of ours that are looked at
constexpr std::size_t max_filter_values = 20;

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// Whether `text` holds `name` as a name of its own: "evil.com" is not in "notevil.com", "evil.community" or
/// "evil.com.example".
bool mentions(std::string_view text, std::string_view name) {
  for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const auto end = at + name.size();
    const bool starts = at == 0 || (!is_name_byte(text[at - 1]) && text[at - 1] != '.');
    const bool ends =
        end == text.size() ||
        (!is_name_byte(text[end]) && !(text[end] == '.' && end + 1 < text.size() && is_name_byte(text[end + 1])));
    if (starts && ends) return true;
  }
  return false;
}

/// The ids under which `names` can have been blocked.
std::vector<std::string> possible_ids(const std::set<std::string>& names) {
  std::vector<std::string> ids;
  for (const auto& text : names)
    if (const auto name = DomainName::parse(text))
      for (const Scope scope : {Scope::exact, Scope::subdomains})
        for (const Action action : {Action::drop, Action::reject, Action::alert})
          ids.push_back(decision_id({*name, scope}, action));
  return ids;
}

NamingFinding describe(const Json& document) {
  NamingFinding each;
  each.id = text_in(document, "Id");
  each.product_arn = text_in(document, "ProductArn");
  each.product = each.product_arn.substr(each.product_arn.rfind('/') + 1);
  each.title = text_in(document, "Title");
  each.severity = text_in(member(document, "Severity"), "Label");
  each.updated_at = text_in(document, "UpdatedAt");
  each.workflow = text_in(member(document, "Workflow"), "Status");
  each.source_url = text_in(document, "SourceUrl");
  const Json& note = member(document, "Note");
  each.note = text_in(note, "Text");
  each.note_by = text_in(note, "UpdatedBy");
  each.noted_at = text_in(note, "UpdatedAt");
  return each;
}

/// Where the finding itself names one of the names, and what would become of it.
void find_evidence(const Context& context, const Json& document, const std::set<std::string>& names,
                   NamingFinding& into) {
  const auto report = findings::read_findings(aws::dump_json(document));
  for (const auto& finding : report.findings)
    for (const auto& candidate : finding.candidates) {
      if (!candidate.domain || !names.contains(candidate.domain->name.text())) continue;
      if (into.evidence && candidate.evidence.grade != findings::Grade::ioc) continue;
      into.evidence = candidate.evidence;
      into.judgement = context.guardrails->judge(finding, candidate);
    }
}

/// Asks Security Hub in each way that its filters allow, and keeps what really names one of the names.
void search_findings(Context& context, const std::set<std::string>& names, Explanation& into) {
  using Tests = std::vector<aws::SecurityHubClient::FindingTest>;
  Tests indicator, destination, fields;
  for (const auto& name : names) {
    if (indicator.size() == max_filter_values / 2) break;
    indicator.push_back({"ThreatIntelIndicatorValue", "EQUALS", name, {}});
    destination.push_back({"NetworkDestinationDomain", "EQUALS", name, {}});
    fields.push_back({"ProductFields", "EQUALS", name, "crowdstrike/crowdstrike-falcon/IOCValue"});
    fields.push_back({"ProductFields", "EQUALS", name, "aws/guardduty/service/action/dnsRequestAction/domain"});
  }
  const std::vector<std::tuple<const char*, Tests, std::size_t>> searches = {
      {"Security Hub: ThreatIntelIndicators", indicator, max_named},
      {"Security Hub: Network.DestinationDomain", destination, max_named},
      {"Security Hub: ProductFields of Falcon and GuardDuty", fields, max_named},
      {"Security Hub: notes that begin with \"intelwall:\"", {{"NoteText", "PREFIX", "intelwall:", {}}}, max_noted}};
  const auto ids = possible_ids(names);
  if (!context.session) {
    if (auto connected = connect(context); !connected) {
      into.searched.push_back({.where = "Security Hub", .failure = std::move(connected).error()});
      return;
    }
  }
  const aws::SecurityHubClient hub(*context.session);
  std::set<std::pair<std::string, std::string>> known;
  for (const auto& [where, tests, most] : searches) {
    Searched searched{.where = where, .failure = {}};
    auto found = hub.search_findings(tests, most);
    if (!found) {
      searched.failure = std::move(found).error();
      const bool hopeless =
          searched.failure->code == ErrorCode::denied || searched.failure->code == ErrorCode::not_found;
      into.searched.push_back(std::move(searched));
      if (hopeless) break;
      continue;
    }
    searched.seen = found->findings.size();
    searched.complete = found->complete;
    into.searched.push_back(std::move(searched));
    for (const auto& document : found->findings) {
      auto each = describe(document);
      if (!known.emplace(each.product_arn, each.id).second) continue;
      find_evidence(context, document, names, each);
      const auto noted = [&](const std::string& text) { return mentions(each.note, text); };
      if (each.evidence || std::ranges::any_of(names, noted) || std::ranges::any_of(ids, noted))
        into.findings.push_back(std::move(each));
      else
        known.erase({each.product_arn, each.id});
    }
  }
  std::ranges::sort(into.findings, std::ranges::greater{}, &NamingFinding::updated_at);
}

/// What the notes of ours tell about an earlier block of a name that has none now.
void tell_history(Explanation& into, const std::set<std::string>& names) {
  const auto ids = possible_ids(names);
  for (const auto& finding : into.findings) {
    for (const auto& id : ids) {
      const auto at = finding.note.find(fmt::format(", id {}", id));
      if (at == std::string::npos) continue;
      constexpr std::string_view mark = " until ";
      const auto until = finding.note.rfind(mark, at);
      const auto date = until == std::string::npos ? std::string()
                                                   : finding.note.substr(until + mark.size(), at - until - mark.size());
      const auto end = parse_time(date);
      const bool told_over = finding.note.find(fmt::format(": {} was over", id)) != std::string::npos;
      if (told_over || (end && *end <= into.now))
        into.why_not.push_back({"expired", fmt::format("it was blocked until {} (id {}, finding {})",
                                                       date.empty() ? "a date that the note lost" : printable(date, 40),
                                                       id, printable(finding.id, 120))});
      else
        into.why_not.push_back({"lifted", fmt::format("it was blocked (id {}, finding {}), and somebody has lifted it",
                                                      id, printable(finding.id, 120))});
      return;
    }
  }
}

/// Needs everything else to be filled in.
void tell_why_not(Explanation& into, const std::set<std::string>& names) {
  auto& why = into.why_not;
  if (into.state == Explanation::State::unknown) {
    why.push_back({"firewall-unknown", "the firewall could not be read, so nobody knows whether it is blocked"});
    return;
  }
  if (into.state == Explanation::State::alerted)
    why.push_back({"alert-only", "its rule only alerts: packets pass and are logged"});
  if (into.judgement.verdict != policy::Verdict::block)
    for (const auto& reason : into.judgement.reasons) why.push_back(reason);
  if (into.state == Explanation::State::alerted) return;
  for (const auto& [decision, group] : into.near)
    why.push_back(
        decision.domain.name.is_within(into.domain.text())
            ? policy::Reason{"only-below", fmt::format("only {} below it is blocked", decision.domain.name.text())}
            : policy::Reason{"only-parent",
                             fmt::format("{} is blocked, but without its subdomains", decision.domain.name.text())});
  tell_history(into, names);
  const auto in_evidence = [](const NamingFinding& each) { return each.evidence.has_value(); };
  if (std::ranges::any_of(into.findings, in_evidence) &&
      std::ranges::none_of(into.findings, [&](const NamingFinding& each) {
        return each.evidence && each.evidence->grade == findings::Grade::ioc;
      }))
    why.push_back({"observed-only", "findings mention it, but none names it as the indicator: that asks first"});
  if (why.empty())
    why.push_back({"undecided", std::ranges::any_of(into.findings, in_evidence)
                                    ? "findings name it, and nobody has pressed the action on them"
                                    : "nobody has decided about it: no rule, and no finding that was found names it"});
}

}  // namespace

const char* to_string(Explanation::State state) {
  switch (state) {
    case Explanation::State::blocked:
      return "blocked";
    case Explanation::State::alerted:
      return "alerted";
    case Explanation::State::not_blocked:
      return "not-blocked";
    case Explanation::State::unknown:
      break;
  }
  return "unknown";
}

namespace {

std::string where_rules_stand(const Settings& settings) {
  if (!settings.suricata.rules_file.empty())
    return fmt::format("the rule file {}", settings.suricata.rules_file.string());
  if (settings.firewall.firewall.empty()) return fmt::format("the domain lists of {}", settings.dns.rule_group);
  return fmt::format("the rule groups of firewall {}", settings.firewall.firewall);
}

}  // namespace

Result<Explanation> explain(Context& context, const std::string& domain, const std::optional<std::string>& log) {
  IW_TRY(const auto asked, parse_domain(domain));
  Explanation out{.domain = asked.name, .now = context.clock(), .log = {}};
  out.judgement = context.guardrails->judge(asked);

  auto seen = context.firewall->observe();
  Searched rules{.where = where_rules_stand(context.settings), .failure = {}};
  if (seen) {
    rules.seen = seen->enforced.size();
    out.firewall = seen->firewall;
    out.damaged = std::move(seen->problems);
    out.state = Explanation::State::not_blocked;
    for (auto& each : seen->enforced) {
      const auto& about = each.decision.domain;
      if (about.covers(asked.name)) {
        if (each.decision.action != Action::alert)
          out.state = Explanation::State::blocked;
        else if (out.state != Explanation::State::blocked)
          out.state = Explanation::State::alerted;
        out.rules.push_back(std::move(each));
      } else if (about.name.is_within(asked.name.text()) || asked.name.is_within(about.name.text())) {
        out.near.push_back(std::move(each));
      }
    }
  } else {
    rules.failure = std::move(seen).error();
  }
  out.searched.push_back(std::move(rules));

  std::set<std::string> names = {asked.name.text()};
  for (const auto& [decision, group] : out.rules) names.insert(decision.domain.name.text());
  search_findings(context, names, out);
  if (out.state != Explanation::State::blocked) tell_why_not(out, names);

  if (log) {
    Searched searched{.where = "the alert log " + *log, .failure = {}};
    if (auto part = read_alert_log(*log, asked.name)) {
      searched.seen = part->records;
      out.log = *std::move(part);
    } else {
      searched.failure = std::move(part).error();
    }
    out.searched.push_back(std::move(searched));
  }
  return out;
}

int exit_code(const Explanation& explanation) {
  if (explanation.state == Explanation::State::unknown) return 1;
  const bool all_asked =
      std::ranges::none_of(explanation.searched, [](const Searched& each) { return each.failure.has_value(); });
  return all_asked ? 0 : 3;
}

}  // namespace intelwall::app
