// Network Firewall's stateful rule groups.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "lab/cloud_network_firewall.hpp"
#include "lab/rule_validation.hpp"

namespace intelwall::lab::nfw {
namespace {

/// "[10.0.0.0/8,10.1.0.0/16]": what stands in a rule once the variable is inserted.
std::size_t inserted_bytes(const Json& set) {
  std::size_t bytes = 2;
  for (const Json& part : child(set, "Definition")) bytes += part.get_ref<const std::string&>().size() + 1;
  return bytes;
}

/// Addresses, CIDR blocks, ports and port ranges, with "!" in front and other variables inside; nothing that could end
/// a variable or a line.
bool is_set_member(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(".:/!$_-[],").contains(c);
  });
}

ApiResult<RuleContext> context_of(const Json& body) {
  RuleContext context;
  context.strict_order = text_or(child(body, "StatefulRuleOptions"), "RuleOrder") == "STRICT_ORDER";
  const Json& variables = child(body, "RuleVariables");
  for (const auto& [kind, sets] :
       {std::pair{"IPSets", &context.address_variables}, {"PortSets", &context.port_variables}}) {
    for (const auto& [name, set] : child(variables, kind).items()) {
      for (const Json& part : child(set, "Definition")) {
        if (!is_set_member(part.get_ref<const std::string&>()))
          return bad_parameter(part.get<std::string>(), fmt::format("RuleVariables.{}.{}", kind, printable(name, 40)));
      }
      sets->emplace(name, inserted_bytes(set));
    }
  }
  for (const auto& [name, reference] : child(child(body, "ReferenceSets"), "IPSetReferences").items())
    context.references.emplace(name, name.size());
  return context;
}

/// "abc.example.com", or ".example.com" for the name and all below it; "*." is not Network Firewall's syntax.
bool is_target(std::string_view target) {
  if (target.starts_with('.')) target.remove_prefix(1);
  if (target.empty() || target.size() > 255) return false;
  std::size_t label = 0;
  for (const char c : target) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_') {
      if (++label > 63) return false;
    } else {
      return false;
    }
  }
  return label > 0;
}

