#include "lab/policy_compiler.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lab/policy_compiler_groups.hpp"
#include "lab/policy_compiler_strict.hpp"

namespace intelwall::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

PolicyGroup group(const std::string& name, std::optional<int> priority, Json source, Json variables = nullptr) {
  Json body = {{"RulesSource", std::move(source)}};
  if (!variables.is_null()) body["RuleVariables"] = std::move(variables);
  return {"arn:aws:network-firewall:us-east-1:111122223333:stateful-rulegroup/" + name, priority, std::move(body)};
}
PolicyGroup text_group(const std::string& name, std::optional<int> priority, const std::string& rules,
                       Json variables = nullptr) {
  return group(name, priority, {{"RulesString", rules}}, std::move(variables));
}
PolicySnapshot snapshot(bool strict, std::vector<PolicyGroup> groups) {
  PolicySnapshot policy;
  policy.strict_order = strict;
  policy.groups = std::move(groups);
  return policy;
}
std::string rule(const std::string& action, const std::string& options) {
  return fmt::format("{} tls $HOME_NET any -> $EXTERNAL_NET any ({})\n", action, options);
}

TEST(DomainList, ExpandsAsTheDeveloperGuideShows) {
  const auto rules = expand_domain_list({{"Targets", {"evil.com", ".amazon.com"}},
                                         {"TargetTypes", {"TLS_SNI", "HTTP_HOST"}},
                                         {"GeneratedRulesType", "DENYLIST"}});
  ASSERT_TRUE(rules) << rules.error().to_text();
  ASSERT_EQ(rules->size(), 4u);
  EXPECT_EQ(to_string((*rules)[0]),
            "drop tls $HOME_NET any -> $EXTERNAL_NET any (ssl_state:client_hello; tls.sni; content:\"evil.com\"; "
            "startswith; nocase; endswith; msg:\"matching TLS denylisted FQDNs\"; priority:1; flow:to_server, "
            "established; sid:1; rev:1;)");
  EXPECT_EQ(to_string((*rules)[1]),
            "drop http $HOME_NET any -> $EXTERNAL_NET any (http.host; content:\"evil.com\"; startswith; endswith; "
            "msg:\"matching HTTP denylisted FQDNs\"; priority:1; flow:to_server, established; sid:2; rev:1;)");
  EXPECT_THAT(to_string((*rules)[2]), HasSubstr("tls.sni; dotprefix; content:\".amazon.com\"; nocase; endswith;"));
  EXPECT_THAT(to_string((*rules)[3]), HasSubstr("http.host; dotprefix; content:\".amazon.com\"; endswith;"));
}

TEST(DomainList, AnAllowListEndsInDropsOfItsProtocols) {
  const auto rules = expand_domain_list(
      {{"Targets", {"good.com"}}, {"TargetTypes", {"HTTP_HOST", "TLS_SNI"}}, {"GeneratedRulesType", "ALLOWLIST"}});
  ASSERT_TRUE(rules);
  ASSERT_EQ(rules->size(), 4u);
  EXPECT_EQ((*rules)[0].action, "pass");
  EXPECT_EQ((*rules)[1].action, "pass");
  EXPECT_EQ(
      to_string((*rules)[2]),
      "drop tls $HOME_NET any -> $EXTERNAL_NET any (ssl_state:client_hello; msg:\"not matching any TLS allowlisted "
      "FQDNs\"; priority:1; flow:to_server, established; sid:3; rev:1;)");
  EXPECT_THAT(to_string((*rules)[3]),
              AllOf(HasSubstr("drop http"), HasSubstr("http.header_names; content:\"|0d 0a|\"")));
}

