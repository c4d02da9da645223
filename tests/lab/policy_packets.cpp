// Strict order beyond one buffer and one packet: packet rules beside transaction rules, requests cut into segments,
// rules with flow bits and classes of their own, domain lists, default actions; judged by the real Suricata.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "lab/engine.hpp"
#include "lab/policy_compiler.hpp"
#include "rules/pcap.hpp"

namespace intelwall::lab {
namespace {

using intelwall::testing::http_request;
using intelwall::testing::Pcap;
using intelwall::testing::Replay;
using Json = nlohmann::json;

class PolicyPackets : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!intelwall::testing::has_suricata()) GTEST_SKIP() << "suricata is not installed: run scripts/setup";
    policy.vpc_cidr = "10.0.0.0/8";
  }
  void add(const std::string& text) {
    policy.groups.push_back({fmt::format("arn:x/g{}", policy.groups.size()), static_cast<int>(policy.groups.size()) + 1,
                             Json{{"RulesSource", {{"RulesString", text}}}}});
  }
  void add_list(const std::string& type, const std::vector<std::string>& targets) {
    policy.groups.push_back(
        {fmt::format("arn:x/g{}", policy.groups.size()), static_cast<int>(policy.groups.size()) + 1,
         Json{{"RulesSource",
               {{"RulesSourceList",
                 {{"Targets", targets}, {"TargetTypes", {"TLS_SNI", "HTTP_HOST"}}, {"GeneratedRulesType", type}}}}}}});
  }
  Replay run() {
    if (!policy.strict_order) {
      for (auto& group : policy.groups) group.priority.reset();
    }
    const auto compiled = compile_policy(policy);
    if (!compiled) {
      ADD_FAILURE() << compiled.error().to_text();
      return {};
    }
    rules = compiled->rules;
    return intelwall::testing::replay(*compiled, pcap.bytes());
  }
  PolicySnapshot policy;
  Pcap pcap;
  std::string rules;
};

std::string tls(const std::string& action, const std::string& name, int sid, const std::string& more = {}) {
  return fmt::format(
      "{} tls $HOME_NET any -> $EXTERNAL_NET any (tls.sni; content:\"{}\"; startswith; endswith; nocase; {} sid:{};)\n",
      action, name, more, sid);
}

TEST_F(PolicyPackets, HandshakesPassAndTheRestIsDropped) {
  // The usual default-deny of the guides: what is not passed by name is dropped once its name is known.
  add("pass tcp $HOME_NET any <> any any (flow:not_established; sid:1;)\n" + tls("pass", "good.example", 2) +
      "drop tls any any -> any any (ssl_state:client_hello; sid:3;)\n");
  const auto good = pcap.tls("good.example");
  const auto bad = pcap.tls("bad.example");
  const auto result = run();
  EXPECT_FALSE(result.dropped.contains(good)) << rules;
  EXPECT_TRUE(result.dropped.contains(bad)) << rules;
  EXPECT_TRUE(result.logged(bad, 3));
}

TEST_F(PolicyPackets, APacketRuleDecidesForItsPacketOnly) {
  // Were the pass of the handshake kept for the flow, nothing would ever be dropped.
  add("pass tcp any any <> any any (flow:not_established; sid:1;)\n");
  add("drop tcp any any -> any 443 (flow:established,to_server; sid:2;)\n");
  add("alert tcp any any -> any [80,443] (sid:3;)\n");
  const auto tls_flow = pcap.tls("a.example");
  const auto http_flow = pcap.http("a.example");
  const auto result = run();
  EXPECT_TRUE(result.dropped.contains(tls_flow)) << rules;
  EXPECT_TRUE(result.logged(tls_flow, 2));
  EXPECT_FALSE(result.logged(tls_flow, 3)) << "after pass or drop nothing follows";
  EXPECT_FALSE(result.dropped.contains(http_flow));
  EXPECT_TRUE(result.logged(http_flow, 3));
}

TEST_F(PolicyPackets, DropsOfEveryPacketGoOn) {
  add("drop tcp any any -> any 443 (sid:1;)\n");
  add("alert tcp any any -> any any (sid:2;)\n");
  const auto flow = pcap.tls("a.example");
  const auto result = run();
  EXPECT_TRUE(result.dropped.contains(flow));
  ASSERT_TRUE(result.alerts.contains(flow));
  for (const auto& alert : result.alerts.at(flow)) EXPECT_TRUE(alert.sid == 1 || !alert.blocked);
  EXPECT_GT(result.alerts.at(flow).size(), 3u) << "each packet is dropped, not only the first";
}

