#include "app/doctor.hpp"

#include <nlohmann/json.hpp>

#include "app/falcon.hpp"
#include "app/pass_rules.hpp"
#include "app/support.hpp"
#include "lab/falcon_cloud.hpp"
#include "os/file.hpp"

namespace intelwall::app {
namespace {

using aws::Json;
using std::chrono::hours;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Severity = Check::Severity;

IpPrefix prefix(const std::string& text) {
  auto parsed = IpPrefix::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return *parsed;
}

TEST(IpPrefixTest, ContainsByBits) {
  EXPECT_TRUE(prefix("10.0.0.0/8").contains(prefix("10.255.0.0/16")));
  EXPECT_TRUE(prefix("10.94.0.0/23").contains(prefix("10.94.1.7")));
  EXPECT_FALSE(prefix("10.94.0.0/23").contains(prefix("10.94.2.0/24")));
  EXPECT_FALSE(prefix("10.94.0.0/24").contains(prefix("10.94.0.0/23")));
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(prefix("203.0.113.9")));
  EXPECT_TRUE(prefix("2001:db8::/33").contains(prefix("2001:db8:7fff::/48")));
  EXPECT_FALSE(prefix("2001:db8::/33").contains(prefix("2001:db8:8000::/48")));
  EXPECT_FALSE(prefix("::/0").contains(prefix("10.0.0.1")));
  for (const char* wrong : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "x", "10.0.0.0/-1", "10.0.0.0/8x", "::/129"})
    EXPECT_FALSE(IpPrefix::parse(wrong).has_value()) << wrong;
}

TEST(PassRulesTest, TellsHowFarTheyReach) {
  const auto reach = [](const std::string& text) {
    const auto rules = pass_rules({{"RulesSource", {{"RulesString", text}}}});
    return rules.size() == 1 ? std::optional(rules[0].reach) : std::nullopt;
  };
  using enum PassRule::Reach;
  EXPECT_EQ(reach("pass tls $HOME_NET any -> $EXTERNAL_NET any (msg:\"x\"; sid:1;)"), all);
  EXPECT_EQ(reach("  pass ip any any <> any any (sid:1;)"), all);
  EXPECT_EQ(reach("pass tcp $HOME_NET any -> any 443 \\\n (sid:1;)"), all);
  EXPECT_EQ(reach("pass tls $HOME_NET any -> any any (tls.sni; content:\"good.example\"; endswith; sid:1;)"), some);
  EXPECT_EQ(reach("pass tls 10.1.2.3 any -> any any (sid:1;)"), some);
  EXPECT_EQ(reach("pass tls $HOME_NET any -> 203.0.113.0/24 any (sid:1;)"), some);
  EXPECT_EQ(reach("pass icmp any any -> any any (sid:1;)"), some);
  EXPECT_EQ(reach("pass tcp any any -> any any (flow:not_established, to_server; sid:1;)"), std::nullopt);
  EXPECT_EQ(reach("# pass tls any any -> any any (sid:1;)"), std::nullopt);
  EXPECT_EQ(reach("drop tls any any -> any any (msg:\"pass\"; sid:1;)"), std::nullopt);
  EXPECT_EQ(reach("pass"), some) << "whatever it is, it is told";
  const Json header = {{"Protocol", "TCP"},  {"Source", "ANY"},      {"SourcePort", "ANY"},
                       {"Direction", "ANY"}, {"Destination", "ANY"}, {"DestinationPort", "ANY"}};
  const auto five = pass_rules(
      {{"RulesSource",
        {{"StatefulRules", Json::array({{{"Action", "PASS"}, {"Header", header}, {"RuleOptions", Json::array()}}})}}}});
  ASSERT_EQ(five.size(), 1U);
  EXPECT_EQ(five[0].reach, all);
  EXPECT_TRUE(pass_rules({{"RulesSource", 7}}).empty());
  EXPECT_TRUE(pass_rules(nullptr).empty());
}

