// What is taken over from lists that others keep.
#include "app/import.hpp"

#include <fstream>

#include "app/support.hpp"
#include "rules/rule_group.hpp"

namespace intelwall::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using Fate = ImportItem::Fate;

std::string told(const ImportEntry& entry) {
  std::string text = fmt::format("{} {}{}", entry.action ? to_string(*entry.action) : "-",
                                 entry.domain.scope == Scope::exact ? "=" : "", entry.domain.name.text());
  for (const auto protocol : entry.protocols) text += std::string(" ") + to_string(protocol);
  return text;
}

aws::Json rules_body(const std::string& rules) {
  return {{"RulesSource", {{"RulesString", rules}}}};
}

/// One rule of the group: what it names, or why it names nothing.
std::string read_rule(const std::string& rule) {
  const auto source = names_of_rule_group(rules_body(rule), "old");
  if (source.entries.size() == 1 && source.refused_count == 0) return told(source.entries[0]);
  if (source.entries.empty() && source.refused_count == 1) return source.refused[0].reason;
  return fmt::format("{} entries, {} refused", source.entries.size(), source.refused_count);
}

std::string tls(const std::string& options) {
  return "drop tls $HOME_NET any -> $EXTERNAL_NET any (" + options + " msg:\"m; (x)\"; sid:1; rev:1;)";
}

TEST(ImportRules, ADomainListSaysWhatItsTargetsReach) {
  const auto source = names_of_rule_group({{"RulesSource",
                                            {{"RulesSourceList",
                                              {{"Targets", {".evil.com", "Exact.example", "10.0.0.1", "*.x.example"}},
                                               {"TargetTypes", {"TLS_SNI", "HTTP_HOST"}},
                                               {"GeneratedRulesType", "DENYLIST"}}}}}},
                                          "domain-deny-list");
  std::vector<std::string> names;
  for (const auto& entry : source.entries) names.push_back(told(entry));
  EXPECT_THAT(names, ElementsAre("drop evil.com tls http", "drop =exact.example tls http", "drop x.example tls http"));
  EXPECT_EQ(source.entries[1].place, "domain-deny-list, target 2");
  ASSERT_THAT(source.refused, SizeIs(1));
  EXPECT_EQ(source.refused[0].line, 3U);
}

TEST(ImportRules, AnAllowListBlocksNothingByItsNames) {
  const auto source = names_of_rule_group(
      {{"RulesSource",
        {{"RulesSourceList",
          {{"Targets", {".good.com"}}, {"TargetTypes", {"TLS_SNI"}}, {"GeneratedRulesType", "ALLOWLIST"}}}}}},
      "allowed");
  EXPECT_THAT(source.entries, IsEmpty());
  EXPECT_THAT(source.refused.at(0).reason, HasSubstr("ALLOWLIST"));
}

TEST(ImportRules, RulesThatMeanADomain) {
  EXPECT_EQ(read_rule(tls(R"(tls.sni; dotprefix; content:".evil.com"; nocase; endswith;)")), "drop evil.com tls");
  EXPECT_EQ(read_rule(tls(R"(ssl_state:client_hello; tls.sni; content:"evil.com"; startswith; nocase; endswith;)")),
            "drop =evil.com tls");
  EXPECT_EQ(read_rule(tls(R"(tls.sni; content:"evil.com"; bsize:8; fast_pattern;)")), "drop =evil.com tls");
  EXPECT_EQ(read_rule(tls(R"(tls.sni; content:"evil.com"; depth:8; isdataat:!1,relative;)")), "drop =evil.com tls");
  EXPECT_EQ(read_rule(tls(R"(tls.sni; content:"|2e|evil|2e|com"; endswith;)")), "drop evil.com tls");
  EXPECT_EQ(read_rule(R"(alert http any any -> any any (http.host; dotprefix; content:".evil.com"; endswith; sid:1;))"),
            "alert evil.com http");
  EXPECT_EQ(read_rule("reject dns $HOME_NET any -> any any (dns.query; content:\"a.evil.com\"; \\\n"
                      " startswith; endswith; sid:1;)"),
            "reject =a.evil.com dns");
  EXPECT_EQ(read_rule("# drop tls any any -> any any (off;)"), "0 entries, 0 refused");
}

TEST(ImportRules, OursAreReadToo) {
  std::set<std::uint32_t> taken;
  const DomainSpec domain{*DomainName::parse("evil.com"), Scope::subdomains};
  const Decision decision{.id = decision_id(domain, Action::drop), .domain = domain};
  for (const auto& line : rules::render(decision, taken))
    EXPECT_EQ(read_rule(line.text), fmt::format("drop evil.com {}", to_string(*line.protocol)));
}

