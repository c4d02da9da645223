#include "firewalls/group_content.hpp"

#include <algorithm>

namespace intelwall::firewalls {

namespace {

// .invalid is reserved (RFC 2606), so no connection ever names it; the sid lies below the range of decisions.
constexpr const char* placeholder_target = "intelwall-placeholder.invalid";
constexpr const char* placeholder_rule =
    "alert tls $HOME_NET any -> any any (msg:\"intelwall placeholder, matches nothing\"; flow:to_server,established; "
    "tls.sni; content:\"intelwall-placeholder.invalid\"; startswith; endswith; sid:1199999999; rev:1;)";

constexpr const char* list_source = "domain-list";

const char* generated_type(Action action) {
  switch (action) {
    case Action::pass:
      return "ALLOWLIST";
    case Action::drop:
      return "DENYLIST";
    case Action::reject:
      return "REJECTLIST";
    case Action::alert:
      return "ALERTLIST";
  }
  return "DENYLIST";
}

std::optional<Action> generated_action(const std::string& type) {
  for (const Action action : {Action::pass, Action::drop, Action::reject, Action::alert})
    if (type == generated_type(action)) return action;
  return std::nullopt;
}

std::optional<rules::DomainList> read_list(const aws::Json& source) {
  rules::DomainList list;
  const auto action = generated_action(source.value("GeneratedRulesType", ""));
  if (!action || *action == Action::pass) return std::nullopt;
  list.action = *action;
  for (const auto& type : source.value("TargetTypes", aws::Json::array()))
    if (type == "TLS_SNI")
      list.protocols.insert(Protocol::tls);
    else if (type == "HTTP_HOST")
      list.protocols.insert(Protocol::http);
    else
      return std::nullopt;
  for (const auto& target : source.value("Targets", aws::Json::array()))
    if (target.is_string() && target != placeholder_target) list.targets.push_back(target.get<std::string>());
  return list;
}

Decision from_list(const DomainSpec& domain, const rules::DomainList& list) {
  return Decision{.id = decision_id(domain, list.action),
                  .domain = domain,
                  .action = list.action,
                  .protocols = list.protocols,
                  .source = RuleText(list_source),
                  .expires_at = {}};
}

}  // namespace

GroupContent GroupContent::read(const aws::Json& rule_group_body) {
  GroupContent content;
  content.source_ = Untouchable{};
  const auto source = rule_group_body.find("RulesSource");
  if (source == rule_group_body.end() || !source->is_object()) return content;
  if (const auto text = source->find("RulesString"); text != source->end() && text->is_string()) {
    auto document = rules::parse_rules(text->get_ref<const std::string&>());
    std::erase_if(document.lines, [](const rules::RuleLine& line) { return line.text == placeholder_rule; });
    auto back = rules::read_decisions(document);
    content.decisions_ = std::move(back.decisions);
    content.problems_ = std::move(back.problems);
    content.source_ = std::move(document);
  } else if (const auto list = source->find("RulesSourceList"); list != source->end() && list->is_object()) {
    if (auto understood = read_list(*list)) {
      for (const auto& target : understood->targets)
        if (const auto domain = rules::from_target(target))
          content.decisions_.push_back(from_list(*domain, *understood));
      content.source_ = *std::move(understood);
    }
  }
  return content;
}

Result<GroupContent> GroupContent::make_for(const Decision& decision, Format format) {
  GroupContent content;
  if (format == Format::suricata) {
    content.source_ = rules::RuleDocument{};
    return content;
  }
  if (decision.protocols.contains(Protocol::dns) || decision.protocols.contains(Protocol::quic))
    return fail(ErrorCode::invalid_input, "a domain-list cannot block names in DNS or QUIC",
                decision.domain.name.text(), "use --protocols tls,http, or format: suricata in the configuration");
  content.source_ = rules::DomainList{.targets = {}, .protocols = decision.protocols, .action = decision.action};
  return content;
}

bool GroupContent::suits(const Decision& decision, Format format) const {
  if (format == Format::suricata) return std::holds_alternative<rules::RuleDocument>(source_);
  const auto* list = std::get_if<rules::DomainList>(&source_);
  return list != nullptr && list->action == decision.action && list->protocols == decision.protocols;
}

GroupContent::Size GroupContent::size_with(const Decision& decision) const {
  Size size{.capacity = capacity(), .bytes = bytes()};
  if (const auto* document = std::get_if<rules::RuleDocument>(&source_)) {
    for (const auto& line : document->lines) {
      if (line.decision_id != decision.id) continue;
      --size.capacity;
      size.bytes -= line.text.size() + 1;
    }
    // All our sids have ten digits, so the text is as long whichever are taken.
    std::set<std::uint32_t> none;
    for (const auto& line : rules::render(decision, none)) {
      ++size.capacity;
      size.bytes += line.text.size() + 1;
    }
  } else if (const auto* list = std::get_if<rules::DomainList>(&source_)) {
    auto grown = *list;
    const auto target = rules::to_target(decision.domain);
    if (std::ranges::find(grown.targets, target) == grown.targets.end()) grown.targets.push_back(target);
    size.capacity = rules::capacity_of(grown);
  }
  return size;
}

void GroupContent::put(const Decision& decision, std::set<std::uint32_t>& taken) {
  if (auto* document = std::get_if<rules::RuleDocument>(&source_)) {
    const auto is_old = [&](const rules::RuleLine& line) { return line.decision_id == decision.id; };
    const auto first = std::ranges::find_if(document->lines, is_old);
    const auto at = first - document->lines.begin();
    for (const auto& line : document->lines)
      if (is_old(line) && line.sid) taken.erase(*line.sid);
    std::erase_if(document->lines, is_old);
    auto lines = rules::render(decision, taken);
    document->lines.insert(document->lines.begin() + at, std::make_move_iterator(lines.begin()),
                           std::make_move_iterator(lines.end()));
  } else if (auto* list = std::get_if<rules::DomainList>(&source_)) {
    const auto target = rules::to_target(decision.domain);
    if (std::ranges::find(list->targets, target) == list->targets.end()) list->targets.push_back(target);
  } else {
    IW_ASSERT(std::holds_alternative<rules::RuleDocument>(source_));  // suits() said no
  }
  std::erase_if(decisions_, [&](const Decision& old) { return old.id == decision.id; });
  decisions_.push_back(stored(decision));
}

bool GroupContent::remove(const std::string& decision_id, std::set<std::uint32_t>& taken) {
  const auto decision = std::ranges::find(decisions_, decision_id, &Decision::id);
  if (decision == decisions_.end()) return false;
  if (auto* document = std::get_if<rules::RuleDocument>(&source_)) {
    std::erase_if(document->lines, [&](const rules::RuleLine& line) {
      if (line.decision_id != decision_id) return false;
      if (line.sid) taken.erase(*line.sid);
      return true;
    });
  } else if (auto* list = std::get_if<rules::DomainList>(&source_)) {
    // Other spellings of the same target (case, "*.") read back as the same decision, so they go too.
    std::erase_if(list->targets, [&](const std::string& target) {
      const auto domain = rules::from_target(target);
      return domain && *domain == decision->domain;
    });
  }
  decisions_.erase(decision);
  return true;
}

Decision GroupContent::stored(const Decision& decision) const {
  if (const auto* list = std::get_if<rules::DomainList>(&source_)) return from_list(decision.domain, *list);
  return rules::normalised(decision);
}

std::size_t GroupContent::rules() const {
  if (const auto* document = std::get_if<rules::RuleDocument>(&source_)) return document->rule_count();
  if (const auto* list = std::get_if<rules::DomainList>(&source_)) return list->targets.size();
  return 0;
}

std::size_t GroupContent::foreign_rules() const {
  if (const auto* document = std::get_if<rules::RuleDocument>(&source_)) {
    const auto ours = std::ranges::count_if(document->lines, &rules::RuleLine::ours);
    return document->rule_count() - static_cast<std::size_t>(ours);
  }
  return rules() - std::min(rules(), decisions_.size());
}

std::size_t GroupContent::capacity() const {
  if (const auto* list = std::get_if<rules::DomainList>(&source_)) return rules::capacity_of(*list);
  return rules();
}

std::size_t GroupContent::bytes() const {
  if (const auto* document = std::get_if<rules::RuleDocument>(&source_)) return document->bytes();
  return 0;
}

std::set<std::uint32_t> GroupContent::sids() const {
  std::set<std::uint32_t> sids;
  if (const auto* document = std::get_if<rules::RuleDocument>(&source_))
    for (const auto& line : document->lines)
      if (line.sid) sids.insert(*line.sid);
  return sids;
}

std::vector<std::string> GroupContent::lines() const {
  std::vector<std::string> lines;
  if (const auto* document = std::get_if<rules::RuleDocument>(&source_))
    for (const auto& line : document->lines) lines.push_back(line.text);
  if (const auto* list = std::get_if<rules::DomainList>(&source_)) lines = list->targets;
  return lines;
}

aws::Json GroupContent::to_body(const aws::Json& old_body) const {
  aws::Json body = old_body.is_object() ? old_body : aws::Json::object();
  if (const auto* document = std::get_if<rules::RuleDocument>(&source_)) {
    if (document->rule_count() == 0) {
      auto kept = *document;
      kept.lines.push_back(rules::RuleLine{.text = placeholder_rule, .decision_id = {}, .protocol = {}, .sid = {}});
      body["RulesSource"] = {{"RulesString", rules::to_string(kept)}};
    } else {
      body["RulesSource"] = {{"RulesString", rules::to_string(*document)}};
    }
  } else if (const auto* list = std::get_if<rules::DomainList>(&source_)) {
    aws::Json types = aws::Json::array();
    if (list->protocols.contains(Protocol::tls)) types.push_back("TLS_SNI");
    if (list->protocols.contains(Protocol::http)) types.push_back("HTTP_HOST");
    aws::Json targets = list->targets;
    if (list->targets.empty()) targets = {placeholder_target};
    body["RulesSource"] = {{"RulesSourceList",
                            {{"Targets", std::move(targets)},
                             {"TargetTypes", std::move(types)},
                             {"GeneratedRulesType", generated_type(list->action)}}}};
  }
  return body;
}

}  // namespace intelwall::firewalls
