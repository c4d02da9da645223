#include "app/sightings.hpp"

#include <fstream>

#include "hunt_support.hpp"

namespace intelwall::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SightingsTest : public HuntTest {
 protected:
  void SetUp() override {
    HuntTest::SetUp();
    put("evil-test.com", {{"actors", {"SALTYSPIDER"}}, {"malware_families", {"Mofksys"}}});
    put("calm-test.com", {{"actors", {"OTHER"}}});
    add("apt");
    run_well();
  }

  std::string log() const { return (directory_ / "eve.json").string(); }
  void seen(const std::string& name, const std::string& workload, const std::string& time) const {
    std::ofstream(log(), std::ios::app)
        << fmt::format(
               R"({{"firewall_name":"f","event":{{"timestamp":"{}","event_type":"alert","src_ip":"{}","dest_ip":"198.51.100.80","dest_port":443,"alert":{{"action":"allowed"}},"tls":{{"sni":"{}"}}}}}})",
               time, workload, name)
        << "\n";
  }
  FollowOutcome step(LogFollower& follower) {
    auto outcome = follower.step();
    EXPECT_TRUE(outcome.has_value()) << outcome.error().to_text();
    return outcome.value_or(FollowOutcome{});
  }
};

TEST_F(SightingsTest, OneFindingForEachWorkloadAndDomainThatIsUpdated) {
  seen("www.evil-test.com", "10.0.0.5", "2026-11-20T10:00:00.000000+0000");
  seen("good.example", "10.0.0.5", "2026-11-20T10:00:01Z");
  LogFollower follower(context_, *ledger_, {log()}, LogFollower::Findings::raise);
  const auto first = step(follower);
  ASSERT_FALSE(first.not_raised) << first.not_raised->to_text();
  EXPECT_THAT(first.not_accepted, IsEmpty());
  EXPECT_EQ(first.findings, 1U);
  // The lab has no EC2.
  EXPECT_TRUE(first.no_instances.has_value());

  const auto id = sighting_finding_id("10.0.0.5", "evil-test.com");
  auto finding = stored(id);
  EXPECT_EQ(finding["Severity"]["Label"], "HIGH");
  EXPECT_EQ(finding["ProductFields"]["intelwall/actors"], "SALTYSPIDER");
  EXPECT_EQ(finding["ProductFields"]["intelwall/malware_families"], "Mofksys");
  EXPECT_EQ(finding["ThreatIntelIndicators"][0]["Value"], "evil-test.com");
  EXPECT_EQ(finding["Network"]["DestinationDomain"], "www.evil-test.com");
  EXPECT_EQ(finding["Network"]["SourceIpV4"], "10.0.0.5");
  EXPECT_EQ(finding["ProductFields"]["intelwall/count"], "1");
  EXPECT_EQ(finding["FirstObservedAt"], "2026-11-20T10:00:00Z");

  ahead_ += std::chrono::minutes{5};
  seen("evil-test.com", "10.0.0.5", "2026-11-20T12:00:00Z");
  EXPECT_EQ(step(follower).findings, 1U);
  EXPECT_EQ(step(follower).findings, 0U);
  finding = stored(id);
  EXPECT_EQ(finding["ProductFields"]["intelwall/count"], "2");
  EXPECT_EQ(finding["LastObservedAt"], "2026-11-20T12:00:00Z");
  EXPECT_EQ(finding["CreatedAt"], "2026-11-20T10:00:00Z");
  EXPECT_EQ(ledger_->sightings(10)->size(), 1U);
}

TEST_F(SightingsTest, TheActionOnItBlocksAndNothingElseDoes) {
  seen("evil-test.com", "10.0.0.5", "2026-11-20T10:00:00Z");
  LogFollower follower(context_, *ledger_, {log()}, LogFollower::Findings::raise);
  ASSERT_EQ(step(follower).findings, 1U);
  const auto finding = stored(sighting_finding_id("10.0.0.5", "evil-test.com"));

  aws::Json imported = pressed(aws::Json::array({finding}));
  imported["detail-type"] = "Security Hub Findings - Imported";
  imported["resources"] = {finding["Id"]};
  imported["detail"] = {{"findings", aws::Json::array({finding})}};
  const auto left = respond(context_, imported.dump(), Mode::write);
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(left->decisions, IsEmpty());
  EXPECT_EQ(left->findings.at(0).candidates.at(0).judgement.verdict, policy::Verdict::ask);
  EXPECT_EQ(left->findings.at(0).candidates.at(0).judgement.reasons.at(0).code, "own-finding");
  EXPECT_THAT(names(), IsEmpty());

  press({finding});
  EXPECT_THAT(names(), ElementsAre("evil-test.com"));
}

TEST_F(SightingsTest, WhatLogsSayReachesAFindingOnlyAsText) {
  seen("evil-test.com", "10.0.0.5\\u0007<script>", "never");
  LogFollower follower(context_, *ledger_, {log()}, LogFollower::Findings::raise);
  const auto outcome = step(follower);
  ASSERT_EQ(outcome.findings, 1U) << (outcome.not_accepted.empty() ? "" : outcome.not_accepted[0]);
  ASSERT_EQ(outcome.seen.size(), 1U);
  EXPECT_EQ(outcome.seen[0].workload.find('\a'), std::string::npos);
  EXPECT_EQ(outcome.seen[0].last, now());
}

TEST_F(SightingsTest, ADeadHubLosesNothing) {
  seen("evil-test.com", "10.0.0.5", "2026-11-20T10:00:00Z");
  auto session = *context_.session;
  context_.session->env = [](const std::string&) -> std::optional<std::string> { return "http://127.0.0.1:1"; };
  context_.session->retries.attempts = 1;
  LogFollower follower(context_, *ledger_, {log()}, LogFollower::Findings::raise);
  const auto outcome = step(follower);
  ASSERT_TRUE(outcome.not_raised.has_value());
  EXPECT_EQ(ledger_->sightings(10)->size(), 1U);
  // What could not be told is told once the hub is back.
  context_.session = session;
  EXPECT_EQ(step(follower).findings, 1U);
}

}  // namespace
}  // namespace intelwall::app
