// What the lab's cloud tells about the engine behind it: refused rules, versions on their way, loads that fail.
#include "lab/cloud_deployment.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "lab/cloud_support.hpp"

namespace intelwall::lab {
namespace {

using namespace test;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// An engine that does as it is told.
class FakePlane final : public DataPlane {
 public:
  Result<void> test(const CompiledPolicy& policy) override {
    const std::scoped_lock lock(mutex_);
    ++tests_;
    if (policy.rules.find(poison_) != std::string::npos)
      return fail(ErrorCode::invalid_input, "the engine does not like the keyword", "line 1");
    return {};
  }
  Result<void> load(const CompiledPolicy& policy) override {
    std::unique_lock lock(mutex_);
    ++loads_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    if (!works_) return fail(ErrorCode::system, "the engine is gone");
    loaded_ = policy.rules;
    return {};
  }
  Result<std::vector<TcpFlow>> flows() override { return flows_; }
  Result<void> forget(const std::vector<TcpFlow>& flows) override {
    const std::scoped_lock lock(mutex_);
    if (!works_) return fail(ErrorCode::system, "the engine is gone");
    forgotten_.insert(forgotten_.end(), flows.begin(), flows.end());
    return {};
  }
  DataPlaneHealth health() override { return {DataPlaneHealth::State::running, "", 0}; }

