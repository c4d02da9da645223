#include "lab/cloud_dns_firewall.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lab/cloud.hpp"

namespace intelwall::lab {
namespace {

std::string arn_of(const char* kind, const std::string& id) {
  return fmt::format("arn:aws:route53resolver:{}:{}:{}/{}", region, account_id, kind, id);
}

std::unexpected<ApiError> invalid(std::string message) {
  return refuse("ValidationException", std::move(message));
}

std::unexpected<ApiError> not_found(const std::string& what) {
  return refuse("ResourceNotFoundException", fmt::format("[RSLVR-00000] Resource not found: {}", printable(what, 128)));
}

std::map<std::string, std::string> tags_in(const Json& input) {
  std::map<std::string, std::string> tags;
  for (const Json& tag : child(input, "Tags")) tags[text_or(tag, "Key")] = text_or(tag, "Value");
  return tags;
}

/// Lower case without the root's dot, as the service keeps names; nothing when it is none
/// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_UpdateFirewallDomains.html).
std::optional<std::string> domain_name(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (name.ends_with('.')) name.pop_back();
  if (name.empty() || name.size() > 255) return std::nullopt;
  std::string_view rest = name;
  if (rest.starts_with("*.")) rest.remove_prefix(2);
  std::size_t label = 0;
  for (const char c : rest) {
    if (c == '.') {
      if (label == 0) return std::nullopt;
      label = 0;
      continue;
    }
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!fits || ++label > 63) return std::nullopt;
  }
  return label == 0 ? std::nullopt : std::optional(name);
}

ApiAnswer paged(const std::vector<Json>& items, const Json& input, std::size_t page, const char* member) {
  IW_TRY(Page some, page_of(items, input, page, "ValidationException"));
  Json out{{member, std::move(some.items)}};
  if (some.next) out["NextToken"] = *some.next;
  return out;
}

/// Whether a domain list has the name itself, or a wildcard above it.
bool covers(const std::set<std::string>& domains, std::string_view name) {
  if (domains.contains(std::string(name))) return true;
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    name.remove_prefix(dot + 1);
    if (domains.contains("*." + std::string(name))) return true;
  }
  return false;
}

DnsVerdict verdict_of(const Json& rule) {
  DnsVerdict out{.group_id = text_or(rule, "FirewallRuleGroupId"), .list_id = text_or(rule, "FirewallDomainListId")};
  const auto action = text_or(rule, "Action");
  if (action == "BLOCK") out.action = DnsVerdict::Action::block;
  if (action == "ALERT") out.action = DnsVerdict::Action::alert;
  const auto response = text_or(rule, "BlockResponse");
  if (response == "NODATA") out.response = DnsVerdict::Response::no_data;
  if (response == "OVERRIDE") out.response = DnsVerdict::Response::other_name;
  out.other_name = text_or(rule, "BlockOverrideDomain");
  out.seconds = static_cast<std::uint32_t>(integer_or(rule, "BlockOverrideTtl", 0));
  return out;
}

bool is_unlike(const Json& rule, const Json& input, const char* member) {
  return has(input, member) && rule.value(member, Json()) != input.at(member);
}

}  // namespace