class DoctorTest : public AroundTest {
 protected:
  Diagnosis run(const std::vector<IpPrefix>& workloads = {}) {
    auto out = doctor(context_, workloads);
    for (const auto& check : out.checks) {
      EXPECT_FALSE(check.text.empty()) << check.code;
      EXPECT_EQ(check.hint.empty(), check.severity == Severity::ok) << check.code << ": each fault says what to do";
    }
    EXPECT_NO_THROW(static_cast<void>(to_json(out).dump()));
    return out;
  }
  static std::vector<std::string> codes(const Diagnosis& diagnosis, Severity severity) {
    std::vector<std::string> out;
    for (const auto& check : diagnosis.checks)
      if (check.severity == severity) out.push_back(check.code);
    return out;
  }
  static std::vector<std::string> problems(const Diagnosis& diagnosis) { return codes(diagnosis, Severity::problem); }
  static std::vector<std::string> warnings(const Diagnosis& diagnosis) { return codes(diagnosis, Severity::warning); }

  aws::NetworkFirewallClient client() const { return aws::NetworkFirewallClient(session()); }
  void change_policy(const std::function<void(Json&)>& edit) const {
    auto policy = client().describe_policy(lab::policy_name).value_or(aws::PolicyState{});
    auto body = policy.body;
    edit(body);
    const auto done = client().update_policy(policy, body);
    ASSERT_TRUE(done.has_value()) << done.error().to_text();
  }
  /// A group of somebody else in the lab's policy.
  void add_group(const std::string& name, const std::string& rules, int priority, std::size_t capacity = 10) const {
    const auto made = client().create_rule_group(
        name, {{"RulesSource", {{"RulesString", rules}}}, {"StatefulRuleOptions", {{"RuleOrder", "STRICT_ORDER"}}}},
        capacity, "", {}, aws::DryRun::no);
    ASSERT_TRUE(made.has_value()) << made.error().to_text();
    change_policy([&](Json& body) {
      body["StatefulRuleGroupReferences"].push_back({{"ResourceArn", made->arn}, {"Priority", priority}});
    });
  }
  aws::ServiceClient raw(const char* id, const char* name) const { return {session(), id, name, name}; }
};

TEST_F(DoctorTest, TheLabIsWell) {
  block_names({"evil-corp.com"}, hours{1});
  const auto out = run({prefix("10.94.0.10"), prefix(lab::vpc_cidr)});
  EXPECT_EQ(exit_code(out), 0) << to_text(out);
  for (const char* code : {"aws", "firewall", "policy", "policy-owner", "home-net", "rule-order", "earlier-pass-none",
                           "room", "stream-exception", "sync", "alert-log", "blocks", "lists", "custom-actions",
                           "product", "packed", "quic", "falcon-unset"})
    EXPECT_THAT(codes(out, Severity::ok), Contains(code));
  EXPECT_EQ(to_json(out)["ok"], true);
}

TEST_F(DoctorTest, HomeNetThatMissesTheWorkloads) {
  EXPECT_THAT(problems(run({prefix("10.20.0.0/16")})), Contains("home-net-misses-workload"));
  EXPECT_THAT(problems(run({prefix("10.94.0.0/16")})), Contains("home-net-misses-workload")) << "only a part is in it";
  change_policy([](Json& body) {
    body["PolicyVariables"]["RuleVariables"]["HOME_NET"]["Definition"] = {"10.0.0.0/8", "!10.94.0.0/24"};
  });
  EXPECT_THAT(problems(run({prefix("10.94.0.10")})), Contains("home-net-misses-workload"));
  EXPECT_EQ(exit_code(run({prefix("10.20.0.0/16")})), 0);
  change_policy([](Json& body) { body.erase("PolicyVariables"); });
  const auto out = run({prefix("10.20.0.0/16")});
  EXPECT_THAT(warnings(out), Contains("home-net-default"));
  EXPECT_THAT(to_text(out), HasSubstr("vpc-01ab1ab1ab1ab1ab1"));
  EXPECT_EQ(exit_code(out), 3);
}

