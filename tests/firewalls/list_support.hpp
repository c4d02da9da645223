#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "firewalls/list_groups.hpp"
#include "support/cloud.hpp"

namespace intelwall::firewalls {

/// A rule as compile() writes them, with a sid of lists.
inline std::string list_rule(int number) {
  return fmt::format(
      "alert tls $HOME_NET any -> any any (msg:\"intelwall hunt\"; flow:to_server; tls.sni; dotprefix; "
      "content:\".n{0}.example\"; nocase; sid:{1}; rev:1;)\n",
      number, 1'000'000'000 + number);
}
inline ListPart list_part(int first, int count) {
  ListPart part;
  for (int i = first; i < first + count; ++i) part.text += list_rule(i);
  part.rules = static_cast<std::size_t>(count);
  return part;
}

class ListGroupsTest : public test::CloudFixture {
 protected:
  void SetUp() override { start(); }

  std::shared_ptr<aws::NetworkFirewallClient> client() const {
    return std::make_shared<aws::NetworkFirewallClient>(session());
  }
  ListGroups groups(NetworkFirewallOptions options = {}) const {
    options.firewall = lab::firewall_name;
    return {client(), options, [](std::chrono::milliseconds) {}};
  }
  static ListFold want(std::vector<ListPart> parts) {
    return [parts = std::move(parts)](const ListObservation&) -> Result<std::vector<ListPart>> { return parts; };
  }
  ListApplied apply(std::vector<ListPart> parts, NetworkFirewallOptions options = {}) const {
    auto done = groups(options).apply(want(std::move(parts)));
    EXPECT_TRUE(done.has_value()) << done.error().to_text();
    if (!done) return {};
    EXPECT_FALSE(done->applied.failure) << done->applied.failure->to_text();
    const auto seen = observe(options);
    EXPECT_EQ(done->content, seen.content);
    EXPECT_EQ(done->versions, seen.versions);
    return *done;
  }
  ListObservation observe(NetworkFirewallOptions options = {}) const {
    auto seen = groups(options).observe();
    EXPECT_TRUE(seen.has_value()) << seen.error().to_text();
    return seen.value_or(ListObservation{});
  }
  aws::PolicyState policy() const {
    const auto state = client()->describe_firewall(lab::firewall_name);
    EXPECT_TRUE(state.has_value());
    return *client()->describe_policy(state->policy_arn);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& each : observe().groups) all.push_back(each.name);
    return all;
  }
  std::string text(const std::string& name) const {
    const auto state = client()->describe_rule_group(name);
    return state ? state->body.value(aws::Json::json_pointer("/RulesSource/RulesString"), std::string{}) : "";
  }
  void set_text(const std::string& name, const std::string& text) const {
    const auto state = client()->describe_rule_group(name);
    ASSERT_TRUE(state.has_value());
    auto body = state->body;
    body["RulesSource"] = aws::Json{{"RulesString", text}};
    const auto done = client()->update_rule_group(*state, body, aws::DryRun::no);
    ASSERT_TRUE(done.has_value()) << done.error().to_text();
  }

  /// Calls that change something, so far.
  int writes() const {
    aws::HttpRequest request;
    request.method = "GET";
    request.scheme = "http";
    request.host = "127.0.0.1:" + std::to_string(cloud_->port());
    request.path = "/lab/health";
    aws::sign(request, {lab::region, "lab"}, {lab::access_key_id, secret_, {}}, now());
    const auto answer = aws::make_curl_client()->send(request);
    EXPECT_TRUE(answer.has_value());
    const auto counts = aws::Json::parse(answer->body).value("requests", aws::Json::object());
    int sum = 0;
    for (const auto& [operation, count] : counts.items())
      if (operation.starts_with("Create") || operation.starts_with("Update") || operation.starts_with("Delete"))
        sum += count.get<int>();
    return sum;
  }
};

}  // namespace intelwall::firewalls
