// Every order of pass, drop, reject and alert groups, in strict and in action order, judged by packets: the real
// Suricata replays one flow for each combination of groups that name it, and a model of what the developer guide says
// tells what must have happened.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "lab/engine.hpp"
#include "lab/policy_compiler.hpp"
#include "rules/pcap.hpp"

namespace intelwall::lab {
namespace {

using intelwall::testing::Pcap;
using intelwall::testing::replay;
using Json = nlohmann::json;

constexpr std::array<const char*, 4> actions = {"pass", "drop", "reject", "alert"};

PolicySnapshot policy_of(bool strict) {
  PolicySnapshot policy;
  policy.strict_order = strict;
  policy.vpc_cidr = "10.0.0.0/8";
  return policy;
}

PolicyGroup group_of(const std::string& name, int priority, const std::string& rules) {
  return {"arn:aws:network-firewall:us-east-1:111122223333:stateful-rulegroup/" + name, priority,
          Json{{"RulesSource", {{"RulesString", rules}}}}};
}

/// What the guide says: the first group, or (action order) pass, then the rest.
struct Expected {
  bool passed = true;
  std::set<std::uint32_t> logged;
};
Expected model(const std::vector<int>& order, unsigned named, bool strict) {
  Expected expected;
  auto sequence = order;
  if (!strict && (named & 1u) != 0) return expected;  // pass, before all others
  for (const int action : sequence) {
    if ((named >> action & 1u) == 0) continue;
    if (action == 0) break;
    expected.logged.insert(static_cast<std::uint32_t>(action));
    if (action == 1 || action == 2) expected.passed = false;
    if (strict && action != 3) break;
  }
  return expected;
}

enum class Carrier { tls, http, dns_udp, dns_tcp };

std::uint16_t send(Pcap& pcap, Carrier carrier, const std::string& name) {
  switch (carrier) {
    case Carrier::tls:
      return pcap.tls(name);
    case Carrier::http:
      return pcap.http(name);
    case Carrier::dns_udp:
      return pcap.dns_udp(name);
    case Carrier::dns_tcp:
      return pcap.dns_tcp(name);
  }
  return 0;
}

/// The rules of one action's group: they name sN.example for each N whose bit of this action is set.
std::string rules_of(int action) {
  std::string alternatives;
  for (unsigned named = 0; named < 16; ++named) {
    if ((named >> action & 1u) != 0) alternatives += fmt::format("{}s{}", alternatives.empty() ? "" : "|", named);
  }
  struct Buffer {
    const char *header, *keyword, *nocase, *flag;
  };
  constexpr Buffer buffers[] = {{"tls $HOME_NET any -> $EXTERNAL_NET any", "tls.sni", " nocase;", "i"},
                                {"http $HOME_NET any -> $EXTERNAL_NET any", "http.host", "", ""},
                                {"dns $HOME_NET any -> any any", "dns.query", " nocase;", "i"}};
  std::string text;
  int protocol = 0;
  for (const auto& buffer : buffers) {
    text += fmt::format(
        "{} {} ({}; content:\".example\"; endswith;{} pcre:\"/^({})\\.example$/{}\"; flow:to_server; "
        "msg:\"rule of {}\"; metadata:iw_id abc; sid:{};)\n",
        actions[static_cast<std::size_t>(action)], buffer.header, buffer.keyword, buffer.nocase, alternatives,
        buffer.flag, actions[static_cast<std::size_t>(action)], 100 * ++protocol + action);
  }
  return text;
}

class EveryOrder : public ::testing::TestWithParam<std::tuple<int, bool>> {};

TEST_P(EveryOrder, MeansWhatTheGuideSays) {
  if (!intelwall::testing::has_suricata()) GTEST_SKIP() << "suricata is not installed: run scripts/setup";
  const auto [index, strict] = GetParam();
  std::vector<int> order = {0, 1, 2, 3};
  for (int i = 0; i < index; ++i) std::ranges::next_permutation(order);

  auto policy = policy_of(strict);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto action = order[i];
    policy.groups.push_back(
        group_of(actions[static_cast<std::size_t>(action)], static_cast<int>(i + 1) * 10, rules_of(action)));
    if (!strict) policy.groups.back().priority.reset();
  }
  std::ranges::reverse(policy.groups);  // the snapshot is in any order
  const auto compiled = compile_policy(policy);
  ASSERT_TRUE(compiled) << compiled.error().to_text();

  Pcap pcap;
  struct Flow {
    unsigned named;
    Carrier carrier;
  };
  std::map<std::uint16_t, Flow> flows;
  for (unsigned named = 0; named < 16; ++named) {
    for (const auto carrier : {Carrier::tls, Carrier::http, Carrier::dns_udp, Carrier::dns_tcp}) {
      flows[send(pcap, carrier, fmt::format("s{}.example", named))] = {named, carrier};
    }
  }
  const auto result = replay(*compiled, pcap.bytes());
  for (const auto& [port, flow] : flows) {
    const auto expected = model(order, flow.named, strict);
    const auto what =
        fmt::format("named by {:04b} (alert reject drop pass), carrier {}", flow.named, static_cast<int>(flow.carrier));
    EXPECT_EQ(!result.dropped.contains(port), expected.passed) << what;
    std::set<std::uint32_t> logged;
    if (const auto found = result.alerts.find(port); found != result.alerts.end()) {
      for (const auto& alert : found->second) {
        EXPECT_TRUE(logged.insert(alert.sid % 100).second) << what << ": logged twice";
        EXPECT_EQ(alert.blocked, alert.sid % 100 != 3) << what;
      }
    }
    EXPECT_EQ(logged, expected.logged) << what;
  }
}
INSTANTIATE_TEST_SUITE_P(Strict, EveryOrder, ::testing::Combine(::testing::Range(0, 24), ::testing::Values(true)));
INSTANTIATE_TEST_SUITE_P(Action, EveryOrder, ::testing::Combine(::testing::Range(0, 24), ::testing::Values(false)));

}  // namespace
}  // namespace intelwall::lab