const std::map<std::string, DnsFirewall::Known>& DnsFirewall::operations() {
  using namespace shapes;  // NOLINT(google-build-using-namespace): a table of nothing but shapes
  static const auto known = [] {
    const ShapePtr id = text(1, 64);
    const ShapePtr request = text(1, 255);
    const ShapePtr name = text(1, 64);
    const ShapePtr tags = list(structure({required("Key", text(1, 128)), required("Value", text(0, 256))}), 0, 200);
    const ShapePtr action = one_of({"ALLOW", "BLOCK", "ALERT"});
    const ShapePtr response = one_of({"NODATA", "NXDOMAIN", "OVERRIDE"});
    const auto page = [](std::int64_t most) {
      return std::vector{optional("MaxResults", integer(1, most)), optional("NextToken", text())};
    };
    const auto with = [](std::vector<Shape::Member> members, const std::vector<Shape::Member>& more) {
      members.insert(members.end(), more.begin(), more.end());
      return structure(std::move(members));
    };
    const ShapePtr make =
        structure({required("CreatorRequestId", request), required("Name", name), optional("Tags", tags)});
    const ShapePtr one_list = structure({required("FirewallDomainListId", id)});
    const ShapePtr one_group = structure({required("FirewallRuleGroupId", id)});
    const std::vector rule{
        optional("FirewallDomainListId", id),
        optional("BlockResponse", response),
        optional("BlockOverrideDomain", text(1, 255)),
        optional("BlockOverrideDnsType", one_of({"CNAME"})),
        optional("BlockOverrideTtl", integer(0, 604'800)),
        optional("FirewallDomainRedirectionAction", one_of({"INSPECT_REDIRECTION_DOMAIN", "TRUST_REDIRECTION_DOMAIN"})),
        optional("Qtype", text(1, 16))};
    return std::map<std::string, Known>{
        {"CreateFirewallDomainList", {make, &DnsFirewall::create_list}},
        {"GetFirewallDomainList", {one_list, &DnsFirewall::get_list}},
        {"DeleteFirewallDomainList", {one_list, &DnsFirewall::delete_list}},
        {"ListFirewallDomainLists", {with({}, page(100)), &DnsFirewall::list_lists}},
        {"ListFirewallDomains",
         {with({required("FirewallDomainListId", id)}, page(5'000)), &DnsFirewall::list_domains}},
        {"UpdateFirewallDomains",
         {structure({required("FirewallDomainListId", id), required("Operation", one_of({"ADD", "REMOVE", "REPLACE"})),
                     required("Domains", list(text(1, 255)))}),
          &DnsFirewall::update_domains}},
        {"CreateFirewallRuleGroup", {make, &DnsFirewall::create_group}},
        {"GetFirewallRuleGroup", {one_group, &DnsFirewall::get_group}},
        {"ListFirewallRuleGroups", {with({}, page(100)), &DnsFirewall::list_groups}},
        {"CreateFirewallRule",
         {with({required("CreatorRequestId", request), required("FirewallRuleGroupId", id),
                required("Priority", integer()), required("Action", action), required("Name", name)},
               rule),
          &DnsFirewall::create_rule}},
        {"UpdateFirewallRule",
         {with({required("FirewallRuleGroupId", id), optional("Priority", integer()), optional("Action", action),
                optional("Name", name)},
               rule),
          &DnsFirewall::update_rule}},
        {"DeleteFirewallRule",
         {structure({required("FirewallRuleGroupId", id), optional("FirewallDomainListId", id)}),
          &DnsFirewall::delete_rule}},
        {"ListFirewallRules",
         {with({required("FirewallRuleGroupId", id), optional("Priority", integer()), optional("Action", action)},
               page(100)),
          &DnsFirewall::list_rules}},
        {"ListFirewallRuleGroupAssociations",
         {with({optional("FirewallRuleGroupId", id), optional("VpcId", id), optional("Priority", integer()),
                optional("Status", one_of({"COMPLETE", "DELETING", "UPDATING"}))},
               page(100)),
          &DnsFirewall::list_associations}},
        {"ListTagsForResource", {with({required("ResourceArn", text(1, 255))}, page(100)), &DnsFirewall::list_tags}}};
  }();
  return known;
}

DnsFirewall::DnsFirewall(Clock clock) : clock_(std::move(clock)) {
  const Time now = clock_();
  groups_[dns_rule_group_id] = {.id = dns_rule_group_id,
                                .name = "lab-dns",
                                .request_id = "lab",
                                .tags = {},
                                .rules = {},
                                .created = now,
                                .modified = now};
}

ApiAnswer DnsFirewall::call(const std::string& operation, Json input) {
  const auto known = operations().find(operation);
  if (known == operations().end()) return no_operation(operation);
  const auto& [shape, run] = known->second;
  IW_CHECK(check_input(*shape, input));
  const std::scoped_lock lock(mutex_);
  return (this->*run)(input);
}

std::optional<DnsVerdict> DnsFirewall::verdict(const std::string& name, const std::string& type) {
  const std::scoped_lock lock(mutex_);
  for (const Json& rule : groups_.at(dns_rule_group_id).rules) {
    if (has(rule, "Qtype") && text_or(rule, "Qtype") != type) continue;
    const auto list = lists_.find(text_or(rule, "FirewallDomainListId"));
    if (list != lists_.end() && covers(list->second.domains, name)) return verdict_of(rule);
  }
  return std::nullopt;
}

ApiResult<DnsFirewall::DomainList*> DnsFirewall::find_list(const Json& input) {
  const auto found = lists_.find(text_or(input, "FirewallDomainListId"));
  if (found == lists_.end()) return not_found(text_or(input, "FirewallDomainListId"));
  return &found->second;
}

ApiResult<DnsFirewall::RuleGroup*> DnsFirewall::find_group(const Json& input) {
  const auto found = groups_.find(text_or(input, "FirewallRuleGroupId"));
  if (found == groups_.end()) return not_found(text_or(input, "FirewallRuleGroupId"));
  return &found->second;
}

Json DnsFirewall::describe(const DomainList& list) const {
  return {{"Id", list.id},
          {"Arn", arn_of("firewall-domain-list", list.id)},
          {"Name", list.name},
          {"DomainCount", list.domains.size()},
          {"Status", "COMPLETE"},
          {"StatusMessage", "Finished domain list operation"},
          {"CreatorRequestId", list.request_id},
          {"CreationTime", format_time(list.created)},
          {"ModificationTime", format_time(list.modified)}};
}

Json DnsFirewall::describe(const RuleGroup& group) {
  return {{"Id", group.id},
          {"Arn", arn_of("firewall-rule-group", group.id)},
          {"Name", group.name},
          {"RuleCount", group.rules.size()},
          {"Status", "COMPLETE"},
          {"OwnerId", account_id},
          {"CreatorRequestId", group.request_id},
          {"ShareStatus", "NOT_SHARED"},
          {"CreationTime", format_time(group.created)},
          {"ModificationTime", format_time(group.modified)}};
}

ApiAnswer DnsFirewall::create_list(const Json& input) {
  const auto request = text_or(input, "CreatorRequestId");
  for (const auto& [id, list] : lists_)
    if (list.request_id == request && list.name == text_or(input, "Name"))
      return Json{{"FirewallDomainList", describe(list)}};
  const auto id = fmt::format("rslvr-fdl-{:017x}", ++made_);
  const Time now = clock_();
  const auto& list = lists_[id] = {.id = id,
                                   .name = text_or(input, "Name"),
                                   .request_id = request,
                                   .tags = tags_in(input),
                                   .domains = {},
                                   .created = now,
                                   .modified = now};
  return Json{{"FirewallDomainList", describe(list)}};
}

ApiAnswer DnsFirewall::get_list(const Json& input) {
  IW_TRY(const auto* list, find_list(input));
  return Json{{"FirewallDomainList", describe(*list)}};
}

ApiAnswer DnsFirewall::delete_list(const Json& input) {
  IW_TRY(const auto* list, find_list(input));
  for (const auto& [id, group] : groups_)
    for (const Json& rule : group.rules)
      if (text_or(rule, "FirewallDomainListId") == list->id)
        return refuse("ConflictException", "[RSLVR-02000] The domain list is used by a rule");
  Json gone = describe(*list);
  gone["Status"] = "DELETING";
  lists_.erase(list->id);
  return Json{{"FirewallDomainList", std::move(gone)}};
}

ApiAnswer DnsFirewall::list_lists(const Json& input) {
  std::vector<Json> all;
  for (const auto& [id, list] : lists_)
    all.push_back({{"Id", id},
                   {"Arn", arn_of("firewall-domain-list", id)},
                   {"Name", list.name},
                   {"CreatorRequestId", list.request_id}});
  return paged(all, input, 100, "FirewallDomainLists");
}

ApiAnswer DnsFirewall::list_domains(const Json& input) {
  IW_TRY(const auto* list, find_list(input));
  // With the root's dot, as the service gives them back.
  std::vector<Json> all;
  for (const auto& name : list->domains) all.emplace_back(name + ".");
  return paged(all, input, 100, "Domains");
}

ApiAnswer DnsFirewall::update_domains(const Json& input) {
  IW_TRY(auto* list, find_list(input));
  const Json& names = child(input, "Domains");
  if (names.size() > dns_domains_per_update)
    return invalid(fmt::format("[RSLVR-02006] At most {} domains an update", dns_domains_per_update));
  const auto operation = text_or(input, "Operation");
  auto domains = operation == "REPLACE" ? std::set<std::string>{} : list->domains;
  for (const Json& each : names) {
    auto name = domain_name(each.get<std::string>());
    if (!name) return invalid(fmt::format("[RSLVR-02007] Not a domain: {}", printable(each.get<std::string>(), 128)));
    if (operation == "REMOVE")
      domains.erase(*name);
    else
      domains.insert(*std::move(name));
  }
  std::size_t in_account = domains.size();
  for (const auto& [id, other] : lists_) in_account += &other == list ? 0 : other.domains.size();
  if (in_account > dns_domains_per_account)
    return refuse("LimitExceededException", "[RSLVR-02008] The account has its limit of domains");
  list->domains = std::move(domains);
  list->modified = clock_();
  return Json{{"Id", list->id}, {"Name", list->name}, {"Status", "UPDATING"}, {"StatusMessage", "Updating"}};
}

ApiAnswer DnsFirewall::create_group(const Json& input) {
  const auto id = fmt::format("rslvr-frg-{:017x}", ++made_);
  const Time now = clock_();
  const auto& group = groups_[id] = {.id = id,
                                     .name = text_or(input, "Name"),
                                     .request_id = text_or(input, "CreatorRequestId"),
                                     .tags = tags_in(input),
                                     .rules = {},
                                     .created = now,
                                     .modified = now};
  return Json{{"FirewallRuleGroup", describe(group)}};
}

ApiAnswer DnsFirewall::get_group(const Json& input) {
  IW_TRY(const auto* group, find_group(input));
  return Json{{"FirewallRuleGroup", describe(*group)}};
}

ApiAnswer DnsFirewall::list_groups(const Json& input) {
  std::vector<Json> all;
  for (const auto& [id, group] : groups_) {
    Json one = describe(group);
    for (const char* member : {"RuleCount", "Status", "CreationTime", "ModificationTime"}) one.erase(member);
    all.push_back(std::move(one));
  }
  return paged(all, input, 100, "FirewallRuleGroups");
}

ApiAnswer DnsFirewall::create_rule(const Json& input) {
  IW_TRY(auto* group, find_group(input));
  IW_TRY(const auto* list, find_list(input));
  if ((text_or(input, "Action") == "BLOCK") != has(input, "BlockResponse"))
    return invalid("[RSLVR-02009] BlockResponse belongs to BLOCK, and only to it");
  if (group->rules.size() >= dns_rules_per_group)
    return refuse("LimitExceededException", "[RSLVR-02010] The rule group has its limit of rules");
  for (const Json& rule : group->rules)
    if (rule.at("Priority") == input.at("Priority") || text_or(rule, "FirewallDomainListId") == list->id)
      return invalid("[RSLVR-02011] The rule group has a rule with this priority or domain list");
  Json rule = input;
  rule["CreationTime"] = rule["ModificationTime"] = format_time(clock_());
  group->rules.push_back(rule);
  std::ranges::sort(group->rules, {}, [](const Json& each) { return integer_or(each, "Priority", 0); });
  return Json{{"FirewallRule", std::move(rule)}};
}

ApiAnswer DnsFirewall::update_rule(const Json& input) {
  IW_TRY(auto* group, find_group(input));
  for (Json& rule : group->rules) {
    if (text_or(rule, "FirewallDomainListId") != text_or(input, "FirewallDomainListId")) continue;
    rule.update(input);
    if (text_or(rule, "Action") != "BLOCK") rule.erase("BlockResponse");
    rule["ModificationTime"] = format_time(clock_());
    return Json{{"FirewallRule", rule}};
  }
  return not_found("rule");
}

ApiAnswer DnsFirewall::delete_rule(const Json& input) {
  IW_TRY(auto* group, find_group(input));
  const auto found = std::ranges::find_if(group->rules, [&](const Json& rule) {
    return text_or(rule, "FirewallDomainListId") == text_or(input, "FirewallDomainListId");
  });
  if (found == group->rules.end()) return not_found("rule");
  Json gone = std::move(*found);
  group->rules.erase(found);
  return Json{{"FirewallRule", std::move(gone)}};
}

ApiAnswer DnsFirewall::list_rules(const Json& input) {
  IW_TRY(const auto* group, find_group(input));
  std::vector<Json> all;
  for (const Json& rule : group->rules)
    if (!is_unlike(rule, input, "Priority") && !is_unlike(rule, input, "Action")) all.push_back(rule);
  return paged(all, input, 100, "FirewallRules");
}

Json DnsFirewall::association() const {
  const auto& group = groups_.at(dns_rule_group_id);
  const std::string id = "rslvr-frgassoc-0123456789abcdef";
  return {{"Id", id},
          {"Arn", arn_of("firewall-rule-group-association", id)},
          {"FirewallRuleGroupId", group.id},
          {"VpcId", dns_vpc_id},
          {"Name", "lab"},
          {"Priority", 101},
          {"MutationProtection", "DISABLED"},
          {"Status", "COMPLETE"},
          {"CreatorRequestId", "lab"},
          {"CreationTime", format_time(group.created)},
          {"ModificationTime", format_time(group.created)}};
}

ApiAnswer DnsFirewall::list_associations(const Json& input) {
  std::vector<Json> all;
  const Json one = association();
  const auto filters = {"FirewallRuleGroupId", "VpcId", "Priority", "Status"};
  if (std::ranges::none_of(filters, [&](const char* member) { return is_unlike(one, input, member); }))
    all.push_back(one);
  return paged(all, input, 100, "FirewallRuleGroupAssociations");
}

ApiAnswer DnsFirewall::list_tags(const Json& input) {
  const auto arn = text_or(input, "ResourceArn");
  const std::map<std::string, std::string>* tags = nullptr;
  for (const auto& [id, list] : lists_)
    if (arn_of("firewall-domain-list", id) == arn) tags = &list.tags;
  for (const auto& [id, group] : groups_)
    if (arn_of("firewall-rule-group", id) == arn) tags = &group.tags;
  if (tags == nullptr) return not_found(arn);
  std::vector<Json> all;
  for (const auto& [key, value] : *tags) all.push_back({{"Key", key}, {"Value", value}});
  return paged(all, input, 100, "Tags");
}

}  // namespace intelwall::lab
