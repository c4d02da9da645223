#include "aws/route53_resolver.hpp"

#include <chrono>

#include "aws/json_text.hpp"

namespace intelwall::aws {

namespace {

using Repeat = ServiceClient::Repeat;

std::unexpected<Error> broken_answer(const char* operation, const std::string& what) {
  return fail(ErrorCode::protocol, "the answer has no " + what, std::string("route53resolver ") + operation,
              "check AWS_ENDPOINT_URL: this is not an answer of Route 53 Resolver");
}

DomainListState read_list(const Json& item) {
  return {.id = text_in(item, "Id"),
          .arn = text_in(item, "Arn"),
          .name = text_in(item, "Name"),
          .owner = text_in(item, "ManagedOwnerName"),
          .status = text_in(item, "Status"),
          .modified = text_in(item, "ModificationTime"),
          .count = count_in(item, "DomainCount")};
}

Result<DomainListState> list_of(const Json& answer, const char* operation) {
  auto list = read_list(member(answer, "FirewallDomainList"));
  if (list.id.empty()) return broken_answer(operation, "FirewallDomainList with an Id");
  return list;
}

}  // namespace

Route53ResolverClient::Route53ResolverClient(Session session)
    : client_(std::move(session), "ROUTE53RESOLVER", "route53resolver", "route53resolver") {}

Result<Json> Route53ResolverClient::call(const char* operation, const Json& input, Repeat repeat) const {
  return client_.call_json("1.1", std::string("Route53Resolver.") + operation, input, repeat);
}

Result<std::vector<Json>> Route53ResolverClient::all_pages(const char* operation, Json input, const char* items,
                                                           int page) const {
  std::vector<Json> all;
  input["MaxResults"] = page;
  while (true) {
    IW_TRY(const Json answer, call(operation, input, Repeat::safe));
    if (!member(answer, items).is_array()) return broken_answer(operation, items);
    const auto& some = items_in(answer, items);
    all.insert(all.end(), some.begin(), some.end());
    const auto next = text_in(answer, "NextToken");
    if (next.empty()) return all;
    input["NextToken"] = next;
  }
}

std::string Route53ResolverClient::request_id(const std::string& words) const {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(client_.session().clock().time_since_epoch());
  return words + "-" + std::to_string(hours.count());
}

Result<std::string> Route53ResolverClient::get_firewall_rule_group(const std::string& id) const {
  constexpr const char* operation = "GetFirewallRuleGroup";
  IW_TRY(const Json answer, call(operation, {{"FirewallRuleGroupId", id}}, Repeat::safe));
  auto name = text_in(member(answer, "FirewallRuleGroup"), "Name");
  if (name.empty()) return broken_answer(operation, "FirewallRuleGroup with a Name");
  return name;
}

Result<std::vector<DnsAssociation>> Route53ResolverClient::list_firewall_rule_group_associations(
    const std::string& group_id) const {
  IW_TRY(const auto items, all_pages("ListFirewallRuleGroupAssociations", {{"FirewallRuleGroupId", group_id}},
                                     "FirewallRuleGroupAssociations", 100));
  std::vector<DnsAssociation> out;
  for (const Json& item : items) out.push_back({text_in(item, "VpcId"), text_in(item, "Status")});
  return out;
}

Result<std::vector<DnsRule>> Route53ResolverClient::list_firewall_rules(const std::string& group_id) const {
  IW_TRY(const auto items, all_pages("ListFirewallRules", {{"FirewallRuleGroupId", group_id}}, "FirewallRules", 100));
  std::vector<DnsRule> out;
  for (const Json& item : items)
    out.push_back({text_in(item, "Name"), text_in(item, "FirewallDomainListId"), text_in(item, "Action"),
                   static_cast<int>(count_in(item, "Priority"))});
  return out;
}

Result<void> Route53ResolverClient::create_firewall_rule(const std::string& group_id, const DnsRule& rule) const {
  Json input = {{"CreatorRequestId", request_id(group_id + "-" + rule.list_id)},
                {"FirewallRuleGroupId", group_id},
                {"FirewallDomainListId", rule.list_id},
                {"Priority", rule.priority},
                {"Action", rule.action},
                {"Name", rule.name}};
  if (rule.action == "BLOCK") input["BlockResponse"] = "NXDOMAIN";
  IW_CHECK(call("CreateFirewallRule", input, Repeat::safe));
  return {};
}

Result<std::vector<DomainListState>> Route53ResolverClient::list_firewall_domain_lists() const {
  IW_TRY(const auto items, all_pages("ListFirewallDomainLists", Json::object(), "FirewallDomainLists", 100));
  std::vector<DomainListState> out;
  for (const Json& item : items) out.push_back(read_list(item));
  return out;
}

Result<DomainListState> Route53ResolverClient::get_firewall_domain_list(const std::string& id) const {
  constexpr const char* operation = "GetFirewallDomainList";
  IW_TRY(const Json answer, call(operation, {{"FirewallDomainListId", id}}, Repeat::safe));
  return list_of(answer, operation);
}

Result<DomainListState> Route53ResolverClient::create_firewall_domain_list(
    const std::string& name, const std::map<std::string, std::string>& tags) const {
  constexpr const char* operation = "CreateFirewallDomainList";
  Json input = {{"CreatorRequestId", request_id(name)}, {"Name", name}, {"Tags", Json::array()}};
  for (const auto& [key, value] : tags) input["Tags"].push_back({{"Key", key}, {"Value", value}});
  IW_TRY(const Json answer, call(operation, input, Repeat::safe));
  return list_of(answer, operation);
}

Result<std::vector<std::string>> Route53ResolverClient::list_firewall_domains(const std::string& list_id) const {
  IW_TRY(const auto items, all_pages("ListFirewallDomains", {{"FirewallDomainListId", list_id}}, "Domains", 5'000));
  std::vector<std::string> out;
  for (const Json& item : items)
    if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

Result<void> Route53ResolverClient::update_firewall_domains(const std::string& list_id, Operation operation,
                                                            const std::vector<std::string>& names) const {
  IW_ASSERT(!names.empty() && names.size() <= domains_per_call);
  IW_CHECK(call("UpdateFirewallDomains",
                {{"FirewallDomainListId", list_id},
                 {"Operation", operation == Operation::add ? "ADD" : "REMOVE"},
                 {"Domains", names}},
                Repeat::safe));
  return {};
}

}  // namespace intelwall::aws
