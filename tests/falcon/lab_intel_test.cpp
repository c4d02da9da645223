// Pulls over real HTTP from the lab's Falcon Intel, while its indicators change.
#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <thread>

#include "falcon/intel.hpp"
#include "falcon/support.hpp"
#include "lab/falcon_cloud.hpp"

namespace intelwall::falcon {
namespace {

constexpr std::uint32_t count = 300;
constexpr std::size_t own = 4;  ///< indicators of the lab's own names

class LabIntel : public testing::Test {
 protected:
  LabIntel() {
    for (const char* name : {"NO_PROXY", "no_proxy"}) setenv(name, "127.0.0.1", 1);
    lab::FalconOptions options;
    options.port = 0;
    options.client_secret = secret;
    options.indicators = count;
    auto started = lab::start_falcon(std::move(options));
    EXPECT_TRUE(started) << started.error().to_text();
    cloud_ = *std::move(started);
    client_ = client();
  }
  std::shared_ptr<Client> client() const {
    Session session;
    session.http = aws::make_curl_client();
    session.settings.origin = {"http", "127.0.0.1:" + std::to_string(cloud_->port())};
    session.settings.client_id = lab::falcon_client_id;
    session.settings.client_secret = secret;
    session.retries.base = milliseconds(1);
    return std::make_shared<Client>(std::move(session));
  }
  void post(const std::string& route, const Json& body) {
    const auto answer = client_->call({.method = "POST", .path = "/lab/falcon/" + route, .body = aws::dump_json(body)});
    EXPECT_TRUE(answer) << answer.error().to_text();
  }
  using Known = std::map<std::string, intel::Indicator>;
  /// Goes on from `from`, which it moves.
  Known pull(IndicatorCursor& from, std::size_t page_size, const std::optional<fql::Filter>& filter = std::nullopt) {
    Known known;
    const auto report =
        Intel(client_).pull({.filter = filter, .deleted = IndicatorQuery::Deleted::included, .page_size = page_size},
                            from, [&](const PulledPage& page) -> Result<void> {
                              for (const auto& each : page.indicators) known[each.id] = each;
                              return {};
                            });
    EXPECT_TRUE(report) << report.error().to_text();
    if (report) from = report->cursor;
    return known;
  }

  std::unique_ptr<lab::FalconCloud> cloud_;
  std::shared_ptr<Client> client_;
};

TEST_F(LabIntel, EveryPageSizeGivesTheSame) {
  IndicatorCursor cursor;
  const Known whole = pull(cursor, 10'000);
  EXPECT_EQ(whole.size(), count + own);
  for (const std::size_t size : {7, 37, 304}) {
    IndicatorCursor other;
    EXPECT_EQ(pull(other, size), whole) << size;
    EXPECT_EQ(other, cursor);
  }
  for (const bool sends_next_page : {false, true}) {
    post("manners", {{"most_a_page", 19}, {"next_page", sends_next_page}});
    IndicatorCursor other;
    EXPECT_EQ(pull(other, 100), whole);
  }
}

TEST_F(LabIntel, ADeltaHoldsWhatChanged) {
  IndicatorCursor cursor;
  pull(cursor, 100);
  EXPECT_TRUE(pull(cursor, 100).empty()) << "nothing changed";
  post("indicators", {{"indicators",
                       {{{"type", "domain"}, {"indicator", "new.example"}, {"actors", {"NEWBEAR"}}},
                        {{"id", "domain_badcdn.example"}, {"deleted", true}}}}});
  const Known delta = pull(cursor, 100);
  ASSERT_EQ(delta.size(), 2);
  EXPECT_EQ(delta.at("domain_new.example").actors, std::vector<std::string>{"NEWBEAR"});
  EXPECT_TRUE(delta.at("domain_badcdn.example").deleted);
  EXPECT_EQ(delta.at("domain_badcdn.example").actors, std::vector<std::string>{"SALTYSPIDER"});
  post("time", {{"forward", "61d"}});
  const Known aged = pull(cursor, 100);
  EXPECT_EQ(aged.at("domain_new.example").confidence, intel::Confidence::medium);
  for (const auto& [id, each] : aged) EXPECT_NE(each.confidence, intel::Confidence::high) << id;
  EXPECT_TRUE(pull(cursor, 100, *fql::parse("malicious_confidence:'high'+deleted:false")).empty());
}

TEST_F(LabIntel, PullsWhileItChanges) {
  std::atomic<bool> over = false;
  std::jthread writer([&] {
    for (int i = 0; i < 50; ++i)
      post("indicators", {{"indicators", {{{"type", "domain"}, {"indicator", "n" + std::to_string(i) + ".example"}}}}});
    over = true;
  });
  IndicatorCursor cursor;
  Known known;
  do {
    known.merge(pull(cursor, 50));
  } while (!over);
  writer.join();
  known.merge(pull(cursor, 50));
  EXPECT_EQ(known.size(), count + own + 50);
}

TEST_F(LabIntel, HostileIndicatorsAreRefused) {
  Json deep = 1;
  for (int i = 0; i < 100; ++i) deep = Json::array({std::move(deep)});
  for (const Json& bad : {Json{{"type", "domain"}, {"indicator", "x"}, {"deep", deep}}, Json(7), Json{{"id", "x"}},
                          Json{{"type", "domain"}, {"indicator", "x"}, {"malicious_confidence", "huge"}}}) {
    const auto answer = client_->call({.method = "POST",
                                       .path = "/lab/falcon/indicators",
                                       .body = aws::dump_json({{"indicators", {bad}}}),
                                       .scope = "lab"});
    ASSERT_FALSE(answer) << bad.dump();
    EXPECT_EQ(answer.error().code, ErrorCode::invalid_input);
  }
  IndicatorCursor cursor;
  EXPECT_EQ(pull(cursor, 1'000).size(), count + own);
}

}  // namespace
}  // namespace intelwall::falcon
