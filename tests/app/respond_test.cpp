#include "app/respond.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "app/report.hpp"
#include "aws/security_hub.hpp"
#include "os/file.hpp"
#include "support/cloud.hpp"

namespace intelwall::app {
namespace {

using aws::Json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* falcon = "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon";

Json finding(const std::string& id, const std::string& ioc_type, const std::string& ioc_value,
             const std::string& title = "Falcon Alert") {
  return {
      {"SchemaVersion", "2018-10-08"},
      {"Id", id},
      {"ProductArn", falcon},
      {"GeneratorId", "Falcon Host"},
      {"AwsAccountId", lab::account_id},
      {"CreatedAt", "2026-11-20T10:00:00Z"},
      {"UpdatedAt", "2026-11-20T10:00:00Z"},
      {"Severity", {{"Label", "HIGH"}}},
      {"Types", {"Namespace: TTPs"}},
      {"Title", title},
      {"Description", "a detection"},
      {"Resources", Json::array({{{"Type", "AwsEc2Instance"}, {"Id", "i-1"}}})},
      {"ProductFields",
       {{"crowdstrike/crowdstrike-falcon/IOCType", ioc_type}, {"crowdstrike/crowdstrike-falcon/IOCValue", ioc_value}}}};
}

Json pressed(std::vector<Json> findings) {
  return {{"version", "0"},
          {"id", "609185ea-be02-2b86-4187-ce81f45b82a9"},
          {"detail-type", "Security Hub Findings - Custom Action"},
          {"source", "aws.securityhub"},
          {"account", lab::account_id},
          {"time", "2026-11-24T20:06:09Z"},
          {"region", "us-east-1"},
          {"resources", {"arn:aws:securityhub:us-east-1:111122223333:action/custom/intelwallblock"}},
          {"detail",
           {{"actionName", "intelwall block"}, {"actionDescription", "block"}, {"findings", std::move(findings)}}}};
}

class RespondTest : public test::CloudFixture {
 protected:
  void SetUp() override {
    start();
    context_.env = environment();
    const auto loaded = load_settings(context_.env, {}, {});
    ASSERT_TRUE(loaded.has_value());
    context_.settings = loaded->settings;
    context_.settings.actor = "tester";
    context_.settings.state.clear();
    context_.clock = [this] { return now(); };
    ASSERT_TRUE(load_guardrails(context_).has_value());
  }
  RespondOutcome run(const Json& event, Mode mode = Mode::write) {
    auto outcome = respond(context_, event.dump(), mode);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().to_text();
    return outcome.value_or(RespondOutcome{});
  }
  std::vector<firewalls::Enforced> enforced() {
    EXPECT_TRUE(open_firewall(context_).has_value());
    auto seen = context_.firewall->observe();
    EXPECT_TRUE(seen.has_value());
    return seen->enforced;
  }
  Json stored(const std::string& id) {
    const auto found = aws::SecurityHubClient(session()).get_findings({id});
    EXPECT_TRUE(found.has_value());
    return found && found->size() == 1 ? found->front() : Json();
  }
  void import(const std::vector<Json>& findings) {
    const auto done = aws::SecurityHubClient(session()).batch_import_findings(findings);
    ASSERT_TRUE(done.has_value()) << done.error().to_text();
    ASSERT_EQ(done->accepted, findings.size());
  }