TEST(DomainList, RefusesWhatIsNoList) {
  for (const auto& bad :
       {Json{{"Targets", {"a.b"}}, {"TargetTypes", {"TLS_SNI"}}, {"GeneratedRulesType", "MAYBE"}},
        Json{{"Targets", {"a.b"}}, {"TargetTypes", Json::array()}, {"GeneratedRulesType", "DENYLIST"}},
        Json{{"Targets", {"a\"; sid:9;"}}, {"TargetTypes", {"TLS_SNI"}}, {"GeneratedRulesType", "DENYLIST"}},
        Json{{"Targets", {"."}}, {"TargetTypes", {"TLS_SNI"}}, {"GeneratedRulesType", "DENYLIST"}},
        Json{{"Targets", {1}}, {"TargetTypes", {"TLS_SNI"}}, {"GeneratedRulesType", "DENYLIST"}}, Json("x"),
        Json{{"TargetTypes", {"TLS_SNI"}}}}) {
    const auto rules = expand_domain_list(bad);
    ASSERT_FALSE(rules) << bad;
    EXPECT_FALSE(rules.error().hint.empty()) << bad;
  }
}

Json stateful(const std::string& action, const std::string& source, Json options) {
  return {{"Action", action},
          {"Header",
           {{"Protocol", "TCP"},
            {"Source", source},
            {"SourcePort", "ANY"},
            {"Direction", "FORWARD"},
            {"Destination", "ANY"},
            {"DestinationPort", "443"}}},
          {"RuleOptions", std::move(options)}};
}

TEST(StatefulRules, AreRenderedWithTheirOptions) {
  const auto rules =
      render_stateful_rules(Json::array({stateful("DROP", "$HOME_NET",
                                                  {{{"Keyword", "sid"}, {"Settings", {"7"}}},
                                                   {{"Keyword", "msg"}, {"Settings", {"\"a b\""}}},
                                                   {{"Keyword", "flow"}, {"Settings", {"to_server", "established"}}},
                                                   {{"Keyword", "noalert"}}})}));
  ASSERT_TRUE(rules) << rules.error().to_text();
  EXPECT_EQ(to_string(rules->front()),
            "drop tcp $HOME_NET any -> any 443 (sid:7; msg:\"a b\"; flow:to_server,established; noalert;)");
}

TEST(StatefulRules, AFieldCannotHoldRuleSyntax) {
  for (const auto& bad :
       {stateful("DROP", "any any -> any any (sid:1;) #", {{{"Keyword", "sid"}, {"Settings", {"7"}}}}),
        stateful("DROP", "ANY", {{{"Keyword", "sid"}, {"Settings", {"7; noalert"}}}}),
        stateful("DROP", "ANY", {{{"Keyword", "sid"}, {"Settings", {"7;)\ndrop ip any any -> any any (sid:8"}}}}),
        Json{{"Action", "DROP"}}, Json(3)}) {
    const auto rules = render_stateful_rules(Json::array({bad}));
    ASSERT_FALSE(rules) << bad;
    EXPECT_THAT(rules.error().place, HasSubstr("StatefulRules[0]"));
  }
}

struct Variables {
  std::string name;
  std::map<std::string, std::string> policy;
  Json group;
  std::string field;
  std::string expected;
};
class VariableTest : public ::testing::TestWithParam<Variables> {};

TEST_P(VariableTest, IsPutIn) {
  const auto& given = GetParam();
  auto policy = snapshot(
      true, {text_group("g", 1, fmt::format("drop tcp {} any -> any any (sid:1;)\n", given.field), given.group)});
  policy.variables = given.policy;
  policy.vpc_cidr = "10.1.0.0/16";
  const auto compiled = compile_policy(policy);
  ASSERT_TRUE(compiled) << compiled.error().to_text();
  EXPECT_THAT(compiled->rules, HasSubstr("drop tcp " + given.expected + " any -> any any (")) << compiled->rules;
}
INSTANTIATE_TEST_SUITE_P(
    All, VariableTest,
    ::testing::Values(
        Variables{"default home", {}, nullptr, "$HOME_NET", "10.1.0.0/16"},
        Variables{"default external", {}, nullptr, "$EXTERNAL_NET", "!10.1.0.0/16"},
        Variables{"policy home",
                  {{"HOME_NET", "[10.0.0.0/8,192.168.0.0/16]"}},
                  nullptr,
                  "$EXTERNAL_NET",
                  "![10.0.0.0/8,192.168.0.0/16]"},
        Variables{"group wins",
                  {{"HOME_NET", "10.0.0.0/8"}},
                  {{"IPSets", {{"HOME_NET", {{"Definition", {"10.9.0.0/16"}}}}}}},
                  "$HOME_NET",
                  "10.9.0.0/16"},
        Variables{"external stays the policy's",
                  {{"HOME_NET", "10.0.0.0/8"}},
                  {{"IPSets", {{"HOME_NET", {{"Definition", {"10.9.0.0/16"}}}}}}},
                  "$EXTERNAL_NET",
                  "!10.0.0.0/8"},
        Variables{"lists and negation",
                  {},
                  {{"IPSets", {{"A", {{"Definition", {"1.1.1.1", "2.2.2.2"}}}}, {"B", {{"Definition", {"3.3.3.3"}}}}}}},
                  "[$A,!$B]",
                  "[[1.1.1.1,2.2.2.2],!3.3.3.3]"},
        Variables{"double negation", {}, nullptr, "!$EXTERNAL_NET", "10.1.0.0/16"},
        Variables{"nested",
                  {},
                  {{"IPSets", {{"A", {{"Definition", {"$B", "5.5.5.5"}}}}, {"B", {{"Definition", {"3.3.3.3"}}}}}}},
                  "!$A",
                  "![3.3.3.3,5.5.5.5]"}),
    [](const auto& given) {
      auto name = given.param.name;
      std::ranges::replace_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
      return name;
    });