TEST(ImportRules, WhatMeansMoreOrLessIsRefusedInWords) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {tls(R"(tls.sni; content:"evil.com"; endswith;)"), "only end in the same letters"},
      {tls(R"(tls.sni; content:"evil.com"; startswith;)"), "go on behind"},
      {tls(R"(tls.sni; content:".evil.com"; isdataat:!1;)"), "asks for isdataat"},
      {tls(R"(tls.sni; content:!"evil.com"; startswith; endswith;)"), "does not hold"},
      {tls(R"(tls.sni; dotprefix; content:"evil.com"; endswith;)"), "never matches"},
      {tls(R"(tls.sni; content:".evil.com"; startswith; endswith;)"), "never matches"},
      {tls(R"(tls.sni; content:".evil.com"; endswith; pcre:"/x/";)"), "asks for pcre"},
      {tls(R"(tls.sni; content:".a.com"; endswith; content:"b";)"), "more than one content"},
      {tls(R"(tls.sni; content:".a.com"; endswith; http.host;)"), "more than one name"},
      {tls(R"(tls.sni; content:".a.com"; endswith; geoip:dst,RU;)"), "asks for geoip"},
      {tls(R"(content:".a.com"; endswith;)"), "looks at no name"},
      {tls(R"(tls.sni; content:".com"; endswith;)"), "names no domain"},
      {tls(R"(tls.sni; content:"|2"; endswith;)"), "cannot be read"},
      {R"(pass tls any any -> any any (tls.sni; content:".a.com"; endswith;))", "intelwall allow"},
      {R"(drop tls 10.1.0.0/16 any -> any any (tls.sni; content:".a.com"; endswith;))", "some addresses"},
      {R"(log tls any any -> any any (tls.sni; content:".a.com"; endswith;))", "does not know"},
      {"drop tls any any -> any any", "no options"},
  };
  for (const auto& [rule, words] : cases) EXPECT_THAT(read_rule(rule), HasSubstr(words)) << rule;
}

TEST(ImportRules, StatefulRulesAreReadAsTheLineTheyStandFor) {
  const auto rule = [](const std::string& destination) -> aws::Json {
    return {{"Action", "DROP"},
            {"Header",
             {{"Protocol", "TLS"},
              {"Source", "ANY"},
              {"SourcePort", "ANY"},
              {"Direction", "FORWARD"},
              {"Destination", destination},
              {"DestinationPort", "ANY"}}},
            {"RuleOptions",
             {{{"Keyword", "sid"}, {"Settings", {"1"}}},
              {{"Keyword", "tls.sni"}},
              {{"Keyword", "content"}, {"Settings", {"\".evil.com\""}}},
              {{"Keyword", "endswith"}}}}};
  };
  const auto source =
      names_of_rule_group({{"RulesSource", {{"StatefulRules", {rule("ANY"), rule("10.0.0.1/32")}}}}}, "g");
  ASSERT_THAT(source.entries, SizeIs(1));
  EXPECT_EQ(told(source.entries[0]), "drop evil.com tls");
  EXPECT_EQ(source.refused_count, 1U);
}

class ImportTest : public AroundTest {
 protected:
  std::string file(const std::string& text) {
    const auto path = directory_ / "bad.txt";
    std::ofstream(path) << text;
    return path.string();
  }
  ImportOutcome import_of(const ImportRequest& request, Mode mode) {
    auto outcome = import_list(context_, request, mode);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().to_text();
    return outcome.value_or(ImportOutcome{});
  }
  static std::vector<std::string> fates(const ImportOutcome& outcome) {
    std::vector<std::string> out;
    for (const auto& item : outcome.items)
      out.push_back(fmt::format("{} {} {}", to_string(item.fate), to_string(item.decision.action),
                                item.decision.domain.name.text()));
    return out;
  }
  aws::RuleGroupState make_group(const std::string& name, const aws::Json& body) {
    const auto made =
        aws::NetworkFirewallClient(session()).create_rule_group(name, body, 100, "old", {}, aws::DryRun::no);
    EXPECT_TRUE(made.has_value()) << made.error().to_text();
    return made.value_or(aws::RuleGroupState{});
  }
  aws::Json deny_list(const std::vector<std::string>& targets, const std::string& type = "DENYLIST") {
    return {{"RulesSource",
             {{"RulesSourceList",
               {{"Targets", targets}, {"TargetTypes", {"TLS_SNI", "HTTP_HOST"}}, {"GeneratedRulesType", type}}}}},
            {"StatefulRuleOptions", {{"RuleOrder", "STRICT_ORDER"}}}};
  }
};

TEST_F(ImportTest, AListIsShownThenAdoptedThenThere) {
  const ImportRequest request{
      .source = file(".evil.com\nwww.evil.com\n.amazonaws.com\nonly.example\n10.0.0.1\n"), .acl = {}, .action = {}};
  const auto planned = import_of(request, Mode::plan);
  EXPECT_THAT(fates(planned), ElementsAre("adopt drop evil.com", "covered drop www.evil.com",
                                          "refuse drop amazonaws.com", "adopt drop only.example"));
  EXPECT_EQ(planned.source.refused_count, 1U);
  EXPECT_THAT(planned.items[2].reasons.at(0).code, "protected-zone");
  EXPECT_FALSE(planned.enforcement.plan.empty());
  EXPECT_THAT(names(), IsEmpty());

  EXPECT_THAT(fates(import_of(request, Mode::write)), fates(planned));
  const auto live = enforced();
  ASSERT_THAT(live, SizeIs(2));
  EXPECT_EQ(live[0].decision.reason.text(), "imported from bad.txt");
  EXPECT_EQ(live[0].decision.source.text(), "import");
  EXPECT_EQ(live[0].decision.actor.text(), "tester");
  EXPECT_TRUE(live[0].decision.expires_at.has_value());

  ahead_ = std::chrono::minutes(5);
  const auto again = import_of(request, Mode::write);
  EXPECT_TRUE(again.enforcement.plan.empty());
  EXPECT_EQ(again.count(Fate::adopt), 0U);
  EXPECT_EQ(again.count(Fate::covered), 3U);
  EXPECT_EQ(enforced().size(), 2U);
}

