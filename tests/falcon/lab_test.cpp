// The client over real HTTP against the lab's Falcon endpoint, broken on purpose.
#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "falcon/alerts.hpp"
#include "falcon/stream_reader.hpp"
#include "falcon/support.hpp"
#include "lab/falcon_cloud.hpp"

namespace intelwall::falcon {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class LabFalcon : public testing::Test {
 protected:
  LabFalcon() {
    for (const char* name : {"NO_PROXY", "no_proxy"}) setenv(name, "127.0.0.1", 1);
  }

  void start(lab::FalconOptions options = {}) {
    options.port = 0;
    options.client_secret = secret;
    options.keep_alive = milliseconds(100);
    auto started = lab::start_falcon(std::move(options));
    ASSERT_TRUE(started) << started.error().to_text();
    cloud_ = *std::move(started);
    client_ = std::make_shared<Client>(session());
  }
  Session session(const char* client_secret = secret) const {
    Session session;
    session.http = aws::make_curl_client();
    session.settings.origin = {"http", "127.0.0.1:" + std::to_string(cloud_->port())};
    session.settings.client_id = lab::falcon_client_id;
    session.settings.client_secret = client_secret;
    session.retries.base = milliseconds(1);
    return session;
  }
  Json post(const std::string& path, const Json& body) {
    const auto answer = client_->call({.method = "POST", .path = path, .body = aws::dump_json(body)});
    EXPECT_TRUE(answer) << answer.error().to_text();
    return answer ? Json(answer->resources) : Json();
  }
  /// Detections "PREFIX-0" …, one after the other to the partitions in turn.
  void send_events(const std::string& prefix, int count) {
    Json events = Json::array();
    for (int i = 0; i < count; ++i) {
      events.push_back({{"eventType", "EppDetectionSummaryEvent"},
                        {"event",
                         {{"CompositeId", prefix + "-" + std::to_string(i)},
                          {"Name", "IntelDomainHigh"},
                          {"Severity", 70},
                          {"Hostname", "host1"},
                          {"IOCType", "domain"},
                          {"IOCValue", "evil.example.com"}}}});
    }
    post("/lab/falcon/events", {{"events", events}});
  }
  /// Reads until quiet.
  Result<void> read(milliseconds silence = milliseconds(60'000), milliseconds idle = milliseconds(1'200)) {
    ReaderOptions options;
    options.until_idle = idle;
    options.retry_base = milliseconds(5);
    options.retry_cap = milliseconds(50);
    options.discovery_wait = milliseconds(50);
    options.poll = milliseconds(10);
    StreamReader reader(client_, *PublicSuffixes::load(), aws::make_curl_streaming_client(silence), store_, options,
                        {.deliver = [this](const std::vector<StreamEvent>& batch) -> Result<void> {
                           for (const auto& event : batch) ++seen_[event.json];
                           return {};
                         },
                         .tell = [this](const Error& error) { told_.push_back(error.to_text()); }});
    auto done = reader.run({});
    totals_ = reader.totals();
    return done;
  }

  struct MemoryStore final : OffsetStore {
    Result<Offsets> load() override { return saved; }
    Result<void> save(const Offsets& offsets) override {
      saved = offsets;
      return {};
    }
    Offsets saved;
  };