TEST(PolicyCompiler, PortVariablesArePutIn) {
  const auto compiled =
      compile_policy(snapshot(true, {text_group("g", 1, "drop tcp any $P -> any !$P (sid:1;)\n",
                                                {{"PortSets", {{"P", {{"Definition", {"80", "443"}}}}}}})}));
  ASSERT_TRUE(compiled) << compiled.error().to_text();
  EXPECT_EQ(compiled->rules, "drop tcp any [80,443] -> any ![80,443] (sid:1;)\n");
}

TEST(PolicyCompiler, UndefinedVariablesNameGroupAndLine) {
  for (const std::string field : {"$NOWHERE", "$", "[$HOME_NET,$B]"}) {
    const auto compiled =
        compile_policy(snapshot(true, {text_group("mine", 1, "\ndrop tcp " + field + " any -> any any (sid:1;)\n")}));
    ASSERT_FALSE(compiled) << field;
    EXPECT_THAT(compiled.error().message, HasSubstr("is not defined"));
    EXPECT_EQ(compiled.error().place, "group mine, line 2");
  }
  const auto loop = compile_policy(snapshot(true, {text_group("mine", 1, "drop tcp $A any -> any any (sid:1;)\n",
                                                              {{"IPSets", {{"A", {{"Definition", {"$A"}}}}}}})}));
  ASSERT_FALSE(loop);
  EXPECT_THAT(loop.error().message, HasSubstr("without end"));
}

TEST(PolicyCompiler, SidsAreNumberedOverAllGroupsAndMappedBack) {
  const auto compiled = compile_policy(snapshot(
      false,
      {text_group("a", {}, rule("drop", "tls.sni; content:\"x\"; msg:\"say \\\"x\\\"\\; now\"; sid:5; gid:3; rev:2;")),
       text_group("b", {},
                  rule("alert", "tls.sni; content:\"y\"; sid:5;") + rule("pass", "tls.sni; content:\"z\"; sid:1;"))}));
  ASSERT_TRUE(compiled) << compiled.error().to_text();
  EXPECT_EQ(compiled->order, EngineOrder::action);
  EXPECT_EQ(compiled->rule_count, 3u);
  EXPECT_THAT(compiled->rules,
              AllOf(HasSubstr("sid:1;)\n"), HasSubstr("sid:2;)\n"), HasSubstr("sid:3;)\n"), Not(HasSubstr("gid"))));
  EXPECT_EQ(compiled->origins.at(1).sid, 5u);
  EXPECT_EQ(compiled->origins.at(1).message, "say \"x\"; now");
  EXPECT_THAT(compiled->origins.at(2).group_arn, HasSubstr("/b"));
  EXPECT_EQ(compiled->origins.at(3).sid, 1u);
}

TEST(PolicyCompiler, AnEmptyPolicyIsNoRules) {
  for (const bool strict : {true, false}) {
    const auto compiled = compile_policy(snapshot(strict, {}));
    ASSERT_TRUE(compiled);
    EXPECT_EQ(compiled->rule_count, 0u);
    EXPECT_EQ(compiled->rules, "");
  }
}

