// What becomes of connections that are open when their name is blocked.
#include "firewalls/cut.hpp"

#include <mutex>
#include <nlohmann/json.hpp>

#include "app/report.hpp"
#include "app/support.hpp"
#include "lab/data_plane.hpp"

namespace intelwall::app {
namespace {

using aws::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using CutResult = firewalls::Cut::Result;

/// An engine with connections through it, which notes what it was told to forget.
class OpenConnections final : public lab::DataPlane {
 public:
  Result<void> test(const lab::CompiledPolicy&) override { return {}; }
  Result<void> load(const lab::CompiledPolicy&) override { return {}; }
  lab::DataPlaneHealth health() override { return {lab::DataPlaneHealth::State::running, "", 0}; }
  Result<std::vector<lab::TcpFlow>> flows() override {
    const std::scoped_lock lock(mutex_);
    return open_;
  }
  Result<void> forget(const std::vector<lab::TcpFlow>& flows) override {
    const std::scoped_lock lock(mutex_);
    if (broken_) return fail(ErrorCode::system, "the engine is gone");
    forgotten_.insert(forgotten_.end(), flows.begin(), flows.end());
    return {};
  }

  void open(std::vector<lab::TcpFlow> flows) {
    const std::scoped_lock lock(mutex_);
    open_ = std::move(flows);
  }
  void break_it() {
    const std::scoped_lock lock(mutex_);
    broken_ = true;
  }
  std::vector<lab::TcpFlow> forgotten() const {
    const std::scoped_lock lock(mutex_);
    return forgotten_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<lab::TcpFlow> open_, forgotten_;
  bool broken_ = false;
};

const lab::TcpFlow to_bad{"10.94.0.10", 40'000, "198.51.100.80", 443};
const lab::TcpFlow to_good{"10.94.0.10", 40'001, "198.51.100.80", 443};
const lab::TcpFlow elsewhere{"10.94.0.10", 40'002, "203.0.113.9", 443};

class CutTest : public AroundTest {
 protected:
  void SetUp() override {
    lab::CloudOptions options;
    options.data_plane = plane_;
    set_up(std::move(options));
    plane_->open({to_bad, to_good, elsewhere});
  }
  static Json with_network(Json finding, const Json& network) {
    finding["Network"] = network;
    return finding;
  }
  static Json whole_network() {
    return {{"Direction", "OUT"},
            {"Protocol", "TCP"},
            {"SourceIpV4", "10.94.0.10"},
            {"SourcePort", 40'000},
            {"DestinationIpV4", "198.51.100.80"},
            {"DestinationPort", 443}};
  }
  void set_stream_exception(const std::string& word) {
    const aws::NetworkFirewallClient client(session());
    const auto policy = client.describe_policy(lab::policy_name).value_or(aws::PolicyState{});
    auto body = policy.body;
    body["StatefulEngineOptions"]["StreamExceptionPolicy"] = word;
    ASSERT_TRUE(client.update_policy(policy, body).has_value());
  }
  std::shared_ptr<OpenConnections> plane_ = std::make_shared<OpenConnections>();
};

TEST_F(CutTest, CutsTheConnectionThatTheFindingNamesAndNoOther) {
  const auto made = with_network(finding("f-1", "evil-corp.com"), whole_network());
  import({made});
  const auto outcome = press({made});
  ASSERT_EQ(outcome.findings.size(), 1U);
  ASSERT_TRUE(outcome.findings[0].cut.has_value());
  EXPECT_FALSE(outcome.findings[0].cut->failure) << outcome.findings[0].cut->failure->to_text();
  EXPECT_EQ(outcome.findings[0].cut->result, CutResult::cut);
  EXPECT_EQ(outcome.findings[0].cut->ended, 1U);
  EXPECT_THAT(plane_->forgotten(), ElementsAre(to_bad));
  EXPECT_EQ(exit_code(outcome), 0);
  EXPECT_THAT(note("f-1"), HasSubstr("live. Open connections cut: 1."));
  const auto json = to_json(outcome)["findings"][0];
  EXPECT_EQ(json["cut"]["result"], "cut");
  EXPECT_EQ(json["connections"][0]["path"], "Network");
}

TEST_F(CutTest, WithoutPortsAllBetweenTheTwoAddressesIsCut) {
  auto network = whole_network();
  network.erase("SourcePort");
  // Products do not agree on which side is the source.
  std::swap(network["SourceIpV4"], network["DestinationIpV4"]);
  network.erase("DestinationPort");
  const auto outcome = press({with_network(finding("f-1", "evil-corp.com"), network)});
  EXPECT_EQ(outcome.findings[0].cut->ended, 2U);
  EXPECT_THAT(plane_->forgotten(), ElementsAre(to_bad, to_good));
}

TEST_F(CutTest, NoAddressIsToldAndNeverABareOne) {
  auto network = whole_network();
  network.erase("SourceIpV4");
  const auto bare = with_network(finding("f-1", "evil-corp.com"), network);
  import({bare});
  const auto outcome = press({bare});
  EXPECT_EQ(outcome.findings[0].cut->result, CutResult::no_address);
  EXPECT_THAT(plane_->forgotten(), IsEmpty());
  EXPECT_THAT(note("f-1"), HasSubstr("Open connections not cut: no address."));
  EXPECT_EQ(to_json(outcome)["findings"][0]["cut"]["result"], "no address");
  EXPECT_EQ(exit_code(outcome), 0);
}

TEST_F(CutTest, APolicyThatContinuesIsTold) {
  set_stream_exception("CONTINUE");
  const auto made = with_network(finding("f-1", "evil-corp.com"), whole_network());
  import({made});
  const auto outcome = press({made});
  EXPECT_EQ(outcome.findings[0].cut->result, CutResult::policy_continues);
  EXPECT_THAT(plane_->forgotten(), IsEmpty());
  EXPECT_THAT(note("f-1"), HasSubstr("Open connections not cut: policy continues."));
  set_stream_exception("REJECT");
  EXPECT_EQ(press({made}).findings[0].cut->result, CutResult::cut) << "pressed again, the block is there already";
}

TEST_F(CutTest, AFailureIsToldAndTheBlockStands) {
  const auto made = with_network(finding("f-1", "evil-corp.com"), whole_network());
  import({made});
  inject("StartFlowFlush", "AccessDeniedException", 1);
  auto outcome = press({made});
  ASSERT_TRUE(outcome.findings[0].cut->failure.has_value());
  EXPECT_EQ(exit_code(outcome), 3);
  EXPECT_THAT(note("f-1"), HasSubstr("were NOT cut"));
  EXPECT_THAT(names(), ElementsAre("evil-corp.com"));
  EXPECT_EQ(to_json(outcome)["findings"][0]["cut"]["result"], "failed");
  plane_->break_it();
  outcome = press({made});
  ASSERT_TRUE(outcome.findings[0].cut->failure.has_value());
  EXPECT_THAT(outcome.findings[0].cut->failure->message, HasSubstr("the engine is gone"));
}

TEST_F(CutTest, WithoutADropThereIsNothingToCut) {
  const auto made = with_network(finding("f-1", "evil-corp.com"), whole_network());
  EXPECT_FALSE(press({made}, "intelwallalert", "intelwall alert").findings[0].cut.has_value());
  EXPECT_FALSE(press({made}, "intelwallunblock", "intelwall unblock").findings[0].cut.has_value());
  EXPECT_FALSE(press({made}, "intelwallblock", "intelwall block", Mode::plan).findings[0].cut.has_value());
  const auto refused = with_network(finding("f-2", "amazonaws.com"), whole_network());
  EXPECT_FALSE(press({refused}).findings[0].cut.has_value());
  EXPECT_THAT(plane_->forgotten(), IsEmpty());
}

TEST_F(CutTest, ManyConnectionsTakeSeveralOperations) {
  std::vector<lab::TcpFlow> open;
  std::vector<Json> findings;
  for (std::uint16_t i = 0; i < 35; ++i) {
    open.push_back({"10.94.0.10", static_cast<std::uint16_t>(50'000 + i), "198.51.100.80", 443});
    auto network = whole_network();
    network["SourcePort"] = 50'000 + i;
    findings.push_back(with_network(finding(fmt::format("f-{}", i), fmt::format("evil{}.example", i)), network));
  }
  plane_->open(open);
  const auto outcome = press(findings);
  for (const auto& judged : outcome.findings) EXPECT_EQ(judged.cut->ended, 1U);
  EXPECT_EQ(plane_->forgotten().size(), 35U);
}

TEST(ConnectionTest, CoversBothDirectionsAndAnyPortThatIsNotTold) {
  const firewalls::Connection exact{"10.0.0.1", "203.0.113.7", 40'000, 443};
  EXPECT_TRUE(exact.covers({"10.0.0.1", "203.0.113.7", 40'000, 443}));
  EXPECT_TRUE(exact.covers({"203.0.113.7", "10.0.0.1", 443, 40'000}));
  EXPECT_FALSE(exact.covers({"10.0.0.1", "203.0.113.7", 40'001, 443}));
  EXPECT_FALSE(exact.covers({"10.0.0.2", "203.0.113.7", 40'000, 443}));
  EXPECT_TRUE((firewalls::Connection{"10.0.0.1", "203.0.113.7"}).covers({"203.0.113.7", "10.0.0.1", 443, 40'001}));
}

}  // namespace
}  // namespace intelwall::app
