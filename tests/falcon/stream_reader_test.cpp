#include "falcon/stream_reader.hpp"

#include <gmock/gmock.h>

#include <random>

#include "falcon/fake_hose.hpp"

namespace intelwall::falcon {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;

std::string key(const char* feed) {
  return std::string("api.crowdstrike.com/") + feed;
}

TEST(StreamReader, DeliversAllPartitionsInOrder) {
  FakeReading reading({20, 0, 33});
  const auto done = reading.run();
  ASSERT_TRUE(done) << done.error().to_text();
  EXPECT_EQ(reading.delivered["0"], FakeReading::count_to(20));
  EXPECT_THAT(reading.delivered["1"], IsEmpty());
  EXPECT_EQ(reading.delivered["2"], FakeReading::count_to(33));
  EXPECT_THAT(reading.batches, Each(Le(7U)));
  const Offsets saved{{key("0"), 20}, {key("2"), 33}};
  EXPECT_EQ(reading.store->saved, saved);
  EXPECT_EQ(reading.totals.events, 53U);
  EXPECT_EQ(reading.totals.connections, 3U);
  EXPECT_EQ(reading.totals.damages, 0U);
  const auto& request = reading.hose->opened[0];
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.host, "firehose.crowdstrike.com");
  EXPECT_EQ(header_of(request, "Authorization"), "Token session-1");
  EXPECT_EQ(header_of(request, "Date"), "Tue, 24 Nov 2026 14:03:04 GMT");
  EXPECT_EQ(query_of(request, "appId"), "intelwall");
  EXPECT_EQ(query_of(request, "offset"), "0");
}

TEST(StreamReader, GoesOnWhereItLeftOff) {
  FakeReading reading({20, 5});
  reading.store->saved = {{key("0"), 18}, {"api.eu-1.crowdstrike.com/1", 4}};
  ASSERT_TRUE(reading.run());
  EXPECT_THAT(reading.delivered["0"], ElementsAre(18, 19));
  EXPECT_EQ(reading.delivered["1"], FakeReading::count_to(5)) << "another cloud's offset says nothing";
}

TEST(StreamReader, MayBeginWithWhatIsNew) {
  FakeReading reading({20});
  reading.options.begin = {Position::From::newest, 0};
  reading.options.event_types = "DetectionSummaryEvent,EppDetectionSummaryEvent";
  ASSERT_TRUE(reading.run());
  EXPECT_THAT(reading.delivered["0"], IsEmpty());
  EXPECT_EQ(query_of(reading.hose->opened[0], "whence"), "2");
  EXPECT_EQ(query_of(reading.hose->opened[0], "offset"), "");
  EXPECT_EQ(query_of(reading.hose->opened[0], "eventType"), "DetectionSummaryEvent,EppDetectionSummaryEvent");
}

TEST(StreamReader, AnOffsetIsSavedOnlyAfterDelivery) {
  FakeReading reading({20});
  int calls = 0;
  reading.deliver = [&](const std::vector<StreamEvent>& batch) -> Result<void> {
    EXPECT_EQ(reading.store->saved[key("0")], batch.front().offset) << "what came before is saved, this is not";
    if (++calls == 3) return fail(ErrorCode::denied, "Security Hub says no");
    return {};
  };
  const auto done = reading.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "Security Hub says no");
  EXPECT_LT(reading.store->saved[key("0")], 20U);
}

TEST(StreamReader, ADeliveryThatIsUnavailableIsRepeated) {
  FakeReading reading({20});
  int calls = 0;
  const auto take = reading.deliver;
  reading.deliver = [&](const std::vector<StreamEvent>& batch) -> Result<void> {
    if (++calls % 3 != 0) return fail(ErrorCode::unavailable, "throttled");
    return take(batch);
  };
  ASSERT_TRUE(reading.run());
  EXPECT_EQ(reading.delivered["0"], FakeReading::count_to(20));
  EXPECT_THAT(reading.told, testing::Not(IsEmpty()));
}