  Context context_;
};

TEST_F(RespondTest, FindingEndsInARuleAndANote) {
  const auto each = finding("f-1", "domain", "evil-corp.com");
  import({each});
  const auto outcome = run(pressed({each}));
  EXPECT_EQ(exit_code(outcome), 0);
  const auto rules = enforced();
  ASSERT_EQ(rules.size(), 1U);
  EXPECT_EQ(rules[0].decision.domain.name.text(), "evil-corp.com");
  EXPECT_EQ(rules[0].decision.source.text(), "crowdstrike-falcon");
  EXPECT_EQ(rules[0].decision.actor.text(), "action:intelwall block");
  EXPECT_EQ(*rules[0].decision.expires_at - rules[0].decision.created_at, std::chrono::days{30});
  const auto note = stored("f-1");
  EXPECT_THAT(note["Note"]["Text"].get<std::string>(), HasSubstr(rules[0].decision.id));
  EXPECT_EQ(note["Workflow"]["Status"], "NOTIFIED");
}

TEST_F(RespondTest, AllFindingsOfAnEventCount) {
  const auto outcome = run(pressed({finding("a", "domain", "first-evil.com"), finding("b", "domain", "second-evil.com"),
                                    finding("c", "sha256", std::string(64, 'a'))}));
  EXPECT_EQ(outcome.findings.size(), 3U);
  EXPECT_EQ(enforced().size(), 2U);
}

TEST_F(RespondTest, PressingTwiceWritesOnce) {
  const auto event = pressed({finding("f-1", "domain", "evil-corp.com")});
  EXPECT_FALSE(run(event).enforcement.plan.empty());
  ahead_ += std::chrono::seconds{40};
  EXPECT_TRUE(run(event).enforcement.plan.empty());
  // After more than a tenth of its life, seeing it again makes it last longer.
  ahead_ += std::chrono::days{4};
  EXPECT_FALSE(run(event).enforcement.plan.empty());
}

TEST_F(RespondTest, HostileFindingsChangeNothing) {
  std::vector<Json> hostile;
  for (const auto* value : {"co.uk", "github.io", "amazonaws.com", "com", "203.0.113.9", "evil.com\"; sid:1; (",
                            "*.*.com", "crowdstrike.com", "d41d8cd98f00b204e9800998ecf8427e"})
    hostile.push_back(finding(fmt::format("h-{}", hostile.size()), "domain", value));
  const auto outcome = run(pressed(hostile));
  EXPECT_EQ(exit_code(outcome), 0) << "refusing is an answer";
  EXPECT_TRUE(outcome.enforcement.plan.empty());
  ASSERT_EQ(outcome.findings.size(), hostile.size());
  for (const auto& judged : outcome.findings) {
    ASSERT_FALSE(judged.candidates.empty()) << judged.finding.id;
    for (const auto& candidate : judged.candidates) {
      EXPECT_EQ(candidate.judgement.verdict, policy::Verdict::refuse) << candidate.candidate.text;
      EXPECT_FALSE(candidate.judgement.reasons.empty());
    }
  }
  EXPECT_TRUE(enforced().empty());
}

TEST_F(RespondTest, HostileTitleCannotLeaveItsPlaceInTheRule) {
  run(pressed({finding("f-1", "domain", "evil-corp.com", "x\"; sid:1; (msg:\"y\"\n\\" + std::string(200, 'A'))}));
  const aws::NetworkFirewallClient client(session());
  const auto text =
      client.describe_rule_group("intelwall-blocks-1")->body["RulesSource"]["RulesString"].get<std::string>();
  EXPECT_THAT(text, Not(HasSubstr("sid:1;")));
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;
}

TEST_F(RespondTest, DryRunMakesNoCall) {
  cloud_->stop();
  const auto outcome = run(pressed({finding("f-1", "domain", "evil-corp.com")}), Mode::plan);
  EXPECT_EQ(outcome.findings[0].candidates[0].judgement.verdict, policy::Verdict::block);
  EXPECT_EQ(exit_code(outcome), 0);
}

TEST_F(RespondTest, FirewallFailureIsToldOnTheFinding) {
  const auto each = finding("f-1", "domain", "evil-corp.com");
  import({each});
  inject("CreateRuleGroup", "AccessDeniedException", 1);
  const auto outcome = run(pressed({each}));
  EXPECT_EQ(exit_code(outcome), 1);
  EXPECT_THAT(stored("f-1")["Note"]["Text"].get<std::string>(), HasSubstr("FAILED to block evil-corp.com"));
  EXPECT_EQ(stored("f-1")["Workflow"]["Status"], "NEW");
}

TEST_F(RespondTest, UnreadableRecordsAreCountedTheOthersStillServed) {
  const auto outcome = respond(context_, finding("a", "domain", "evil-corp.com").dump() + "\n{broken\n", Mode::write);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->unreadable.size(), 1U);
  EXPECT_EQ(exit_code(*outcome), 3);
  EXPECT_EQ(enforced().size(), 1U);
  EXPECT_EQ(exit_code(*respond(context_, "{broken\n", Mode::write)), 1);
}

TEST_F(RespondTest, ReportIsJsonWhateverTheTextsHold) {
  const auto outcome = run(pressed({finding("f-\xc3\xa9-1", "domain", "evil.com\"\x01; (", "t\xc3\xb6t")}), Mode::plan);
  const auto json = to_json(outcome);
  EXPECT_NO_THROW(static_cast<void>(json.dump()));
  const auto& candidate = json["findings"][0]["candidates"][0];
  EXPECT_FALSE(candidate.contains("domain"));
  EXPECT_EQ(candidate["verdict"], "refuse");
  EXPECT_TRUE(candidate["evidence"].contains("path"));
}

// ---- block, unblock, allow, reconcile
// ----------------------------------------------------------------------------------

class BlockTest : public RespondTest {
 protected:
  void SetUp() override {
    RespondTest::SetUp();
    directory_ = std::filesystem::temp_directory_path() / fmt::format("iw-block-{}", ::getpid());
    std::filesystem::create_directories(directory_);
    context_.settings.allow_list = ListPlace{ListPlace::Kind::file, (directory_ / "allow.txt").string()};
    ASSERT_TRUE(open_firewall(context_).has_value());
  }
  void TearDown() override {
    std::filesystem::remove_all(directory_);
    RespondTest::TearDown();
  }
  BlockOutcome run_block(std::vector<std::string> domains, std::optional<Scope> scope = {}) {
    auto outcome = block(context_, {.domains = std::move(domains), .scope = scope, .reason = "INC-1"}, Mode::write);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().to_text();
    return outcome.value_or(BlockOutcome{});
  }
  std::filesystem::path directory_;
};

TEST_F(BlockTest, AllNamesOrNone) {
  const auto outcome = run_block({"evil-corp.com", "amazonaws.com"});
  EXPECT_TRUE(outcome.decisions.empty());
  EXPECT_TRUE(enforced().empty());
  EXPECT_FALSE(block(context_, {.domains = {"evil-corp.com", "not a name"}}, Mode::write).has_value());
  EXPECT_TRUE(enforced().empty());
}

TEST_F(BlockTest, AnotherActionReplacesTheFirst) {
  run_block({"evil-corp.com"});
  context_.settings.action = Action::alert;
  run_block({"evil-corp.com"});
  const auto rules = enforced();
  ASSERT_EQ(rules.size(), 1U);
  EXPECT_EQ(rules[0].decision.action, Action::alert);
}

TEST_F(BlockTest, UnblockTellsWhatIsNotBlockedAndWhatCoversIt) {
  run_block({"evil-corp.com"});
  auto outcome = unblock(context_, {"www.evil-corp.com", "other.example"}, Mode::write);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->unknown.size(), 2U);
  ASSERT_EQ(outcome->covered_by.size(), 1U);
  EXPECT_EQ(outcome->covered_by[0].second.name.text(), "evil-corp.com");
  outcome = unblock(context_, {"EVIL-corp.com."}, Mode::write);
  EXPECT_EQ(outcome->lifted.size(), 1U);
  EXPECT_TRUE(enforced().empty());
}

