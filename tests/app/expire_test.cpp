#include "app/expire.hpp"

#include <fstream>

#include "app/lists.hpp"
#include "app/support.hpp"
#include "store/ledger.hpp"

namespace intelwall::app {
namespace {

using std::chrono::days;
using std::chrono::hours;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ExpireTest : public AroundTest {
 protected:
  ExpireOutcome run(Mode mode = Mode::write, Share share = Share::bounded) {
    auto outcome = expire(context_, mode, share);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().to_text();
    return outcome.value_or(ExpireOutcome{});
  }
};

TEST_F(ExpireTest, LiftsWhatIsOverToTheSecondAndNothingElse) {
  const auto begin = std::chrono::floor<days>(now()) + hours{20'000};
  context_.clock = [begin] { return begin; };
  block_names({"short.example"}, hours{1});
  block_names({"long.example"}, hours{2});
  block_names({"forever.example"}, std::nullopt);
  context_.clock = [begin] { return begin + hours{1} - std::chrono::seconds{1}; };
  EXPECT_TRUE(run().lifted.empty());
  EXPECT_EQ(names().size(), 3U);
  context_.clock = [begin] { return begin + hours{1}; };
  const auto planned = run(Mode::plan);
  ASSERT_EQ(planned.lifted.size(), 1U);
  EXPECT_FALSE(planned.enforcement.plan.empty());
  EXPECT_EQ(names().size(), 3U) << "a plan writes nothing";
  ASSERT_EQ(run().lifted.size(), 1U);
  EXPECT_THAT(names(), ElementsAre("forever.example", "long.example"));
  EXPECT_TRUE(run().enforcement.plan.empty()) << "twice is once";
}

TEST_F(ExpireTest, TheLedgerKnowsWhatWasAndBecameOfIt) {
  block_names({"evil.example", "worse.example"}, hours{1});
  block_names({"evil.example", "worse.example"}, hours{1});
  ahead_ += hours{2};
  ASSERT_EQ(run().lifted.size(), 2U);
  auto ledger = store::Ledger::open(context_.settings.state);
  ASSERT_TRUE(ledger.has_value());
  const auto known = ledger->decisions(parse_domain("evil.example")->name, 10);
  ASSERT_TRUE(known.has_value());
  ASSERT_EQ(known->size(), 1U);
  EXPECT_EQ(known->front().decision.reason.text(), "INC-1");
  EXPECT_EQ(known->front().lifted_by, "tester");
  EXPECT_EQ(known->front().lifted_at, now());
  EXPECT_EQ(known->front().firewall, "lab");

  // A ledger that cannot be written changes nothing about the block, and is told.
  context_.settings.state = directory_ / "allow.txt" / "no-directory";
  std::ofstream(directory_ / "allow.txt") << "";
  const auto blocked = block(context_, {.domains = {"third.example"}, .scope = {}, .reason = "INC-1"}, Mode::write);
  ASSERT_TRUE(blocked.has_value());
  EXPECT_TRUE(blocked->enforcement.unrecorded.has_value());
  EXPECT_FALSE(blocked->enforcement.failure.has_value());
  EXPECT_THAT(names(), ElementsAre("third.example"));
}

TEST_F(ExpireTest, LeavesWhatGuardrailsWouldRefuseToday) {
  block_names({"partner.example"}, days{30});
  ASSERT_TRUE(add_to_list(context_, *context_.settings.allow_list, {*parse_domain("partner.example")}, "").has_value());
  ASSERT_TRUE(load_guardrails(context_).has_value());
  EXPECT_TRUE(run().lifted.empty());
  EXPECT_EQ(names().size(), 1U);
}

TEST_F(ExpireTest, SightingAgainExtends) {
  const auto each = finding("f-1", "evil-corp.com");
  context_.settings.lifetime = days{2};
  press({each});
  ahead_ += days{1};
  press({each});
  ahead_ += days{1} + hours{1};
  EXPECT_TRUE(run().lifted.empty()) << "the second sighting made it last longer";
  ahead_ += days{1};
  EXPECT_EQ(run().lifted.size(), 1U);
}

TEST_F(ExpireTest, HistoryStaysInTheNote) {
  const auto mine = finding("f-1", "evil-corp.com");
  const auto other = finding("f-2", "other-evil.com");
  import({mine, other});
  context_.settings.lifetime = hours{1};
  press({mine});
  context_.settings.lifetime = days{30};
  press({other});
  const auto before = note("f-1");
  const auto other_before = note("f-2");
  ahead_ += hours{2};
  const auto outcome = run();
  ASSERT_EQ(outcome.lifted.size(), 1U);
  EXPECT_TRUE(outcome.notes_not_written.empty());
  EXPECT_THAT(note("f-1"), StartsWith(before));
  EXPECT_THAT(note("f-1"), HasSubstr("Lifted " + format_time(now()).substr(0, 13)));
  EXPECT_EQ(stored("f-1")["Workflow"]["Status"], "NOTIFIED");
  EXPECT_EQ(note("f-2"), other_before);
}

TEST_F(ExpireTest, ANoteOfSomebodyElseIsNotTouched) {
  const auto each = finding("f-1", "evil-corp.com");
  import({each});
  context_.settings.lifetime = hours{1};
  press({each});
  const auto words = "intelwall: id " + enforced().front().decision.id + " was checked by hand";
  ASSERT_TRUE(hub().batch_update_findings({{"f-1", falcon}}, words, "analyst", aws::WorkflowStatus::resolved));
  ahead_ += hours{2};
  EXPECT_EQ(run().lifted.size(), 1U);
  EXPECT_EQ(note("f-1"), words);
}

TEST_F(ExpireTest, SecurityHubBeingAwayStopsNothing) {
  block_names({"short.example"}, hours{1});
  ahead_ += hours{2};
  inject("GetFindings", "InvalidAccessException", 10);
  const auto outcome = run();
  EXPECT_EQ(outcome.notes_not_written.size(), 1U);
  EXPECT_TRUE(names().empty());
}

TEST_F(ExpireTest, OneRunIsBoundedOldestFirstAndTheRestFollows) {
  std::vector<std::string> first, second;
  for (int i = 0; i < 8; ++i) first.push_back(fmt::format("a{}.example", i));
  for (int i = 0; i < 8; ++i) second.push_back(fmt::format("b{}.example", i));
  block_names(second, hours{2});
  block_names(first, hours{1});
  ahead_ += hours{3};
  auto outcome = run(Mode::plan);
  EXPECT_EQ(outcome.lifted.size(), 10U);
  EXPECT_EQ(outcome.left.size(), 6U);
  outcome = run();
  EXPECT_EQ(outcome.lifted.size(), 10U);
  for (const auto& name : names()) EXPECT_THAT(name, StartsWith("b")) << "what ended first goes first";
  outcome = run();
  EXPECT_EQ(outcome.lifted.size(), 6U);
  EXPECT_TRUE(outcome.left.empty());
  EXPECT_TRUE(names().empty());
}

TEST_F(ExpireTest, AllAtOnceWhenSomebodyAsksForIt) {
  std::vector<std::string> many;
  for (int i = 0; i < 30; ++i) many.push_back(fmt::format("a{}.example", i));
  block_names(many, hours{1});
  ahead_ += hours{2};
  const auto outcome = run(Mode::write, Share::all);
  EXPECT_EQ(outcome.lifted.size(), 30U);
  EXPECT_TRUE(names().empty());
}

TEST_F(ExpireTest, ADomainListCannotCarryAnExpiryAndSaysSo) {
  EXPECT_TRUE(expiry_warnings(context_.settings).empty());
  context_.settings.firewall.format = firewalls::Format::domain_list;
  ASSERT_TRUE(open_firewall(context_).has_value());
  ASSERT_EQ(expiry_warnings(context_.settings).size(), 1U);
  EXPECT_EQ(expiry_warnings(context_.settings)[0].code, "no-expiry");
  block_names({"short.example"}, hours{1});
  ahead_ += days{400};
  const auto outcome = run();
  EXPECT_TRUE(outcome.lifted.empty());
  EXPECT_EQ(outcome.without_dates, 1U);
  EXPECT_EQ(names().size(), 1U);
  context_.settings.lifetime.reset();
  EXPECT_TRUE(expiry_warnings(context_.settings).empty()) << "nobody asked for an expiry";
}

TEST(AppendToNote, KeepsTheNewsAndFits) {
  EXPECT_EQ(append_to_note("old.", " new."), "old. new.");
  const std::string news = " Lifted.";
  for (std::size_t size = 490; size < 530; ++size) {
    std::string old;
    while (old.size() < size) old += "\xc3\xa9";
    const auto note = append_to_note(old, news);
    EXPECT_LE(note.size(), 512U);
    EXPECT_THAT(note, EndsWith(news));
    EXPECT_THAT(note, Not(HasSubstr("\xc3..."))) << "no half character";
    EXPECT_EQ(printable(note, 4096).find("\\x"), std::string::npos);
  }
}

}  // namespace
}  // namespace intelwall::app