TEST(PolicyCompiler, OnlyDropsNeedNoRulesBesideThem) {
  std::string rules;
  for (int i = 1; i <= 50; ++i) rules += rule("drop", fmt::format("tls.sni; content:\"x{}\"; sid:{};", i, i));
  const auto compiled = compile_policy(snapshot(true, {text_group("a", 1, rules)}));
  ASSERT_TRUE(compiled);
  EXPECT_EQ(compiled->rule_count, 50u);
  EXPECT_EQ(compiled->origins.size(), 50u);
}

struct Refused {
  std::string options, reason;
};
class StrictRefusal : public ::testing::TestWithParam<Refused> {};
TEST_P(StrictRefusal, SaysWhatCannotBeExpressed) {
  const auto compiled =
      compile_policy(snapshot(true, {text_group("mine", 1,
                                                "# first\n" + rule("drop", GetParam().options + " sid:1;") +
                                                    rule("alert", "tls.sni; content:\"x\"; sid:2;"))}));
  ASSERT_FALSE(compiled) << compiled->rules;
  EXPECT_EQ(compiled.error().code, ErrorCode::refused);
  EXPECT_EQ(compiled.error().place, "group mine, line 2");
  EXPECT_THAT(compiled.error().message, HasSubstr(GetParam().reason));
  EXPECT_FALSE(compiled.error().hint.empty());
}
INSTANTIATE_TEST_SUITE_P(
    All, StrictRefusal,
    ::testing::Values(Refused{"priority:2;", "priority has no meaning"}, Refused{"flowint:a,+,1;", "flowint"},
                      Refused{"xbits:set,a,track ip_src;", "xbits"}, Refused{"hostbits:set,a;", "hostbits"},
                      Refused{"threshold:type limit,track by_src,count 1,seconds 5;", "threshold"},
                      Refused{"flowbits:set,iw.transaction;", "flowbits:set,iw.transaction"},
                      Refused{"flowbits:toggle,a;", "flowbits:toggle,a"},
                      Refused{"tls.sni; pcre:\"/(?P<flow_x>a)/\";", "pcre captures"},
                      Refused{"http.uri; content:\"/x\"; http.host; content:!\"y\";", "several HTTP buffers"}));

TEST(PolicyCompiler, DefaultActionsAreKnownOrRefused) {
  auto policy = snapshot(true, {});
  policy.default_actions = {"aws:drop_everything"};
  const auto refused = compile_policy(policy);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("aws:drop_everything"));
  policy.default_actions = {"aws:drop_strict"};
  EXPECT_TRUE(compile_policy(policy));
  policy.strict_order = false;
  EXPECT_FALSE(compile_policy(policy));
}

TEST(PolicyCompiler, HostileGroupsAreErrorsWithTheirGroup) {
  for (const auto& body :
       {Json(nullptr), Json("x"), Json::object(), Json{{"RulesSource", 3}}, Json{{"RulesSource", Json::object()}},
        Json{{"RulesSource", {{"RulesString", "drop tls any any -> any any (msg:\"x\";)"}}}},
        Json{{"RulesSource", {{"RulesString", "drop tls any any -> any any (sid:99999999999;)"}}}},
        Json{{"RulesSource", {{"RulesString", "block tls any any -> any any (sid:1;)"}}}},
        Json{{"RulesSource", {{"RulesString", "drop tls @set any -> any any (sid:1;)"}}}},
        Json{{"RulesSource", {{"RulesString", "drop"}}}},
        Json{{"RulesSource", {{"RulesString", ""}}},
             {"RuleVariables", {{"IPSets", {{"A", {{"Definition", Json::array()}}}}}}}}}) {
    auto policy = snapshot(true, {});
    policy.groups.push_back({"arn:x/mine", 1, body});
    const auto compiled = compile_policy(policy);
    ASSERT_FALSE(compiled) << body;
    EXPECT_THAT(compiled.error().place, HasSubstr("group mine")) << body << compiled.error().to_text();
  }
}

}  // namespace
}  // namespace intelwall::lab
