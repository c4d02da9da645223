// Feeds that fail, lie or shrink: the firewall stays as it is, and the report says why.
#include "hunt_support.hpp"

namespace intelwall::app {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using ::testing::Contains;
using ::testing::HasSubstr;

class HuntFaults : public HuntTest {
 protected:
  /// Runs, and expects that nothing changes and that the only hunt's failure says `words`.
  void fails(const std::string& words, RunRequest request = {}) {
    const auto before = tokens();
    const auto names = watched();
    const auto outcome = run(request);
    ASSERT_EQ(outcome.hunts.size(), 1U);
    ASSERT_TRUE(outcome.hunts[0].failure.has_value());
    EXPECT_THAT(outcome.hunts[0].failure->to_text(), HasSubstr(words));
    EXPECT_FALSE(outcome.complete());
    EXPECT_TRUE(outcome.sync.unchanged);
    EXPECT_EQ(tokens(), before);
    EXPECT_EQ(watched(), names);
    const auto hunts = ledger_->hunts();
    const auto progress = ledger_->progress(hunts->front().id);
    EXPECT_GE(progress->failures, 1);
    EXPECT_THAT(progress->last_error, HasSubstr(words));
  }
};

TEST_F(HuntFaults, AnEmptyFeedChangesNothing) {
  put_all(numbered("n", 5));
  add("apt", "indicator:*'*.evil-test.com'+malicious_confidence:'high'");
  run_well();
  for (const auto& name : numbered("n", 5)) put(name, {{"malicious_confidence", "low"}});
  fails("lists nothing that is wanted, and 5 domains are kept", full());
  // Who means it says so.
  context_.settings.firewall.max_removals = 1;
  run_well(full());
  EXPECT_TRUE(watched().empty());
}

TEST_F(HuntFaults, AShortFeedChangesNothing) {
  add(store::Hunt{.name = "feed", .source = list_file(numbered("n", 100))});
  run_well();
  list_file(numbered("n", 79));
  fails("21 of 100 domains would leave at once, more than 20 %");
  list_file(numbered("n", 80));
  run_well();
  EXPECT_EQ(watched().size(), 80U);
}

TEST_F(HuntFaults, AnErrorPageChangesNothing) {
  add(store::Hunt{.name = "feed", .source = list_file(numbered("n", 30))});
  run_well();
  list_file({"<html><head><title>502 Bad Gateway</title></head>", "<body>", "<h1>Bad Gateway</h1>", "</body></html>"});
  fails("list.txt");
  auto names = numbered("n", 30);
  for (int i = 0; i < 10; ++i) names.emplace_back("this is no domain");
  list_file(names);
  fails("10 of 40 entries are no domains");
}

TEST_F(HuntFaults, AListThatIsGoneChangesNothing) {
  const auto file = list_file(numbered("n", 30));
  add(store::Hunt{.name = "feed", .source = file});
  run_well();
  std::filesystem::remove(file);
  fails("list.txt");
}

TEST_F(HuntFaults, AFeedOutageChangesNothing) {
  put_all(numbered("n", 30));
  add("apt");
  run_well();
  tell_falcon("faults", {{"fault", "api"}, {"path", "/intel/"}, {"status", 503}, {"times", 100}});
  fails("503");
  fails("503", full());
}

TEST_F(HuntFaults, WrongKeysChangeNothing) {
  put_all(numbered("n", 30));
  add("apt");
  run_well();
  variables_["FALCON_CLIENT_SECRET"] = "wrong";
  context_.env = environment();
  fails("Falcon");
  variables_.erase("FALCON_CLIENT_SECRET");
  context_.env = environment();
  fails("FALCON_CLIENT_SECRET");
}

TEST_F(HuntFaults, AFailedHuntDoesNotStopTheOthers) {
  put_all(numbered("n", 10));
  add("apt");
  add(store::Hunt{.name = "feed", .source = list_file(numbered("m", 10))});
  std::filesystem::remove(directory_ / "list.txt");
  const auto outcome = run();
  EXPECT_FALSE(outcome.hunts[0].failure.has_value());
  EXPECT_TRUE(outcome.hunts[1].failure.has_value());
  EXPECT_GE(watched().size(), 10U);
}

TEST_F(HuntFaults, AFailedHuntIsTriedAgainSooner) {
  add(store::Hunt{.name = "feed", .source = (directory_ / "none").string(), .every = std::chrono::hours{4}});
  const RunRequest due{.which = RunRequest::Which::due};
  EXPECT_EQ(run(due).hunts.size(), 1U);
  EXPECT_EQ(run(due).hunts.size(), 0U);
  ahead_ += minutes{1};
  EXPECT_EQ(run(due).hunts.size(), 1U);
  ahead_ += minutes{1};
  EXPECT_EQ(run(due).hunts.size(), 0U);
  ahead_ += minutes{1};
  EXPECT_EQ(run(due).hunts.size(), 1U);
  list_file({"a.evil-test.com"});
  std::filesystem::rename(directory_ / "list.txt", directory_ / "none");
  ahead_ += minutes{4};
  EXPECT_TRUE(run(due).complete());
  ahead_ += minutes{30};
  EXPECT_EQ(run(due).hunts.size(), 0U);
}

TEST_F(HuntFaults, ALedgerThatIsLostEmptiesNothing) {
  put_all(numbered("n", 40));
  add("apt");
  run_well();
  const auto names = watched();
  ledger_.reset();
  context_.settings.state = directory_ / "another";
  ledger_.emplace(*open_ledger(context_));
  const auto outcome = run();
  ASSERT_TRUE(outcome.sync_failure.has_value());
  EXPECT_EQ(outcome.sync_failure->code, ErrorCode::refused);
  EXPECT_THAT(outcome.sync_failure->message, HasSubstr("and this ledger wants 0, so nothing was changed"));
  EXPECT_EQ(watched(), names);
  // The same hunt again finds everything as it should be.
  const auto before = tokens();
  add("apt");
  run_well();
  EXPECT_EQ(tokens(), before);
}

TEST_F(HuntFaults, AFirewallThatFailsIsCaughtUpWithLater) {
  put_all(numbered("n", 10));
  add("apt");
  inject("CreateRuleGroup", "AccessDeniedException", 1);
  const auto refused = run();
  ASSERT_TRUE(refused.sync_failure.has_value());
  EXPECT_EQ(refused.sync_failure->code, ErrorCode::denied);
  EXPECT_TRUE(watched().empty());
  run_well();
  EXPECT_EQ(watched_below("evil-test.com"), 10U);
}

TEST_F(HuntFaults, WrongHuntsAreRefusedBeforeAnythingIsAsked) {
  const auto refused = [&](store::Hunt hunt, const std::string& words) {
    if (hunt.source.empty()) hunt.source = app::falcon_source;
    const auto added = add_hunt(context_, *ledger_, hunt);
    ASSERT_FALSE(added.has_value()) << words;
    EXPECT_THAT(added.error().to_text(), HasSubstr(words));
  };
  refused({.name = "A b"}, "is no name of a hunt");
  refused({.name = "a", .filter = "type:'domain' AND x:'y'"}, "use `+`");
  refused({.name = "a", .source = "http://lists.example/x"}, "use https");
  refused({.name = "a", .source = "https://user:pw@lists.example/x"}, "--source");
  refused({.name = "a", .source = "list.txt", .filter = "type:'domain'"}, "only Falcon understands a filter");
  refused({.name = "a", .expiry = "soon"}, "--expires");
  EXPECT_TRUE(ledger_->hunts()->empty());
  EXPECT_EQ(run({.names = {}}).hunts.size(), 0U);
  const auto unknown = run_hunts(context_, *ledger_, {.names = {"none"}});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace intelwall::app