ApiResult<std::int64_t> check_domain_list(const Json& list) {
  const Json& targets = list.at("Targets");
  const Json& types = list.at("TargetTypes");
  if (types.empty()) return bad_parameter("TargetTypes", "at least one of TLS_SNI, HTTP_HOST is needed");
  for (const Json& type : types) {
    if (std::ranges::count(types, type) > 1)
      return bad_parameter(type.get<std::string>(), "TargetTypes must not repeat");
  }
  for (const Json& target : targets) {
    if (!is_target(target.get_ref<const std::string&>()))
      return bad_parameter(target.get<std::string>(), "Targets: not a domain name, \".\" in front for its subdomains");
  }
  // Measured 2021: https://cloudnetworks.io/2021-09-22-suricata-notes
  return static_cast<std::int64_t>(targets.size() * types.size() + types.size());
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

std::string to_rule_text(const Json& rule) {
  const Json& header = rule.at("Header");
  std::string options;
  for (const Json& option : rule.at("RuleOptions")) {
    options += option.at("Keyword").get<std::string>();
    const char* separator = ":";
    for (const Json& setting : child(option, "Settings")) {
      options += separator + setting.get<std::string>();
      separator = ",";
    }
    options += "; ";
  }
  return fmt::format("{} {} {} {} {} {} {} ({})", lower(text_or(rule, "Action")), lower(text_or(header, "Protocol")),
                     text_or(header, "Source"), text_or(header, "SourcePort"),
                     text_or(header, "Direction") == "ANY" ? "<>" : "->", text_or(header, "Destination"),
                     text_or(header, "DestinationPort"), options);
}

std::vector<std::string> rule_texts(const Json& stateful_rules) {
  std::vector<std::string> rules;
  for (const Json& rule : stateful_rules) rules.push_back(to_rule_text(rule));
  return rules;
}

struct CheckedBody {
  std::shared_ptr<const Json> body;
  std::int64_t consumed = 0;
  bool strict_order = false;
};

/// The rules of a create or update, in whichever of the two forms they came.
ApiResult<CheckedBody> check_body(const Json& input) {
  if (has(input, "Rules") == has(input, "RuleGroup"))
    return invalid_request("Exactly one of Rules or RuleGroup must be set");
  const auto kept = has(input, "Rules")
                        ? std::make_shared<const Json>(Json{{"RulesSource", {{"RulesString", input.at("Rules")}}}})
                        : std::make_shared<const Json>(input.at("RuleGroup"));
  const Json& body = *kept;
  const Json& source = body.at("RulesSource");
  if (has(source, "StatelessRulesAndCustomActions"))
    return bad_parameter("StatelessRulesAndCustomActions", "a stateful rule group holds stateful rules");
  if (source.size() != 1)
    return bad_parameter("RulesSource", "exactly one of RulesString, RulesSourceList, StatefulRules must be set");
  IW_TRY(const RuleContext context, context_of(body));

  CheckedBody checked{.body = kept, .consumed = 0, .strict_order = context.strict_order};
  if (has(source, "RulesString")) {
    const auto rules = validate_rules(source.at("RulesString").get_ref<const std::string&>(), context);
    if (!rules)
      return invalid_request(
          fmt::format("rule is invalid, {}, reason: {}", rules.error().place, rules.error().message));
    checked.consumed = static_cast<std::int64_t>(*rules);
  } else if (has(source, "RulesSourceList")) {
    IW_TRY(checked.consumed, check_domain_list(source.at("RulesSourceList")));
  } else {
    const auto rules = rule_texts(source.at("StatefulRules"));
    if (const auto valid = validate_rule_list(rules, context); !valid)
      return invalid_request(
          fmt::format("rule is invalid, {}, reason: {}", valid.error().place, valid.error().message));
    checked.consumed = static_cast<std::int64_t>(rules.size());
  }
  return checked;
}

ApiResult<void> check_capacity(std::int64_t consumed, std::int64_t capacity) {
  if (consumed > capacity)
    return invalid_request(fmt::format(
        "StatefulRules capacity exceeded, parameter: [{}], context: the group reserves {}", consumed, capacity));
  return {};
}

ApiResult<void> check_type(const Json& input) {
  const std::string type = text_or(input, "Type", "STATEFUL");
  if (type != "STATEFUL") return bad_parameter(type, "Type: the lab has stateful rule groups only");
  return {};
}

template <class Groups>
auto find_group(Groups& groups, const Json& input) -> ApiResult<decltype(&groups.begin()->second)> {
  if (!has(input, "RuleGroupArn") && has(input, "RuleGroupName") && !has(input, "Type"))
    return bad_parameter("Type", "it is required when there is no RuleGroupArn");
  IW_CHECK(check_type(input));
  return find_resource(groups, input, "RuleGroupArn", "RuleGroupName");
}

Json response_of(const State& state, const RuleGroup& group, const char* status) {
  Json out{{"RuleGroupArn", group.arn},
           {"RuleGroupName", group.name},
           {"RuleGroupId", group.id},
           {"Type", "STATEFUL"},
           {"Capacity", group.capacity},
           {"RuleGroupStatus", status},
           {"ConsumedCapacity", group.consumed},
           {"NumberOfAssociations", state.policies_with_group(group.arn)}};
  describe_resource(out, group);
  if (group.source_metadata.is_object()) out["SourceMetadata"] = group.source_metadata;
  if (group.summary_configuration.is_object()) out["SummaryConfiguration"] = group.summary_configuration;
  return out;
}

/// What both writes may set besides the rules.
void take_settings(RuleGroup& group, const Json& input, Time now) {
  if (has(input, "Description")) group.description = text_or(input, "Description");
  if (has(input, "EncryptionConfiguration")) group.encryption = input.at("EncryptionConfiguration");
  if (has(input, "SourceMetadata")) group.source_metadata = input.at("SourceMetadata");
  if (has(input, "SummaryConfiguration")) group.summary_configuration = input.at("SummaryConfiguration");
  group.modified = now;
}

}  // namespace

ApiChange create_rule_group(State& state, const Json& input, Time now) {
  IW_CHECK(check_type(input));
  const bool dry_run = is_true(input, "DryRun");
  RuleGroup group;
  group.name = text_or(input, "RuleGroupName");
  group.capacity = integer_or(input, "Capacity", 0);
  if (group.capacity < 1 || group.capacity > group_capacity_limit)
    return bad_parameter(std::to_string(group.capacity),
                         fmt::format("Capacity must be from 1 to {}", group_capacity_limit));
  IW_TRY(CheckedBody checked, check_body(input));
  if (!dry_run) {  // a dry run is how the needed capacity is found out
    IW_CHECK(check_capacity(checked.consumed, group.capacity));
  }
  if (state.groups.contains(group.name)) return invalid_request("A resource with the specified name already exists");
  if (state.groups.size() >= rule_groups_per_account)
    return refuse("LimitExceededException",
                  fmt::format("the account has its limit of {} stateful rule groups", rule_groups_per_account));
  group.arn = make_arn("stateful-rulegroup", group.name);
  group.id = random_uuid();
  group.token = random_uuid();
  group.tags = read_tags(input);
  group.body = std::move(checked.body);
  group.consumed = checked.consumed;
  group.strict_order = checked.strict_order;
  take_settings(group, input, now);

  Change change;
  change.commit = dry_run ? Change::Commit::dry_run : Change::Commit::yes;
  change.group_arn = group.arn;
  change.answer = {{"UpdateToken", group.token}, {"RuleGroupResponse", response_of(state, group, "ACTIVE")}};
  state.groups.emplace(group.name, std::move(group));
  return change;
}