TEST_F(PolicyPackets, AnAddressPassedAtTheFirstPacketIsPassedBothWays) {
  add("pass ip 10.1.2.3 any -> 198.51.100.7 any (sid:1;)\n");
  add("drop ip any any -> any any (sid:2;)\n");
  add(tls("drop", "bad.example", 3));
  const auto flow = pcap.tls("bad.example");
  const auto query = pcap.dns_udp("a.example");
  const auto result = run();
  EXPECT_FALSE(result.dropped.contains(flow)) << rules;
  EXPECT_FALSE(result.dropped.contains(query)) << rules;
}

TEST_F(PolicyPackets, TransactionDropBeforeProtocolPass) {
  add(tls("drop", "bad.example", 1));
  add("pass tls any any -> any any (flow:to_server; sid:2;)\n");
  add("drop tcp any any -> any 80 (sid:3;)\n");
  const auto bad = pcap.tls("bad.example");
  const auto good = pcap.tls("good.example");
  const auto http = pcap.http("good.example");
  const auto result = run();
  EXPECT_TRUE(result.dropped.contains(bad)) << "the pass stands after it\n" << rules;
  EXPECT_FALSE(result.dropped.contains(good)) << rules;
  EXPECT_TRUE(result.dropped.contains(http));
}

TEST_F(PolicyPackets, TransactionRulesKnowOfPacketRulesBeforeThem) {
  add("pass tls any any -> any any (flow:to_server; sid:1;)\n");
  add(tls("drop", "bad.example", 2));
  add(tls("alert", "bad.example", 3));
  const auto bad = pcap.tls("bad.example");
  const auto result = run();
  EXPECT_FALSE(result.dropped.contains(bad)) << rules;
  EXPECT_FALSE(result.alerts.contains(bad)) << rules;
}

TEST_F(PolicyPackets, RequestsInManySegments) {
  const auto http = [](const std::string& action, const std::string& options, int sid) {
    return fmt::format("{} http any any -> any any ({} flow:to_server; sid:{};)\n", action, options, sid);
  };
  const std::string get = "http.method; content:\"GET\"; ";
  add(http("pass", get + "http.uri; content:\"/ok\"; startswith; http.host; content:\"good.example\";", 1));
  add(http("drop", get + "http.host; content:\"bad.example\"; http.user_agent; content:\"test\";", 2));
  add(http("reject", "http.uri; content:\"/worse\"; fast_pattern; http.host; content:\"worse.example\";", 3));
  add(http("alert", get + "http.host; content:\".example\";", 4));
  add(http("drop", get + "http.host; content:\"last.example\";", 5));
  for (const std::size_t segment : {1400u, 40u, 17u, 5u, 1u}) {
    const auto send = [&](const std::string& host, const std::string& target) {
      return pcap.tcp(80, http_request(host, target), segment);
    };
    const auto good = send("good.example", "/ok");
    const auto good_elsewhere = send("good.example", "/no");
    const auto bad = send("bad.example", "/");
    const auto worse = send("worse.example", "/worse");
    const auto last = send("last.example", "/");
    const auto result = run();
    const auto what = fmt::format("segments of {}\n", segment) + rules;
    EXPECT_FALSE(result.dropped.contains(good)) << what;
    EXPECT_FALSE(result.alerts.contains(good)) << what;
    EXPECT_FALSE(result.dropped.contains(good_elsewhere)) << what;
    EXPECT_TRUE(result.logged(good_elsewhere, 4)) << what;
    EXPECT_TRUE(result.dropped.contains(bad)) << what;
    EXPECT_TRUE(result.logged(bad, 2)) << what;
    EXPECT_FALSE(result.logged(bad, 4)) << what;
    EXPECT_TRUE(result.dropped.contains(worse)) << what;
    EXPECT_TRUE(result.logged(worse, 3)) << what;
    EXPECT_TRUE(result.dropped.contains(last)) << what;
    EXPECT_TRUE(result.logged(last, 4) && result.logged(last, 5)) << what;
    pcap = Pcap();
  }
}