TEST_F(ImportTest, ARuleGroupIsLeftAsItIs) {
  const auto old = make_group("domain-deny-list", deny_list({".evil.com", "worse.example"}));
  for (const auto& source : {old.name, old.arn}) {
    const auto planned = import_of({.source = source, .acl = {}, .action = {}}, Mode::plan);
    EXPECT_THAT(fates(planned), ElementsAre("adopt drop evil.com", "adopt drop worse.example"));
    EXPECT_EQ(planned.source.arn, old.arn);
  }
  import_of({.source = old.name, .acl = {}, .action = {}}, Mode::write);
  EXPECT_THAT(names(), ElementsAre("evil.com", "worse.example"));
  const auto after = aws::NetworkFirewallClient(session()).describe_rule_group(old.arn);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->update_token, old.update_token);
  EXPECT_EQ(after->body, old.body.is_null() ? after->body : old.body);
}

TEST_F(ImportTest, TheRulesOfOneNameAreOneBlock) {
  make_group("old-rules", {{"RulesSource",
                            {{"RulesString",
                              "drop tls any any -> any any (tls.sni; content:\".evil.com\"; endswith; sid:1;)\n"
                              "drop http any any -> any any (http.host; content:\".evil.com\"; endswith; sid:2;)\n"}}},
                           {"StatefulRuleOptions", {{"RuleOrder", "STRICT_ORDER"}}}});
  const auto outcome = import_of({.source = "old-rules", .acl = {}, .action = {}}, Mode::write);
  ASSERT_THAT(outcome.items, SizeIs(1));
  EXPECT_THAT(outcome.items[0].places, SizeIs(2));
  ASSERT_THAT(enforced(), SizeIs(1));
  EXPECT_THAT(enforced()[0].decision.protocols, UnorderedElementsAre(Protocol::tls, Protocol::http));
}

TEST_F(ImportTest, AnAlertNeverWeakensABlockAndABlockReplacesAnAlert) {
  block_names({"evil.com"}, std::chrono::days(30));
  make_group("watch", deny_list({".evil.com", ".watched.example"}, "ALERTLIST"));
  EXPECT_THAT(fates(import_of({.source = "watch", .acl = {}, .action = {}}, Mode::write)),
              ElementsAre("covered alert evil.com", "adopt alert watched.example"));
  import_of({.source = "watch", .acl = {}, .action = Action::drop}, Mode::write);
  const auto live = enforced();
  ASSERT_THAT(live, SizeIs(2));
  for (const auto& each : live) EXPECT_EQ(each.decision.action, Action::drop);
}

TEST_F(ImportTest, ABlockThatEndsSoonerOrLooksAtLessIsNotWeakenedEither) {
  block_names({"soon.example"}, std::chrono::days(7));
  context_.settings.protocols = {Protocol::http};
  block_names({"http.example"}, std::chrono::days(60));
  context_.settings.protocols = {Protocol::tls};
  context_.settings.lifetime = std::chrono::days(30);
  const auto list = file(".soon.example\n.http.example\n");
  EXPECT_THAT(fates(import_of({.source = list, .acl = {}, .action = Action::alert}, Mode::write)),
              ElementsAre("covered alert soon.example", "covered alert http.example"));
  for (const auto& each : enforced()) EXPECT_EQ(each.decision.action, Action::drop);

  import_of({.source = list, .acl = {}, .action = Action::drop}, Mode::write);
  for (const auto& each : enforced())
    if (each.decision.domain.name.text() == "http.example") {
      EXPECT_EQ(each.decision.protocols, (std::set{Protocol::tls, Protocol::http}));
    }
}

TEST_F(ImportTest, WhatCannotBeImportedSaysWhatToDo) {
  const auto error = [&](const std::string& source, std::optional<std::string> acl = {}) {
    const auto outcome = import_list(context_, {.source = source, .acl = std::move(acl), .action = {}}, Mode::plan);
    return outcome ? std::string() : outcome.error().to_text();
  };
  EXPECT_THAT(error("intelwall-blocks-1"), HasSubstr("own"));
  EXPECT_THAT(error("no-such-group"), HasSubstr("no-such-group"));
  EXPECT_THAT(error("no/such.file"), HasSubstr("no such file"));
  EXPECT_THAT(error("old", "bad"), HasSubstr("--acl"));
  EXPECT_THAT(error(file("# nothing\n")), HasSubstr("no name in it"));
}

}  // namespace
}  // namespace intelwall::app