TEST(StreamReader, ABrokenConnectionCostsNothing) {
  FakeReading reading({20, 11});
  reading.hose->break_after = 3;
  ASSERT_TRUE(reading.run());
  EXPECT_EQ(reading.delivered["0"], FakeReading::count_to(20));
  EXPECT_EQ(reading.delivered["1"], FakeReading::count_to(11));
  EXPECT_EQ(reading.totals.damages, 6U + 3U);
  EXPECT_EQ(reading.totals.discoveries, 1U);
  bool told = false;
  for (const auto& error : reading.told)
    told = told || (error.place.starts_with("feed 0, after offset 2, byte ") && error.message.starts_with("30 bytes"));
  EXPECT_TRUE(told);
}

TEST(StreamReader, AnEndedSessionIsDiscoveredAnew) {
  for (const int status : {401, 404}) {
    FakeReading reading({20, 11});
    reading.hose->break_after = 8;
    reading.hose->on_open = [&](int number, std::size_t) -> std::optional<aws::HttpResponse> {
      return number == 3 ? std::optional(FakeHose::answer(status, failure(status, "session expired"))) : std::nullopt;
    };
    ASSERT_TRUE(reading.run());
    EXPECT_EQ(reading.delivered["0"], FakeReading::count_to(20)) << status;
    EXPECT_EQ(reading.delivered["1"], FakeReading::count_to(11)) << status;
    EXPECT_EQ(reading.totals.discoveries, 2U);
    EXPECT_EQ(header_of(reading.hose->opened.back(), "Authorization"), "Token session-2");
  }
}

TEST(StreamReader, RefreshesAtNineTenthsOfTheInterval) {
  FakeReading reading({1, 1});
  auto now = std::make_shared<std::atomic<std::int64_t>>(reading.falcon.now->time_since_epoch().count());
  reading.clock = [now] { return Time(seconds(now->load())); };
  reading.options.until_idle = {};
  std::stop_source stop;
  std::jthread reader([&] { EXPECT_TRUE(reading.run(stop.get_token())); });
  const auto refreshed = [&](int wanted) {
    for (int i = 0; i < 2000; ++i) {
      {
        const std::lock_guard lock(reading.hose->mutex);
        if (reading.hose->refreshes >= wanted) return true;
      }
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  };
  while (!refreshed(0) || [&] {
    const std::lock_guard lock(reading.hose->mutex);
    return reading.hose->connections < 2;
  }()) {
  }
  *now += 1619;
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(reading.hose->refreshes, 0);
  *now += 1;
  EXPECT_TRUE(refreshed(2)) << "both feeds";
  *now += 1620;
  EXPECT_TRUE(refreshed(4));
  {
    const std::lock_guard lock(reading.hose->mutex);
    reading.hose->refresh_status = 404;
  }
  *now += 1620;
  for (int i = 0; i < 2000; ++i) {
    std::this_thread::sleep_for(milliseconds(1));
    const std::lock_guard lock(reading.hose->mutex);
    if (reading.hose->session == 2) break;
  }
  EXPECT_EQ(reading.hose->session, 2) << "a session that is gone is discovered anew";
  stop.request_stop();
  reader.join();
  for (const auto& request : reading.hose->asked) {
    if (!request.path.starts_with("/sensors/entities/datafeed-actions")) continue;
    EXPECT_EQ(header_of(request, "Content-Type"), "application/json");
    EXPECT_EQ(header_of(request, "Authorization"), "Bearer tok");
    EXPECT_EQ(query_of(request, "action_name"), "refresh_active_stream_session");
    EXPECT_EQ(request.body, "{}");
  }
}

TEST(StreamReader, WaitsForAnAppIdInUseAndThenSaysSo) {
  FakeReading reading({3});
  reading.hose->on_discovery = [](int number) -> std::optional<aws::HttpResponse> {
    return number <= 3 ? std::optional(FakeHose::answer(200, R"({"resources":[]})")) : std::nullopt;
  };
  ASSERT_TRUE(reading.run());
  EXPECT_EQ(reading.delivered["0"], FakeReading::count_to(3));
  EXPECT_THAT(reading.told, SizeIs(1));

  FakeReading busy({3});
  busy.hose->on_discovery = [](int) { return std::optional(FakeHose::answer(200, "")); };
  const auto done = busy.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::conflict);
  EXPECT_EQ(busy.hose->discoveries, 36);
  EXPECT_THAT(done.error().hint, HasSubstr("another consumer"));
}