TEST_F(DoctorTest, AGroupOfOursWithItsOwnHomeNet) {
  block_names({"evil-corp.com"}, hours{1});
  const auto group = client().describe_rule_group("intelwall-blocks-1").value_or(aws::RuleGroupState{});
  auto body = group.body;
  body["RuleVariables"]["IPSets"]["HOME_NET"]["Definition"] = {"10.20.0.0/16"};
  ASSERT_TRUE(client().update_rule_group(group, body, aws::DryRun::no).has_value());
  const auto out = run({prefix("10.94.0.10")});
  EXPECT_THAT(warnings(out), Contains("home-net-alone"));
  EXPECT_THAT(problems(out), Contains("home-net-misses-workload")) << "the group's own value wins over the policy's";
}

TEST_F(DoctorTest, EarlierPassRules) {
  add_group("late", "pass tls $HOME_NET any -> any any (msg:\"late\"; sid:1;)", 5000);
  EXPECT_EQ(exit_code(run()), 0) << "what is asked after ours does no harm";
  add_group("narrow", "pass tls $HOME_NET any -> any any (msg:\"n\"; tls.sni; content:\"good.example\"; sid:1;)", 7);
  EXPECT_THAT(warnings(run()), Contains("earlier-pass"));
  add_group("wide", "pass tls $HOME_NET any -> any any (msg:\"w\"; sid:1;)", 8);
  const auto out = run();
  EXPECT_THAT(problems(out), Contains("earlier-pass-all"));
  EXPECT_THAT(to_text(out), HasSubstr("group wide (priority 8)"));
  context_.settings.firewall.priority = 5;
  EXPECT_THAT(problems(run()), Not(Contains("earlier-pass-all"))) << "ours would come first";
}

TEST_F(DoctorTest, AManagedGroupBeforeOursCannotBeRead) {
  change_policy([](Json& body) {
    body["StatefulRuleGroupReferences"].push_back(
        {{"ResourceArn",
          "arn:aws:network-firewall:us-east-1:aws-managed:stateful-rulegroup/AttackInfrastructureStrictOrder"},
         {"Priority", 1}});
  });
  const auto out = run();
  EXPECT_THAT(warnings(out), Contains("group-unreadable"));
  EXPECT_EQ(exit_code(out), 3);
}