TEST_F(PolicyPackets, ClientHellosInManySegments) {
  add(tls("drop", "bad.example", 1));
  add(tls("alert", "bad.example", 2));
  add(tls("pass", "good.example", 3));
  add(tls("reject", "good.example", 4));
  std::vector<std::uint16_t> bad, good;
  for (const std::size_t segment : {1400u, 60u, 20u, 3u}) {
    bad.push_back(pcap.tls("Bad.Example", segment));
    good.push_back(pcap.tls("good.example", segment));
  }
  const auto result = run();
  for (const auto port : bad) {
    EXPECT_TRUE(result.dropped.contains(port)) << rules;
    EXPECT_TRUE(result.logged(port, 1));
    EXPECT_FALSE(result.logged(port, 2));
  }
  for (const auto port : good) EXPECT_FALSE(result.dropped.contains(port)) << rules;
}

TEST_F(PolicyPackets, FlowBitsOfTheRulesThemselves) {
  add(tls("alert", "bad.example", 1, "flowbits:set,mine; noalert;"));
  add(tls("drop", "bad.example", 2, "flowbits:isset,mine; flowbits:set,done;"));
  add(tls("drop", "good.example", 3, "flowbits:isset,mine;"));
  add(tls("drop", "once.example", 4, "flowbits:isnotset,done; flowbits:set,done;"));
  add(tls("alert", "good.example", 5));
  const auto bad = pcap.tls("bad.example");
  const auto good = pcap.tls("good.example");
  const auto once = pcap.tls("once.example");
  const auto result = run();
  EXPECT_TRUE(result.dropped.contains(bad)) << rules;
  EXPECT_TRUE(result.logged(bad, 2));
  EXPECT_FALSE(result.logged(bad, 1)) << "noalert";
  EXPECT_FALSE(result.dropped.contains(good)) << rules;
  EXPECT_TRUE(result.logged(good, 5));
  EXPECT_TRUE(result.dropped.contains(once)) << rules;
}

TEST_F(PolicyPackets, AClassDoesNotMoveARule) {
  add(tls("pass", "a.example", 1, "classtype:not-suspicious;"));
  add(tls("drop", "a.example", 2, "classtype:trojan-activity;"));
  add(tls("alert", "b.example", 3, "classtype:not-suspicious;"));
  add(tls("drop", "b.example", 4, "classtype:trojan-activity;"));
  const auto a = pcap.tls("a.example");
  const auto b = pcap.tls("b.example");
  const auto result = run();
  EXPECT_FALSE(result.dropped.contains(a)) << rules;
  EXPECT_TRUE(result.dropped.contains(b));
  EXPECT_TRUE(result.logged(b, 3)) << rules;
}

TEST_F(PolicyPackets, RandomPoliciesMeanWhatAModelSays) {
  // 60 names, each in random rules at random places; top down, the first that is no alert ends it.
  std::mt19937 random(11);
  const std::array<std::string, 4> actions = {"pass", "drop", "reject", "alert"};
  struct Rule {
    int name;
    std::size_t action;
  };
  std::vector<Rule> order;
  std::string text;
  for (int sid = 1; sid <= 200; ++sid) {
    order.push_back({static_cast<int>(random() % 60), random() % 4});
    text += tls(actions[order.back().action], fmt::format("n{}.example", order.back().name), sid);
  }
  add(text);
  std::map<int, std::uint16_t> ports;
  for (int name = 0; name < 60; ++name) ports[name] = pcap.tls(fmt::format("n{}.example", name));
  const auto result = run();
  for (const auto& [name, port] : ports) {
    std::set<std::uint32_t> logged;
    bool dropped = false;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (order[i].name != name) continue;
      if (order[i].action != 0) logged.insert(static_cast<std::uint32_t>(i + 1));
      dropped |= order[i].action == 1 || order[i].action == 2;
      if (order[i].action != 3) break;
    }
    EXPECT_EQ(result.dropped.contains(port), dropped) << name;
    std::set<std::uint32_t> seen;
    if (const auto found = result.alerts.find(port); found != result.alerts.end()) {
      for (const auto& alert : found->second) seen.insert(alert.sid);
    }
    EXPECT_EQ(seen, logged) << name;
  }
}

class DomainListPackets : public PolicyPackets, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Orders, DomainListPackets, ::testing::Bool());

