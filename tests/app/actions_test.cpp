#include "app/actions.hpp"

#include <set>

#include "app/report.hpp"
#include "app/support.hpp"

namespace intelwall::app {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

findings::CustomAction action(const std::string& id, const std::string& name) {
  return {"arn:aws:securityhub:us-east-1:111122223333:action/custom/" + id, name};
}

TEST(PressKindTest, GoesByTheIdAtTheEndOfTheArn) {
  std::set<std::string> ids, names;
  for (const auto& known : known_actions()) {
    const auto kind = press_kind(action(known.id, "any words"));
    ASSERT_TRUE(kind.has_value());
    EXPECT_EQ(*kind, known.kind);
    EXPECT_EQ(&known_action(known.kind), &known);
    ids.insert(known.id);
    names.insert(known.name);
    // CreateActionTarget's limits, and the length of an actor in a rule.
    EXPECT_LE(std::string(known.id).size(), 20U);
    EXPECT_LE(std::string(known.name).size(), 20U);
    EXPECT_TRUE(std::ranges::all_of(std::string(known.id), [](unsigned char c) { return std::isalnum(c) != 0; }));
  }
  EXPECT_EQ(ids.size(), 5U);
  EXPECT_EQ(names.size(), 5U);
}

TEST(PressKindTest, TheFirstIntegrationsActionIsBlock) {
  EXPECT_EQ(press_kind(action("CRWDDomainToFW", "x")), PressKind::block);
  EXPECT_EQ(press_kind(action("x1", "CRWD-Domain-To-FW")), PressKind::block);
}

TEST(PressKindTest, OthersAreToldInWords) {
  for (const auto& other : {action("BlockDomain", "intelwall block"), action("intelwallblock2", "x"), action("", ""),
                            findings::CustomAction{"intelwallblock", "intelwall block"}}) {
    const auto kind = press_kind(other);
    ASSERT_FALSE(kind.has_value()) << other.arn;
    EXPECT_EQ(kind.error().code, ErrorCode::not_found);
    EXPECT_THAT(kind.error().hint, HasSubstr("intelwallforce"));
  }
}

class ActionsTest : public AroundTest {};

TEST_F(ActionsTest, TheLabSeedsThemAll) {
  std::size_t at = 0;
  for (const auto& known : known_actions()) {
    EXPECT_STREQ(lab::seeded_actions[at].id, known.id);
    EXPECT_STREQ(lab::seeded_actions[at].name, known.name);
    ++at;
    EXPECT_TRUE(hub().ensure_action_target(known.id, known.name, known.description).has_value());
  }
  EXPECT_EQ(at, std::size(lab::seeded_actions));
}

TEST_F(ActionsTest, ExactBlocksWithoutSubdomains) {
  press({finding("f-1", "evil-corp.com")}, "intelwallexact", "intelwall exact");
  ASSERT_EQ(enforced().size(), 1U);
  EXPECT_EQ(enforced()[0].decision.domain.scope, Scope::exact);
  EXPECT_EQ(enforced()[0].decision.actor.text(), "action:intelwall exact");
  // A zone's parent may be blocked exactly, for that reaches nothing in the zone; the zone itself may not.
  const auto outcome = press({finding("f-2", "amazonaws.com")}, "intelwallexact", "intelwall exact");
  EXPECT_TRUE(outcome.decisions.empty());
}

TEST_F(ActionsTest, AlertOnlyLogsAndReplacesADrop) {
  const auto each = finding("f-1", "evil-corp.com");
  import({each});
  press({each});
  ASSERT_EQ(enforced()[0].decision.action, Action::drop);
  press({each}, "intelwallalert", "intelwall alert");
  ASSERT_EQ(enforced().size(), 1U);
  EXPECT_EQ(enforced()[0].decision.action, Action::alert);
  EXPECT_THAT(note("f-1"), HasSubstr("alert evil-corp.com"));
  press({each});
  ASSERT_EQ(enforced().size(), 1U);
  EXPECT_EQ(enforced()[0].decision.action, Action::drop);
}

TEST_F(ActionsTest, UnblockLiftsTheFindingsNamesAndSaysSo) {
  const auto each = finding("f-1", "evil-corp.com");
  const auto other = finding("f-2", "never-blocked.com");
  import({each, other});
  press({each});
  const auto id = enforced()[0].decision.id;
  block_names({"stays.example"}, std::nullopt);
  const auto outcome = press({each, other}, "intelwallunblock", "intelwall unblock");
  EXPECT_EQ(exit_code(outcome), 0);
  EXPECT_TRUE(outcome.decisions.empty());
  ASSERT_EQ(outcome.lifted.size(), 1U);
  EXPECT_THAT(names(), ElementsAre("stays.example"));
  EXPECT_THAT(note("f-1"), HasSubstr("lifted: drop evil-corp.com, id " + id));
  EXPECT_THAT(note("f-2"), HasSubstr("never-blocked.com has no block of its own"));
  EXPECT_EQ(to_json(outcome)["lifted"].size(), 1U);
  EXPECT_EQ(to_json(outcome)["press"], "intelwallunblock");
  EXPECT_TRUE(press({each}, "intelwallunblock", "intelwall unblock").enforcement.plan.empty()) << "twice is once";
}

TEST_F(ActionsTest, UnblockThatFailsIsToldOnTheFinding) {
  const auto each = finding("f-1", "evil-corp.com");
  import({each});
  press({each});
  inject("UpdateRuleGroup", "AccessDeniedException", 1);
  const auto outcome = press({each}, "intelwallunblock", "intelwall unblock");
  EXPECT_EQ(exit_code(outcome), 1);
  EXPECT_THAT(note("f-1"), HasSubstr("FAILED to lift evil-corp.com"));
  EXPECT_EQ(names().size(), 1U);
}

TEST_F(ActionsTest, AnAskStandsOnTheFindingWithTheActionThatGoesOn) {
  const auto each = finding("f-1", "wikipedia.org");
  import({each});
  press({each});
  EXPECT_TRUE(names().empty());
  EXPECT_THAT(note("f-1"), HasSubstr("ask before blocking wikipedia.org"));
  EXPECT_THAT(note("f-1"), EndsWith("press \"intelwall force\"."));
  EXPECT_EQ(stored("f-1")["Workflow"]["Status"], "NEW");
  const auto outcome = press({each}, "intelwallforce", "intelwall force");
  EXPECT_EQ(outcome.findings[0].candidates[0].judgement.verdict, policy::Verdict::block);
  EXPECT_THAT(names(), ElementsAre("wikipedia.org"));
  EXPECT_THAT(note("f-1"), Not(HasSubstr("press")));
  EXPECT_EQ(stored("f-1")["Workflow"]["Status"], "NOTIFIED");
}

TEST_F(ActionsTest, TheWayOnIsNeverCutOff) {
  JudgedFinding judged;
  for (int i = 0; i < 40; ++i)
    judged.candidates.push_back({.candidate = {.domain = parse_domain(fmt::format("name-{}.example", i)).value(),
                                               .text = "",
                                               .evidence = {},
                                               .why_not = ""},
                                 .judgement = {policy::Verdict::ask, {{"popular", "many people visit it"}}},
                                 .decision_id = {}});
  const auto note = note_for(judged, {});
  EXPECT_LE(note.size(), 512U);
  EXPECT_THAT(note, EndsWith("press \"intelwall force\"."));
}

TEST_F(ActionsTest, ForceNeverBlocksWhatIsRefused) {
  for (const auto& name : {"co.uk", "amazonaws.com", "crowdstrike.com"})
    press({finding("f-1", name)}, "intelwallforce", "intelwall force");
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ActionsTest, AnUnknownActionIsTakenAsBlockAndToldSo) {
  const auto each = finding("f-1", "evil-corp.com");
  import({each});
  const auto outcome = press({each}, "somebodyelses", "Block domain");
  EXPECT_EQ(names().size(), 1U);
  ASSERT_TRUE(outcome.press_unknown.has_value());
  EXPECT_THAT(outcome.press_unknown->message, HasSubstr("taken as block"));
  EXPECT_EQ(to_json(outcome)["press_unknown"]["code"], "not_found");
}

}  // namespace
}  // namespace intelwall::app