TEST_F(DoctorTest, RoomEnds) {
  add_group("big", "drop tls any any -> any any (msg:\"x\"; tls.sni; content:\"z.example\"; sid:1;)", 2000, 29'900);
  EXPECT_THAT(warnings(run()), Contains("room-short"));
  add_group("rest", "drop tls any any -> any any (msg:\"x\"; tls.sni; content:\"y.example\"; sid:1;)", 2001, 100);
  EXPECT_THAT(problems(run()), Contains("no-room"));
}

TEST_F(DoctorTest, ReferencesEnd) {
  for (int i = 0; i < 20; ++i)
    add_group(fmt::format("g{}", i), "drop tls any any -> any any (msg:\"x\"; tls.sni; content:\"z.example\"; sid:1;)",
              2000 + i, 1);
  EXPECT_THAT(problems(run()), Contains("no-room"));
}

TEST_F(DoctorTest, StreamExceptionPolicyAndStatelessDefault) {
  change_policy([](Json& body) { body["StatefulEngineOptions"]["StreamExceptionPolicy"] = "CONTINUE"; });
  EXPECT_THAT(warnings(run()), Contains("stream-continue"));
  change_policy([](Json& body) {
    body["StatefulEngineOptions"].erase("StreamExceptionPolicy");
    body["StatelessDefaultActions"] = {"aws:pass"};
  });
  const auto out = run();
  EXPECT_THAT(codes(out, Severity::ok), Contains("stream-exception")) << "DROP is the default";
  EXPECT_THAT(problems(out), Contains("stateless-bypass"));
}

TEST_F(DoctorTest, TheAlertLogIsMissing) {
  const auto change_log = [&](const Json& destinations) {
    const auto done = raw("NETWORK_FIREWALL", "network-firewall")
                          .call_json("1.0", "NetworkFirewall_20201112.UpdateLoggingConfiguration",
                                     {{"FirewallName", lab::firewall_name},
                                      {"LoggingConfiguration", {{"LogDestinationConfigs", destinations}}}},
                                     aws::ServiceClient::Repeat::safe);
    ASSERT_TRUE(done.has_value()) << done.error().to_text();
  };
  change_log(Json::array());
  EXPECT_THAT(warnings(run()), Contains("alert-log-missing"));
  change_log(
      Json::array({{{"LogType", "FLOW"}, {"LogDestinationType", "S3"}, {"LogDestination", {{"bucketName", "b"}}}}}));
  context_.settings.action = Action::alert;
  block_names({"evil-corp.com"}, hours{1});
  EXPECT_THAT(problems(run()), Contains("alert-log-missing")) << "rules that only alert do nothing then";
  inject("DescribeLoggingConfiguration", "AccessDeniedException", 1);
  EXPECT_THAT(warnings(run()), Contains("alert-log-unreadable"));
}

TEST_F(DoctorTest, BlocksThatAreOverOrDamaged) {
  block_names({"short.example"}, hours{1});
  ahead_ += hours{2};
  EXPECT_THAT(warnings(run()), Contains("over-standing"));
  const auto group = client().describe_rule_group("intelwall-blocks-1").value_or(aws::RuleGroupState{});
  auto body = group.body;
  auto text = body["RulesSource"]["RulesString"].get<std::string>();
  text.replace(text.find("short.example"), 5, "other");
  body["RulesSource"]["RulesString"] = text;
  ASSERT_TRUE(client().update_rule_group(group, body, aws::DryRun::no).has_value());
  EXPECT_THAT(warnings(run()), Contains("damaged-rule"));
}

TEST_F(DoctorTest, CustomActionsAndSecurityHub) {
  const auto arn = fmt::format("arn:aws:securityhub:us-east-1:{}:action/custom/intelwallforce", lab::account_id);
  aws::HttpRequest request;
  request.method = "DELETE";
  request.path = "/actionTargets/" + arn;
  ASSERT_TRUE(raw("SECURITYHUB", "securityhub").call_rest(request, aws::ServiceClient::Repeat::safe).has_value());
  const auto out = run();
  EXPECT_THAT(warnings(out), testing::ElementsAre("custom-action-missing"));
  EXPECT_THAT(to_text(out), HasSubstr("create-action-target --id intelwallforce --name \"intelwall force\""));
  inject("DescribeActionTargets", "InvalidAccessException", 1);
  EXPECT_THAT(warnings(run()), Contains("security-hub-unreadable"));
}

TEST_F(DoctorTest, ListsThatCannotBeRead) {
  ASSERT_TRUE(os::replace_file(directory_ / "allow.txt", "good.example\nnot a name\n").has_value());
  EXPECT_THAT(problems(run()), Contains("list-unreadable"));
  context_.settings.allow_list.reset();
  context_.settings.warn_list = ListPlace{ListPlace::Kind::file, (directory_ / "missing.txt").string()};
  EXPECT_THAT(problems(run()), Contains("list-unreadable"));
}

TEST_F(DoctorTest, ADomainListWithAnExpiry) {
  context_.settings.firewall.format = firewalls::Format::domain_list;
  EXPECT_THAT(warnings(run()), Contains("no-expiry"));
}

TEST_F(DoctorTest, WhatCannotBeReadIsOneCheckAndStopsNoOther) {
  inject("DescribeFirewall", "AccessDeniedException", 1);
  auto out = run();
  EXPECT_THAT(problems(out), testing::ElementsAre("firewall-unreadable"));
  EXPECT_THAT(codes(out, Severity::ok), Contains("custom-actions"));
  EXPECT_EQ(exit_code(out), 1);
  inject("DescribeFirewallPolicy", "AccessDeniedException", 1);
  EXPECT_THAT(problems(run()), testing::ElementsAre("policy-unreadable"));
  context_.settings.firewall.firewall = "missing";
  EXPECT_THAT(problems(run()), testing::ElementsAre("firewall-unreadable"));
  context_.settings.firewall.firewall.clear();
  EXPECT_THAT(problems(run()), testing::ElementsAre("aws-unreachable"));
}

TEST_F(DoctorTest, NoCredentials) {
  auto bare = variables_;
  bare.erase("AWS_ACCESS_KEY_ID");
  bare.erase("AWS_SECRET_ACCESS_KEY");
  bare["AWS_EC2_METADATA_DISABLED"] = "true";
  bare["HOME"] = directory_.string();
  context_.session.reset();
  context_.env = [bare](const std::string& name) -> std::optional<std::string> {
    const auto found = bare.find(name);
    return found == bare.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_THAT(problems(run()), testing::ElementsAre("aws-unreachable"));
}

TEST_F(DoctorTest, WhatTheFirewallDoesNotTakeIsTriedAndTold) {
  inject("CreateRuleGroup", "InvalidRequestException", 2);
  EXPECT_THAT(warnings(run()), testing::ElementsAre("packed-refused", "quic-refused"));
  inject("CreateRuleGroup", "AccessDeniedException", 1);
  EXPECT_THAT(warnings(run()), testing::ElementsAre("trial-failed"));
  EXPECT_THAT(client().describe_rule_group("intelwall-doctor-trial").error().code, ErrorCode::not_found);
}

TEST_F(DoctorTest, TheProductsSubscription) {
  const auto arn = fmt::format("arn:aws:securityhub:us-east-1:{}:product-subscription/crowdstrike/crowdstrike-falcon",
                               lab::account_id);
  aws::HttpRequest request;
  request.method = "DELETE";
  request.path = "/productSubscriptions/" + arn;
  const auto done = raw("SECURITYHUB", "securityhub").call_rest(request, aws::ServiceClient::Repeat::safe);
  ASSERT_TRUE(done.has_value()) << done.error().to_text();
  const auto out = run();
  EXPECT_THAT(warnings(out), testing::ElementsAre("product-missing"));
  EXPECT_THAT(to_text(out), HasSubstr("517716713836:product/crowdstrike/crowdstrike-falcon"));
}

TEST_F(DoctorTest, FalconsScopes) {
  auto started = lab::start_falcon({.port = 0, .client_secret = "the-secret"});
  ASSERT_TRUE(started.has_value());
  const auto& endpoint = *started;
  const auto use = [&](const std::string& secret) {
    auto variables = variables_;
    variables["FALCON_CLIENT_ID"] = lab::falcon_client_id;
    variables["FALCON_CLIENT_SECRET"] = secret;
    variables["FALCON_BASE_URL"] = "http://127.0.0.1:" + std::to_string(endpoint->port());
    context_.env = [variables](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
  };
  use("the-secret");
  EXPECT_THAT(codes(run(), Severity::ok), Contains("falcon"));
  use("wrong");
  EXPECT_THAT(warnings(run()), testing::ElementsAre("falcon-unreachable"));
  // A key without one of the scopes.
  use("the-secret");
  const auto client = open_falcon(context_);
  ASSERT_TRUE(client.has_value());
  const auto broken = (*client)->call({.method = "POST",
                                       .path = "/lab/falcon/faults",
                                       .body = R"({"fault":"api","path":"/alerts/","status":403})",
                                       .origin = {}});
  ASSERT_TRUE(broken.has_value()) << broken.error().to_text();
  const auto out = run();
  EXPECT_THAT(warnings(out), testing::ElementsAre("falcon-scope-missing"));
  EXPECT_THAT(to_text(out), HasSubstr("Alerts: Read"));
  endpoint->stop();
}

class SlowZonesTest : public DoctorTest {
 protected:
  void SetUp() override { set_up({.sync_delay = std::chrono::minutes{10}}); }
};

TEST_F(SlowZonesTest, ZonesThatAreBehind) {
  EXPECT_THAT(warnings(run()), Contains("sync-pending"));
}

class ActionOrderTest : public DoctorTest {
 protected:
  void SetUp() override { set_up({.strict_order = false}); }
};

TEST_F(ActionOrderTest, EveryPassRuleWins) {
  const auto out = run();
  EXPECT_THAT(warnings(out), testing::ElementsAre("action-order"));
  const auto made = client().create_rule_group(
      "theirs", {{"RulesSource", {{"RulesString", "pass tls any any -> any any (msg:\"x\"; sid:1;)"}}}}, 10, "", {},
      aws::DryRun::no);
  ASSERT_TRUE(made.has_value());
  change_policy([&](Json& body) { body["StatefulRuleGroupReferences"].push_back({{"ResourceArn", made->arn}}); });
  EXPECT_THAT(problems(run()), Contains("earlier-pass-all"));
}

/// What the lab's firewall cannot be.
TEST_F(DoctorTest, WhoseThePolicyIs) {
  FirewallFacts facts;
  facts.policy.body = {{"StatelessDefaultActions", {"aws:forward_to_sfe"}}};
  const auto owner = [&]() -> Check {
    for (const auto& check : examine(facts, context_.settings, {}))
      if (check.code == "policy-owner" || check.code == "firewall-manager") return check;
    return {};
  };
  facts.firewall.name = "inspection-FMManagedNetworkFirewall";
  facts.policy.name = "inspection";
  EXPECT_EQ(owner().code, "policy-owner");
  facts.firewall.name = "FMManagedNetworkFirewallteam0123vpc-0123456789abcdef0";
  EXPECT_EQ(owner().severity, Severity::problem);
  EXPECT_THAT(owner().hint, HasSubstr("FirewallManager: yes"));
  facts.groups.push_back({.reference = {}, .name = "theirs", .ours = false, .state = {}});
  EXPECT_EQ(owner().severity, Severity::problem);
  facts.groups.push_back({.reference = {}, .name = "intelwall-blocks-1", .ours = true, .state = {}});
  EXPECT_EQ(owner().severity, Severity::ok);
  EXPECT_EQ(owner().code, "firewall-manager");
  facts.firewall.name = "inspection";
  facts.policy.name = "FMManagedNetworkFirewallPolicyteam0123vpc-0123456789abcdef0";
  EXPECT_EQ(owner().code, "firewall-manager");
}

TEST_F(DoctorTest, StatesThatTheLabDoesNotHave) {
  FirewallFacts facts;
  facts.firewall = client().describe_firewall(lab::firewall_name).value_or(aws::FirewallState{});
  facts.policy = client().describe_policy(lab::policy_name).value_or(aws::PolicyState{});
  const auto find = [&](const char* code) {
    const auto checks = examine(facts, context_.settings, {});
    const auto found = std::ranges::find(checks, code, &Check::code);
    return found == checks.end() ? std::nullopt : std::optional(found->severity);
  };
  EXPECT_EQ(find("firewall"), Severity::ok);
  facts.firewall.status = "PROVISIONING";
  EXPECT_EQ(find("firewall-not-ready"), Severity::problem);
  facts.firewall.status = "READY";
  facts.firewall.sync[facts.policy.arn][0].status = "CAPACITY_CONSTRAINED";
  EXPECT_EQ(find("sync-failed"), Severity::problem);
  facts.firewall.sync[facts.policy.arn][0] = {"a", "IN_SYNC", "an older token"};
  EXPECT_EQ(find("sync-pending"), Severity::warning);
  facts.firewall.sync.clear();
  EXPECT_EQ(find("no-zone"), Severity::problem);
}

}  // namespace
}  // namespace intelwall::app