TEST(StreamReader, AMissingScopeEndsItAtOnce) {
  FakeReading reading({3});
  reading.hose->on_discovery = [](int) {
    return std::optional(FakeHose::answer(403, failure(403, "access denied, authorization failed")));
  };
  auto done = reading.run();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().hint, HasSubstr("\"Event streams: Read\""));

  FakeReading at_opening({3});
  at_opening.hose->on_open = [](int, std::size_t) {
    return std::optional(FakeHose::answer(403, failure(403, "token session-1 is not allowed")));
  };
  done = at_opening.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::denied);
  EXPECT_THAT(done.error().message, HasSubstr("token *** is not allowed"));
}

TEST(StreamReader, SessionsThatNeverOpenEnd) {
  FakeReading reading({3});
  reading.options.discovery_attempts = 3;
  reading.hose->on_open = [](int, std::size_t) { return std::optional(FakeHose::answer(401, "")); };
  const auto done = reading.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::denied);
  EXPECT_EQ(reading.totals.discoveries, 3U);
}

TEST(StreamReader, AnOverloadedFeedIsTriedAgain) {
  FakeReading reading({3});
  reading.hose->on_open = [](int number, std::size_t) {
    return number <= 4 ? std::optional(FakeHose::answer(number % 2 == 0 ? 429 : 503, "")) : std::nullopt;
  };
  ASSERT_TRUE(reading.run());
  EXPECT_EQ(reading.delivered["0"], FakeReading::count_to(3));
}

TEST(StreamReader, TokensStayAtHome) {
  for (const auto* elsewhere :
       {"https://evil.com", "http://firehose.crowdstrike.com", "https://crowdstrike.com.evil.com",
        "https://notcrowdstrike.com", "https://firehose.crowdstrike.com@evil.com", "https://127.0.0.1", "ftp://x"}) {
    FakeReading reading({3});
    reading.hose->feed_host = elsewhere;
    const auto done = reading.run();
    ASSERT_FALSE(done) << elsewhere;
    EXPECT_EQ(done.error().code, ErrorCode::protocol) << elsewhere;
    EXPECT_THAT(reading.hose->opened, IsEmpty()) << elsewhere;
    EXPECT_EQ(reading.hose->refreshes, 0) << elsewhere;
  }
}

TEST(EventStreams, HomeIsTheOwnDomain) {
  const auto suffixes = *PublicSuffixes::load();
  const auto allowed = [&](const char* url, Origin home) {
    const auto parsed = parse_url(url);
    return parsed && check_home(*parsed, home, suffixes);
  };
  const Origin gov{"https", "api.laggar.gcw.crowdstrike.com"}, lab{"http", "127.0.0.1:4567"},
      own{"https", "api.falcon.co.uk"};
  EXPECT_TRUE(allowed("https://firehose.laggar.gcw.crowdstrike.com/", gov));
  EXPECT_TRUE(allowed("https://FIREHOSE.us-2.CrowdStrike.com./x", gov));
  EXPECT_FALSE(allowed("https://api.us-gov-2.crowdstrike.mil/", gov));
  EXPECT_TRUE(allowed("http://127.0.0.1:4567/feed", lab));
  EXPECT_TRUE(allowed("http://127.0.0.1:9/feed", lab)) << "the same machine";
  EXPECT_FALSE(allowed("http://127.0.0.2:4567/feed", lab));
  EXPECT_FALSE(allowed("https://evil.com/feed", lab));
  EXPECT_TRUE(allowed("https://hose.falcon.co.uk/", own));
  EXPECT_FALSE(allowed("https://evil.co.uk/", own)) << "a public suffix is nobody's";
}

TEST(EventStreams, OddAnswersAreRefused) {
  const std::string good = FakeHose({1}).stream("0", "https://firehose.crowdstrike.com", "https://api.crowdstrike.com");
  const struct {
    std::string from, to;
  } changes[] = {{"session-0", ""},
                 {"session-0", "a b"},
                 {"/datafeed/v1/0", "/datafeed/v1/"},
                 {"/datafeed/v1/0", "/other/v1/0"},
                 {"/datafeed/v1/0", "/datafeed/v1/a%2Fb%00"},
                 {"\"sessionToken\":{", "\"x\":{"},
                 {"refreshActiveSessionURL", "x"}};
  for (const auto& change : changes) {
    FakeReading reading({1});
    std::string stream = good;
    stream.replace(stream.find(change.from), change.from.size(), change.to);
    reading.hose->on_discovery = [&](int) {
      return std::optional(FakeHose::answer(200, R"({"resources":[)" + stream + "]}"));
    };
    const auto done = reading.run();
    ASSERT_FALSE(done) << stream;
    EXPECT_EQ(done.error().code, ErrorCode::protocol) << stream;
  }
  FakeReading twice({1});
  twice.hose->on_discovery = [&](int) {
    return std::optional(FakeHose::answer(200, R"({"resources":[)" + good + "," + good + "]}"));
  };
  EXPECT_FALSE(twice.run());
  FakeReading misnamed({1});
  misnamed.options.app_id = "a b";
  EXPECT_EQ(misnamed.run().error().code, ErrorCode::usage);
}