  std::unique_ptr<lab::FalconCloud> cloud_;
  std::shared_ptr<Client> client_;
  std::shared_ptr<MemoryStore> store_ = std::make_shared<MemoryStore>();
  std::map<std::string, int> seen_;
  std::vector<std::string> told_;
  ReaderTotals totals_;
};

TEST_F(LabFalcon, ReadsAllPartitionsAndGoesOn) {
  start({.partitions = 3});
  send_events("a", 500);
  auto done = read();
  ASSERT_TRUE(done) << done.error().to_text();
  EXPECT_THAT(seen_, SizeIs(500));
  EXPECT_THAT(store_->saved, SizeIs(3));
  EXPECT_EQ(totals_.damages, 0U);
  EXPECT_EQ(totals_.connections, 3U);
  send_events("b", 3);
  done = read();
  ASSERT_TRUE(done) << done.error().to_text();
  EXPECT_THAT(seen_, SizeIs(503));
  for (const auto& [event, times] : seen_) EXPECT_EQ(times, 1) << event;
}

TEST_F(LabFalcon, LosesNothingThroughEveryFault) {
  start();
  send_events("a", 100);
  for (const Json& fault : {Json{{"fault", "open"}, {"status", 503}, {"times", 2}},
                            Json{{"fault", "garbage"}, {"times", 3}}, Json{{"fault", "cut"}, {"times", 3}},
                            Json{{"fault", "slow"}, {"times", 2}}, Json{{"fault", "in_use"}, {"times", 2}},
                            Json{{"fault", "open"}, {"status", 401}}, Json{{"fault", "silent"}, {"milliseconds", 300}},
                            Json{{"fault", "api"}, {"path", "/sensors"}, {"status", 502}}}) {
    post("/lab/falcon/faults", fault);
  }
  const auto done = read();
  ASSERT_TRUE(done) << done.error().to_text();
  EXPECT_THAT(seen_, SizeIs(100));
  EXPECT_GE(totals_.damages, 3U + 3U);
  EXPECT_GE(totals_.discoveries, 2U);
  EXPECT_THAT(told_, testing::Contains(HasSubstr("are no event and were passed over")));
}

TEST_F(LabFalcon, KeepsAShortSessionAliveAndOutlivesItsEnd) {
  start({.refresh_interval = seconds(2), .session_lifetime = seconds(3)});
  std::jthread sender([this] {
    for (int i = 0; i < 8; ++i) {
      std::this_thread::sleep_for(milliseconds(500));
      send_events("part-" + std::to_string(i), 4);
    }
  });
  std::uint64_t refreshes = 0, discoveries = 0;
  for (int reads = 0; seen_.size() < 32 && reads < 20; ++reads) {
    const auto done = read();
    ASSERT_TRUE(done) << done.error().to_text();
    refreshes += totals_.refreshes;
    discoveries += totals_.discoveries;
  }
  sender.join();
  EXPECT_THAT(seen_, SizeIs(32));
  EXPECT_GE(refreshes, 2U);
  EXPECT_GE(discoveries, 2U);
}

TEST_F(LabFalcon, ASilentStreamIsLeft) {
  start({.partitions = 1});
  send_events("a", 1);
  post("/lab/falcon/faults", {{"fault", "silent"}, {"milliseconds", 60'000}});
  const auto done = read(milliseconds(1'000), milliseconds(6'000));
  ASSERT_TRUE(done) << done.error().to_text();
  EXPECT_THAT(seen_, SizeIs(1));
  EXPECT_THAT(told_, testing::Contains(HasSubstr("nothing came for 1 s")));
}

TEST_F(LabFalcon, StopsInTime) {
  start();
  std::stop_source stop;
  StreamReader reader(
      client_, *PublicSuffixes::load(), aws::make_curl_streaming_client(), store_, {},
      {.deliver = [](const std::vector<StreamEvent>&) -> Result<void> { return {}; }, .tell = [](const Error&) {}});
  std::jthread running([&] { EXPECT_TRUE(reader.run(stop.get_token())); });
  while (reader.totals().connections < 2) std::this_thread::sleep_for(milliseconds(5));
  stop.request_stop();
  running.join();
  const auto state = client_->call({.path = "/lab/falcon/state"});
  ASSERT_TRUE(state) << state.error().to_text();
}

TEST_F(LabFalcon, AlertsFollowTheEvents) {
  start();
  send_events("a", 25);
  send_events("a", 1);  // again: an update, no second alert
  post("/lab/falcon/alerts", {{"alerts", Json::array({{{"composite_id", "own"}, {"severity", 10}}})}});
  const AlertsClient alerts(client_);
  const auto ids = alerts.query({"ioc_type:'domain'+severity:>=60", "composite_id|asc", 10}, 20);
  ASSERT_TRUE(ids) << ids.error().to_text();
  EXPECT_EQ(ids->total, 25U);
  EXPECT_THAT(ids->ids, SizeIs(5));
  std::size_t pages = 0, count = 0;
  const auto done = alerts.each_page({updated_since(system_now() - seconds(3600)), "updated_timestamp|asc", 10},
                                     [&](std::vector<Json> page) -> Result<void> {
                                       ++pages;
                                       count += page.size();
                                       return {};
                                     });
  ASSERT_TRUE(done) << done.error().to_text();
  EXPECT_EQ(pages, 3U);
  EXPECT_EQ(count, 26U);
  const auto found = alerts.entities({"own", "a-3", "nobody"});
  ASSERT_TRUE(found) << found.error().to_text();
  EXPECT_THAT(found->alerts, SizeIs(2));
  EXPECT_THAT(found->missing, SizeIs(1));
  const auto bad = alerts.query({"((", "", 10});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "Falcon answered 400: Invalid filter expression supplied");
}

TEST_F(LabFalcon, WrongKeysMissingScopesAndLimitsAreTold) {
  start();
  const auto refused = std::make_shared<Client>(session("not-the-secret-at-all"))->sign_in();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::denied);
  EXPECT_THAT(refused.error().to_text(), HasSubstr("Client authentication failed"));
  EXPECT_THAT(refused.error().to_text(), Not(HasSubstr("not-the-secret-at-all")));

  post("/lab/falcon/faults", {{"fault", "api"}, {"path", "/alerts"}, {"status", 403}});
  const auto scope = AlertsClient(client_).query({});
  ASSERT_FALSE(scope);
  EXPECT_THAT(scope.error().hint, HasSubstr("\"Alerts: Read\""));

  post("/lab/falcon/faults", {{"fault", "api"}, {"path", "/alerts"}, {"status", 429}, {"seconds", 1}});
  EXPECT_TRUE(AlertsClient(client_).query({})) << "after the wait that Falcon asked for";
}

TEST_F(LabFalcon, TokensEndAndAreRenewed) {
  auto now = std::make_shared<std::atomic<std::int64_t>>(system_now().time_since_epoch().count());
  start({.clock = [now] { return Time(seconds(now->load())); }});
  ASSERT_TRUE(AlertsClient(client_).query({}));
  *now += 1800;  // the endpoint's clock only: the client believes in its token
  EXPECT_TRUE(AlertsClient(client_).query({})) << "one 401, one new token";
}

TEST_F(LabFalcon, AnEndpointThatIsDownSaysWhatToDo) {
  start();
  cloud_->stop();
  const auto done = read();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_THAT(done.error().to_text(), HasSubstr("Falcon POST /oauth2/token, connecting to 127.0.0.1"));
}

TEST(LabFalconStart, NeedsASecretAndAFreePort) {
  EXPECT_FALSE(lab::start_falcon({.port = 0}));
  const auto one = lab::start_falcon({.port = 0, .client_secret = "s"});
  ASSERT_TRUE(one);
  const auto two = lab::start_falcon({.port = (*one)->port(), .client_secret = "s"});
  ASSERT_FALSE(two);
  EXPECT_THAT(two.error().hint, HasSubstr("--falcon-port"));
}

}  // namespace
}  // namespace intelwall::falcon