ApiChange update_rule_group(State& state, const Json& input, Time now) {
  IW_TRY(RuleGroup* const group, find_group(state.groups, input));
  if (text_or(input, "UpdateToken") != group->token)
    return refuse("InvalidTokenException", "Update token is invalid: the rule group has changed since it was read");
  if (has(input, "Rules") && group->strict_order)
    return bad_parameter("Rules",
                         "a rule group with STRICT_ORDER is updated with RuleGroup and its StatefulRuleOptions");
  IW_TRY(CheckedBody checked, check_body(input));
  if (checked.strict_order != group->strict_order)
    return bad_parameter(checked.strict_order ? "STRICT_ORDER" : "DEFAULT_ACTION_ORDER",
                         "StatefulRuleOptions.RuleOrder can not be changed");
  IW_CHECK(check_capacity(checked.consumed, group->capacity));

  Change change;
  change.commit = is_true(input, "DryRun") ? Change::Commit::dry_run : Change::Commit::yes;
  change.group_arn = group->arn;
  const std::string token_before = std::exchange(group->token, random_uuid());
  group->body = std::move(checked.body);
  group->consumed = checked.consumed;
  take_settings(*group, input, now);
  change.answer = {{"UpdateToken", change.commit == Change::Commit::yes ? group->token : token_before},
                   {"RuleGroupResponse", response_of(state, *group, "ACTIVE")}};
  return change;
}

ApiChange delete_rule_group(State& state, const Json& input, Time) {
  IW_TRY(const RuleGroup* const group, find_group(state.groups, input));
  if (const std::size_t uses = state.policies_with_group(group->arn); uses > 0)
    return refuse("InvalidOperationException",
                  fmt::format("Unable to delete the object because it is still in use, by {} firewall policies", uses));
  Change change;
  change.answer = {{"RuleGroupResponse", response_of(state, *group, "DELETING")}};
  state.groups.erase(std::string(group->name));
  return change;
}

ApiAnswer describe_rule_group(const State& state, const Json& input) {
  IW_TRY(const RuleGroup* const group, find_group(state.groups, input));
  return Json{{"UpdateToken", group->token},
              {"RuleGroup", *group->body},
              {"RuleGroupResponse", response_of(state, *group, "ACTIVE")}};
}

ApiAnswer describe_rule_group_metadata(const State& state, const Json& input) {
  IW_TRY(const RuleGroup* const group, find_group(state.groups, input));
  Json out{{"RuleGroupArn", group->arn},
           {"RuleGroupName", group->name},
           {"Type", "STATEFUL"},
           {"Capacity", group->capacity},
           {"StatefulRuleOptions", {{"RuleOrder", group->strict_order ? "STRICT_ORDER" : "DEFAULT_ACTION_ORDER"}}},
           {"LastModifiedTime", group->modified.time_since_epoch().count()}};
  if (!group->description.empty()) out["Description"] = group->description;
  return out;
}

ApiAnswer describe_rule_group_summary(const State& state, const Json& input) {
  IW_TRY(const RuleGroup* const group, find_group(state.groups, input));
  const Json& source = group->body->at("RulesSource");
  const std::string text = has(source, "StatefulRules")
                               ? fmt::format("{}", fmt::join(rule_texts(source.at("StatefulRules")), "\n"))
                               : text_or(source, "RulesString");
  const Json options = group->summary_configuration.is_object() ? group->summary_configuration : Json::object();
  const Json& chosen = child(options, "RuleOptions");
  const auto wants = [&chosen](const char* option) { return std::ranges::find(chosen, Json(option)) != chosen.end(); };
  Json summaries = Json::array();
  if (!chosen.empty()) {
    for (const RuleSummary& rule : summarize_rules(text)) {
      Json summary = Json::object();
      if (wants("SID")) summary["SID"] = std::to_string(rule.sid);
      if (wants("MSG")) summary["Msg"] = rule.message;
      if (wants("METADATA")) summary["Metadata"] = rule.metadata;
      summaries.push_back(std::move(summary));
    }
  }
  Json out{{"RuleGroupName", group->name}, {"Summary", {{"RuleSummaries", std::move(summaries)}}}};
  if (!group->description.empty()) out["Description"] = group->description;
  return out;
}

ApiAnswer list_rule_groups(const State& state, const Json& input) {
  std::vector<Json> items;
  const bool own = text_or(input, "Scope", "ACCOUNT") == "ACCOUNT" && text_or(input, "Type", "STATEFUL") == "STATEFUL";
  for (const auto& [name, group] : state.groups) {
    if (own) items.push_back({{"Name", name}, {"Arn", group.arn}});
  }
  IW_TRY(Page page, page_of(items, input, 100, "InvalidRequestException"));
  Json out{{"RuleGroups", std::move(page.items)}};
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

}  // namespace intelwall::lab::nfw