TEST(StreamReader, StopsWhileTheReceiverIsSlow) {
  FakeReading reading({5000});
  reading.options.queue_events = 3;
  reading.options.until_idle = {};
  std::stop_source stop;
  int batches = 0;
  reading.deliver = [&](const std::vector<StreamEvent>&) -> Result<void> {
    if (++batches == 3) stop.request_stop();
    return {};
  };
  ASSERT_TRUE(reading.run(stop.get_token()));
  EXPECT_EQ(batches, 3);
  EXPECT_LE(reading.store->saved[key("0")], 3U * 7U);
}

/// Whatever breaks and wherever the process ends: each event is delivered, and never an offset saved for one that was
/// not.
TEST(StreamReader, NothingIsLostOverFaultsAndRestarts) {
  std::mt19937 random(11);
  for (int round = 0; round < 15; ++round) {
    FakeReading reading({random() % 60, random() % 60, 1});
    reading.hose->break_after = 1 + random() % 9;
    std::mutex mutex;
    reading.hose->on_open = [&](int, std::size_t) -> std::optional<aws::HttpResponse> {
      const std::lock_guard lock(mutex);
      switch (random() % 12) {
        case 0:
          return FakeHose::answer(401, "");
        case 1:
          return FakeHose::answer(500, "");
        default:
          return std::nullopt;
      }
    };
    const auto take = reading.deliver;
    reading.deliver = [&](const std::vector<StreamEvent>& batch) -> Result<void> {
      const std::lock_guard lock(mutex);
      switch (random() % 8) {
        case 0:
          return fail(ErrorCode::unavailable, "throttled");
        case 1:  // as a crash before anything was delivered
          return fail(ErrorCode::system, "killed");
        case 2: {  // as a crash after delivery, before the offset was saved
          IW_CHECK(take(batch));
          return fail(ErrorCode::system, "killed");
        }
        default:
          return take(batch);
      }
    };
    int runs = 0;
    for (; runs < 200; ++runs) {
      if (const auto done = reading.run()) break;
      for (const auto& [feed, next] : reading.store->saved) {
        const auto& got = reading.delivered[feed.substr(feed.find('/') + 1)];
        EXPECT_TRUE(next == 0 || std::ranges::find(got, next - 1) != got.end());
      }
    }
    ASSERT_LT(runs, 200);
    for (std::size_t feed = 0; feed < reading.hose->events.size(); ++feed) {
      auto got = reading.delivered[std::to_string(feed)];
      std::ranges::sort(got);
      const auto doubles = std::ranges::unique(got);
      got.erase(doubles.begin(), doubles.end());
      EXPECT_EQ(got, FakeReading::count_to(reading.hose->events[feed]));
    }
  }
}

TEST(Offsets, AFileIsReplacedAsAWholeAndReadStrictly) {
  const aws::TempDir directory;
  const auto path = directory.path() / "offsets.json";
  OffsetFile file(path);
  EXPECT_EQ(file.load(), Offsets{}) << "there is none yet";
  const Offsets offsets{{"api.crowdstrike.com/0", 18'446'744'073'709'551'615U}, {"x/1", 0}};
  ASSERT_TRUE(file.save(offsets));
  EXPECT_EQ(OffsetFile(path).load(), offsets);
  for (const auto* broken : {"", "{", "[]", "{}", R"({"offsets":{"a":-1}})", R"({"offsets":{"a":"1"}})"}) {
    std::ofstream(path) << broken;
    const auto loaded = OffsetFile(path).load();
    ASSERT_FALSE(loaded) << broken;
    EXPECT_FALSE(loaded.error().hint.empty());
  }
}

}  // namespace
}  // namespace intelwall::falcon