TEST_F(BlockTest, AllowLiftsWhatItForbidsAndKeepsItAway) {
  run_block({"partner.example", "www.sub.partner.example", "other.example"});
  const auto allowed = allow(context_, {"sub.partner.example"}, {}, "our \"supplier\"\n", Mode::write);
  ASSERT_TRUE(allowed.has_value()) << allowed.error().to_text();
  EXPECT_EQ(allowed->lifted.size(), 2U) << "the name below it, and the parent that covered it";
  ASSERT_EQ(enforced().size(), 1U);
  ASSERT_TRUE(load_guardrails(context_).has_value());
  EXPECT_TRUE(run_block({"partner.example"}).decisions.empty());
  EXPECT_EQ(run_block({"partner.example"}, Scope::exact).decisions.size(), 1U) << "exact leaves the allowed name alone";
  EXPECT_TRUE(run_block({"x.sub.partner.example"}).decisions.empty());
  // Twice is once.
  EXPECT_TRUE(allow(context_, {"sub.partner.example"}, {}, "", Mode::write)->added.empty());
}

TEST_F(BlockTest, AllowListMayBeAnSsmParameter) {
  context_.settings.allow_list = ListPlace{ListPlace::Kind::ssm, "/intelwall/allow"};
  run_block({"evil-corp.com"});
  const auto allowed = allow(context_, {"evil-corp.com"}, {}, "", Mode::write);
  ASSERT_TRUE(allowed.has_value()) << allowed.error().to_text();
  EXPECT_EQ(allowed->lifted.size(), 1U);
  ASSERT_TRUE(load_guardrails(context_).has_value());
  EXPECT_TRUE(run_block({"evil-corp.com"}).decisions.empty());
}

TEST_F(BlockTest, ReconcileLiftsWhatIsOverAndASecondPlanIsEmpty) {
  context_.settings.lifetime = std::chrono::hours{1};
  run_block({"short.example"});
  context_.settings.lifetime.reset();
  run_block({"long.example"});
  auto plan = reconcile(context_, Mode::plan);
  ASSERT_TRUE(plan.has_value());
  EXPECT_TRUE(plan->enforcement.plan.empty());
  ahead_ += std::chrono::hours{2};
  plan = reconcile(context_, Mode::plan);
  ASSERT_TRUE(plan.has_value()) << plan.error().to_text();
  ASSERT_EQ(plan->removals.size(), 1U);
  EXPECT_THAT(plan->removals[0].why, HasSubstr("expired"));
  ASSERT_TRUE(reconcile(context_, Mode::write).has_value());
  EXPECT_TRUE(reconcile(context_, Mode::plan)->enforcement.plan.empty());
  ASSERT_EQ(enforced().size(), 1U);
  EXPECT_EQ(enforced()[0].decision.domain.name.text(), "long.example");
}

}  // namespace
}  // namespace intelwall::app