TEST_P(DomainListPackets, DenyAndAlert) {
  policy.strict_order = GetParam();
  add_list("DENYLIST", {"exact.example", ".below.example"});
  add_list("ALERTLIST", {"seen.example", "exact.example"});
  std::map<std::string, bool> names = {
      {"exact.example", true},     {"EXACT.example", true}, {"www.exact.example", false},
      {"notexact.example", false}, {"below.example", true}, {"a.b.Below.example", true},
      {"notbelow.example", false}, {"seen.example", false}, {"below.example.org", false}};
  std::map<std::uint16_t, std::string> flows;
  for (const auto& [name, blocked] : names) {
    flows[pcap.tls(name)] = name;
    flows[pcap.http(name)] = name;
  }
  const auto result = run();
  for (const auto& [port, name] : flows) EXPECT_EQ(result.dropped.contains(port), names[name]) << name << "\n" << rules;
  const auto log_of = [&](const std::string& name) {
    std::set<std::string> messages;
    for (const auto& [port, flow] : flows) {
      if (flow != name || !result.alerts.contains(port)) continue;
      for (const auto& alert : result.alerts.at(port)) messages.insert(alert.message);
    }
    return messages;
  };
  EXPECT_EQ(log_of("seen.example"),
            (std::set<std::string>{"matching TLS alertlisted FQDNs", "matching HTTP alertlisted FQDNs"}));
  EXPECT_TRUE(log_of("exact.example").contains("matching TLS denylisted FQDNs"));
}

TEST_P(DomainListPackets, AllowDropsWhatItDoesNotName) {
  policy.strict_order = GetParam();
  add_list("ALLOWLIST", {".good.example"});
  const auto good = pcap.tls("www.good.example");
  const auto good_http = pcap.http("good.example");
  const auto other = pcap.tls("other.example");
  const auto other_http = pcap.http("other.example");
  const auto query = pcap.dns_udp("other.example");
  const auto result = run();
  EXPECT_FALSE(result.dropped.contains(good)) << rules;
  EXPECT_FALSE(result.dropped.contains(good_http)) << rules;
  EXPECT_TRUE(result.dropped.contains(other)) << rules;
  EXPECT_TRUE(result.dropped.contains(other_http)) << rules;
  EXPECT_FALSE(result.dropped.contains(query));
}

TEST_F(PolicyPackets, DropEstablishedLeavesHandshakesAndWhatIsPassed) {
  policy.default_actions = {"aws:drop_established", "aws:alert_established"};
  add(tls("pass", "good.example", 1));
  const auto good = pcap.tls("good.example");
  const auto bad = pcap.tls("bad.example");
  const auto http = pcap.http("good.example");
  const auto query = pcap.dns_udp("good.example");
  const auto raw = pcap.tcp(9999, std::string(400, 'x'));
  const auto result = run();
  EXPECT_FALSE(result.dropped.contains(good)) << rules;
  EXPECT_FALSE(result.alerts.contains(good)) << rules;
  for (const auto port : {bad, http, query, raw}) {
    EXPECT_TRUE(result.dropped.contains(port)) << port << "\n" << rules;
    ASSERT_TRUE(result.alerts.contains(port)) << port;
    EXPECT_EQ(result.alerts.at(port).front().message, "aws:alert_established action");
    EXPECT_EQ(result.alerts.at(port).back().message, "aws:drop_established action");
  }
}

TEST_F(PolicyPackets, DropStrictDropsHandshakesToo) {
  policy.default_actions = {"aws:drop_strict"};
  add(tls("pass", "good.example", 1) + "pass udp any any <> any 53 (sid:2;)\n");
  const auto good = pcap.tls("good.example");
  const auto query = pcap.dns_udp("a.example");
  const auto result = run();
  EXPECT_TRUE(result.dropped.contains(good)) << rules;
  EXPECT_FALSE(result.dropped.contains(query)) << rules;
}

TEST_F(PolicyPackets, PriorityOrdersAlertsOfAnActionOrderPolicy) {
  policy.strict_order = false;
  add(tls("alert", "a.example", 1, "priority:3;") + tls("alert", "a.example", 2, "priority:1;"));
  const auto port = pcap.tls("a.example");
  const auto result = run();
  ASSERT_TRUE(result.alerts.contains(port));
  ASSERT_EQ(result.alerts.at(port).size(), 2u);
  EXPECT_EQ(result.alerts.at(port)[0].sid, 2u);
}

}  // namespace
}  // namespace intelwall::lab
