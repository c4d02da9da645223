#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "aws/sigv4.hpp"
#include "lab/cloud_endpoint.hpp"

namespace intelwall::lab::test {

inline const std::string secret = "unit/secret+key";
inline const Time noon = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + std::chrono::hours{12};

inline CloudOptions options() {
  CloudOptions made;
  made.secret_access_key = secret;
  made.clock = [] { return noon; };
  return made;
}

/// The request as it would arrive, signed for `service` at `when`.
inline CloudRequest signed_request(const std::string& method, const std::string& path, const std::string& target,
                                   const std::string& service, std::string body, Time when = noon) {
  aws::HttpRequest http;
  http.method = method;
  http.scheme = "http";
  http.host = "127.0.0.1:4566";
  http.path = path;
  http.body = std::move(body);
  http.headers = {{"Content-Type", "application/x-amz-json-1.0"}};
  if (!target.empty()) http.headers.emplace_back("X-Amz-Target", target);
  aws::sign(http, {region, service}, {access_key_id, secret, ""}, when);
  CloudRequest request;
  request.method = method;
  request.path = aws::encode_path(path);
  request.headers.emplace("host", http.host);
  for (const auto& [name, value] : http.headers) {
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.headers.emplace(std::move(lower), value);
  }
  request.body = std::move(http.body);
  return request;
}

/// One call of Network Firewall: the status and the decoded answer.
inline std::pair<int, Json> firewall_call(Endpoint& endpoint, const std::string& operation, const Json& input) {
  const CloudResponse response = endpoint.handle(
      signed_request("POST", "/", "NetworkFirewall_20201112." + operation, "network-firewall", dump_json(input)));
  return {response.status, Json::parse(response.body)};
}

inline std::string error_of(const std::pair<int, Json>& answer) {
  const std::string type = answer.second.value("__type", "");
  return type.substr(type.find('#') + 1);
}

inline std::string message_of(const std::pair<int, Json>& answer) {
  return answer.second.value("Message", answer.second.value("message", ""));
}

inline std::string rule(int sid, const std::string& action = "drop") {
  return action + " tls $HOME_NET any -> $EXTERNAL_NET any (msg:\"m\"; tls.sni; content:\"evil" + std::to_string(sid) +
         ".com\"; nocase; sid:" + std::to_string(sid) + "; rev:1;)\n";
}

inline Json strict_group(const std::string& rules) {
  return {{"RulesSource", {{"RulesString", rules}}}, {"StatefulRuleOptions", {{"RuleOrder", "STRICT_ORDER"}}}};
}

/// Creates the group and refers to it from the lab's policy: its ARN.
inline std::string add_group(Endpoint& endpoint, const std::string& name, const std::string& rules, int priority) {
  const auto created = firewall_call(
      endpoint, "CreateRuleGroup",
      {{"RuleGroupName", name}, {"Type", "STATEFUL"}, {"Capacity", 100}, {"RuleGroup", strict_group(rules)}});
  EXPECT_EQ(created.first, 200) << created.second;
  const std::string arn = created.second["RuleGroupResponse"]["RuleGroupArn"];
  auto policy = firewall_call(endpoint, "DescribeFirewallPolicy", {{"FirewallPolicyName", policy_name}}).second;
  policy["FirewallPolicy"]["StatefulRuleGroupReferences"].push_back({{"ResourceArn", arn}, {"Priority", priority}});
  const auto updated = firewall_call(endpoint, "UpdateFirewallPolicy",
                                     {{"FirewallPolicyName", policy_name},
                                      {"UpdateToken", policy["UpdateToken"]},
                                      {"FirewallPolicy", policy["FirewallPolicy"]}});
  EXPECT_EQ(updated.first, 200) << updated.second;
  return arn;
}

inline std::string token_of(Endpoint& endpoint, const std::string& arn) {
  return firewall_call(endpoint, "DescribeRuleGroup", {{"RuleGroupArn", arn}}).second.value("UpdateToken", "");
}

inline std::pair<int, Json> update_group(Endpoint& endpoint, const std::string& arn, const std::string& rules) {
  return firewall_call(
      endpoint, "UpdateRuleGroup",
      {{"RuleGroupArn", arn}, {"UpdateToken", token_of(endpoint, arn)}, {"RuleGroup", strict_group(rules)}});
}

}  // namespace intelwall::lab::test