  void set_open(bool open) { set(open_, open); }
  void set_works(bool works) { set(works_, works); }
  int tests() const { return get(tests_); }
  int loads() const { return get(loads_); }
  std::string loaded() const { return get(loaded_); }
  std::vector<TcpFlow> forgotten() const { return get(forgotten_); }
  const std::vector<TcpFlow> flows_{{"10.94.0.10", 40'000, "198.51.100.80", 443},
                                    {"10.94.0.10", 40'001, "198.51.100.80", 443},
                                    {"10.94.0.10", 40'002, "198.51.100.81", 80}};
  void wait_for_loads(int count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 20s, [this, count] { return loads_ >= count; }));
  }

 private:
  template <class T>
  T get(const T& value) const {
    const std::scoped_lock lock(mutex_);
    return value;
  }
  void set(bool& what, bool value) {
    const std::scoped_lock lock(mutex_);
    what = value;
    changed_.notify_all();
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true, works_ = true;
  int tests_ = 0, loads_ = 0;
  std::string loaded_;
  std::vector<TcpFlow> forgotten_;
  const std::string poison_ = "evil666";
};

Json firewall(Endpoint& endpoint) {
  return firewall_call(endpoint, "DescribeFirewall", {{"FirewallName", firewall_name}}).second["FirewallStatus"];
}
std::string summary(Endpoint& endpoint) {
  return firewall(endpoint)["ConfigurationSyncStateSummary"];
}

bool becomes(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

class CloudWithPlane : public ::testing::Test {
 protected:
  void start() {
    CloudOptions made = options();
    made.data_plane = plane_;
    endpoint_ = std::make_unique<Endpoint>(std::move(made));
  }
  void TearDown() override {
    plane_->set_open(true);
    if (endpoint_) endpoint_->stop();
  }
  std::shared_ptr<FakePlane> plane_ = std::make_shared<FakePlane>();
  std::unique_ptr<Endpoint> endpoint_;
};

TEST_F(CloudWithPlane, loads_the_seed_and_then_what_is_referred_to) {
  start();
  EXPECT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
  const std::string arn = add_group(*endpoint_, "g", rule(7), 1);
  EXPECT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
  EXPECT_THAT(plane_->loaded(), HasSubstr("evil7.com"));
  ASSERT_EQ(update_group(*endpoint_, arn, rule(8)).first, 200);
  EXPECT_TRUE(becomes([this] { return plane_->loaded().find("evil8.com") != std::string::npos; }));
}

TEST_F(CloudWithPlane, what_the_engine_refuses_is_refused_with_its_words_and_changes_nothing) {
  start();
  const std::string arn = add_group(*endpoint_, "g", rule(7), 1);
  const std::string token = token_of(*endpoint_, arn);
  const auto refused = update_group(*endpoint_, arn, rule(666));
  EXPECT_EQ(error_of(refused), "InvalidRequestException");
  EXPECT_THAT(message_of(refused), HasSubstr("the engine does not like the keyword"));
  EXPECT_EQ(token_of(*endpoint_, arn), token);
  const auto alone = firewall_call(
      *endpoint_, "CreateRuleGroup",
      {{"RuleGroupName", "alone"}, {"Type", "STATEFUL"}, {"Capacity", 9}, {"RuleGroup", strict_group(rule(666))}});
  EXPECT_EQ(error_of(alone), "InvalidRequestException") << "a group that nothing refers to is tested too";
  EXPECT_EQ(firewall_call(*endpoint_, "ListRuleGroups", Json::object()).second["RuleGroups"].size(), 1u);
}

TEST_F(CloudWithPlane, a_dry_run_is_tested_and_never_loaded) {
  start();
  const std::string arn = add_group(*endpoint_, "g", rule(7), 1);
  ASSERT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
  const int loads = plane_->loads(), tests = plane_->tests();
  const auto dry = [&](int sid) {
    return firewall_call(*endpoint_, "UpdateRuleGroup",
                         {{"RuleGroupArn", arn},
                          {"UpdateToken", token_of(*endpoint_, arn)},
                          {"RuleGroup", strict_group(rule(sid))},
                          {"DryRun", true}});
  };
  EXPECT_EQ(dry(8).first, 200);
  EXPECT_EQ(error_of(dry(666)), "InvalidRequestException");
  EXPECT_EQ(plane_->tests(), tests + 2);
  EXPECT_EQ(plane_->loads(), loads);
  EXPECT_EQ(summary(*endpoint_), "IN_SYNC");
}

TEST_F(CloudWithPlane, is_pending_with_the_new_token_until_the_load_is_done) {
  start();
  const std::string arn = add_group(*endpoint_, "g", rule(7), 1);
  ASSERT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
  plane_->set_open(false);
  ASSERT_EQ(update_group(*endpoint_, arn, rule(8)).first, 200);
  const Json status = firewall(*endpoint_);
  EXPECT_EQ(status["ConfigurationSyncStateSummary"], "PENDING");
  for (const char* zone : {"us-east-1a", "us-east-1b"}) {
    const Json& state = status["SyncStates"][zone]["Config"][arn];
    EXPECT_EQ(state["SyncStatus"], "PENDING");
    EXPECT_EQ(state["UpdateToken"], token_of(*endpoint_, arn));
  }
  plane_->set_open(true);
  EXPECT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
}

TEST_F(CloudWithPlane, loads_only_the_newest_of_many) {
  start();
  const std::string arn = add_group(*endpoint_, "g", rule(7), 1);
  ASSERT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
  plane_->set_open(false);
  const int before = plane_->loads();
  ASSERT_EQ(update_group(*endpoint_, arn, rule(100)).first, 200);
  plane_->wait_for_loads(before + 1);
  for (int sid = 101; sid <= 120; ++sid) ASSERT_EQ(update_group(*endpoint_, arn, rule(sid)).first, 200);
  plane_->set_open(true);
  EXPECT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
  EXPECT_THAT(plane_->loaded(), HasSubstr("evil120.com"));
  EXPECT_EQ(plane_->loads(), before + 2);
}

TEST_F(CloudWithPlane, a_load_that_fails_stays_pending_says_why_and_is_tried_again) {
  start();
  const std::string arn = add_group(*endpoint_, "g", rule(7), 1);
  ASSERT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
  plane_->set_works(false);
  ASSERT_EQ(update_group(*endpoint_, arn, rule(8)).first, 200);
  const auto why = [this] {
    return firewall(*endpoint_)["SyncStates"]["us-east-1a"]["Attachment"].value("StatusMessage", "");
  };
  EXPECT_TRUE(becomes([&why] { return why().find("the engine is gone") != std::string::npos; }));
  EXPECT_EQ(summary(*endpoint_), "PENDING");
  plane_->set_works(true);
  EXPECT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
  EXPECT_EQ(why(), "");
  EXPECT_THAT(plane_->loaded(), HasSubstr("evil8.com"));
}

TEST(CloudSync, an_extra_delay_shows_as_pending) {
  CloudOptions made = options();
  made.sync_delay = std::chrono::hours(1);
  Endpoint slow(std::move(made));
  EXPECT_EQ(summary(slow), "PENDING");
  Endpoint fast(options());
  EXPECT_EQ(summary(fast), "IN_SYNC");
}

/// Flow operations of the seeded firewall.
class FlowOperationsOfTheLab : public CloudWithPlane {
 protected:
  Json call(const std::string& operation, Json input) {
    if (!input.contains("FirewallArn")) input["FirewallArn"] = arn();
    const auto answer = firewall_call(*endpoint_, operation, input);
    EXPECT_EQ(answer.first, 200) << answer.second;
    return answer.second;
  }
  std::string arn() {
    return firewall_call(*endpoint_, "DescribeFirewall", {{"FirewallName", firewall_name}})
        .second["Firewall"]["FirewallArn"];
  }
  /// The results when it is over.
  Json finished(const Json& started) {
    const Json id{{"FlowOperationId", started["FlowOperationId"]}};
    EXPECT_TRUE(becomes([&] { return call("DescribeFlowOperation", id)["FlowOperationStatus"] != "IN_PROGRESS"; }));
    return call("ListFlowOperationResults", id);
  }
  Json flush(const Json& filters, const std::string& zone = "us-east-1a") {
    return finished(call("StartFlowFlush", {{"AvailabilityZone", zone}, {"FlowFilters", filters}}));
  }
  static Json address(const std::string& text) { return {{"AddressDefinition", text}}; }
};

TEST_F(FlowOperationsOfTheLab, flush_what_the_filters_name_and_nothing_else) {
  start();
  const auto results = flush(Json::array({{{"SourceAddress", address("10.94.0.0/24")},
                                           {"DestinationAddress", address("198.51.100.80")},
                                           {"SourcePort", "40000"},
                                           {"DestinationPort", "443"},
                                           {"Protocols", {"6"}}}}));
  EXPECT_EQ(results["FlowOperationStatus"], "COMPLETED");
  ASSERT_EQ(results["Flows"].size(), 1U) << results;
  EXPECT_EQ(results["Flows"][0]["SourcePort"], "40000");
  EXPECT_EQ(plane_->forgotten(), std::vector<TcpFlow>{plane_->flows_[0]});
  const auto flushed = [&](const Json& filters) { return flush(filters)["Flows"].size(); };
  EXPECT_EQ(flushed(Json::array({{{"DestinationAddress", address("198.51.100.80/32")}}})), 2U);
  EXPECT_EQ(flushed(Json::array({{{"DestinationPort", "80:442"}}})), 1U);
  EXPECT_EQ(flushed(Json::array({{{"DestinationPort", "ANY"}}})), 3U);
  EXPECT_EQ(flushed(Json::array({{{"Protocols", {"17"}}}})), 0U);
  EXPECT_EQ(flushed(Json::array({{{"SourceAddress", address("fd00::/8")}}})), 0U);
  EXPECT_EQ(flushed(Json::array({{{"SourcePort", "40001"}}, {{"SourcePort", "40002"}}})), 2U);
  EXPECT_EQ(flush(Json::array({{{"SourcePort", "ANY"}}}), "us-east-1b")["Flows"].size(), 0U) << "no host is there";
}

TEST_F(FlowOperationsOfTheLab, captures_touch_nothing_and_all_are_listed) {
  start();
  const auto captured = finished(
      call("StartFlowCapture", {{"AvailabilityZone", "us-east-1a"}, {"FlowFilters", {{{"SourcePort", "ANY"}}}}}));
  EXPECT_EQ(captured["Flows"].size(), 3U);
  EXPECT_TRUE(plane_->forgotten().empty());
  flush(Json::array({{{"SourcePort", "40000"}}}));
  EXPECT_EQ(call("ListFlowOperations", Json::object())["FlowOperations"].size(), 2U);
  const auto captures = call("ListFlowOperations", {{"FlowOperationType", "FLOW_CAPTURE"}})["FlowOperations"];
  ASSERT_EQ(captures.size(), 1U);
  EXPECT_EQ(captures[0]["FlowOperationId"], captured["FlowOperationId"]);
}

TEST_F(FlowOperationsOfTheLab, tell_when_the_engine_fails) {
  start();
  ASSERT_TRUE(becomes([this] { return summary(*endpoint_) == "IN_SYNC"; }));
  plane_->set_works(false);
  const auto results = flush(Json::array({{{"SourcePort", "40000"}}}));
  EXPECT_EQ(results["FlowOperationStatus"], "FAILED");
  EXPECT_EQ(results["StatusMessage"], "the engine is gone");
  EXPECT_TRUE(results["Flows"].empty());
  plane_->set_works(true);
}

TEST_F(FlowOperationsOfTheLab, refuse_what_says_nothing) {
  start();
  const auto refused = [&](Json input) {
    if (!input.contains("FirewallArn")) input["FirewallArn"] = arn();
    return error_of(firewall_call(*endpoint_, "StartFlowFlush", input));
  };
  const Json any = Json::array({{{"SourcePort", "ANY"}}});
  EXPECT_EQ(refused({{"FlowFilters", any}}), "InvalidRequestException") << "each zone has flows of its own";
  EXPECT_EQ(refused({{"FlowFilters", any}, {"AvailabilityZone", "us-east-1z"}}), "InvalidRequestException");
  EXPECT_EQ(refused({{"FlowFilters", Json::array()}, {"AvailabilityZone", "us-east-1a"}}), "InvalidRequestException");
  EXPECT_EQ(refused({{"FlowFilters", std::vector<Json>(21, any[0])}, {"AvailabilityZone", "us-east-1a"}}),
            "InvalidRequestException");
  EXPECT_EQ(refused({{"FirewallArn", "arn:aws:network-firewall:us-east-1:111122223333:firewall/other"},
                     {"FlowFilters", any},
                     {"AvailabilityZone", "us-east-1a"}}),
            "ResourceNotFoundException");
  for (const Json& filter :
       {Json{{"SourcePort", "x"}}, Json{{"SourcePort", "5:4"}}, Json{{"SourcePort", "70000"}},
        Json{{"SourcePort", ":"}}, Json{{"SourceAddress", address("10.0.0.0/33")}},
        Json{{"SourceAddress", address("evil.example")}}, Json{{"SourceAddress", address("10.0.0.0/")}},
        Json{{"Protocols", {"tcp"}}}, Json{{"Protocols", {"256"}}}})
    EXPECT_EQ(refused({{"FlowFilters", Json::array({filter})}, {"AvailabilityZone", "us-east-1a"}}),
              "InvalidRequestException")
        << filter;
}

}  // namespace
}  // namespace intelwall::lab
