#pragma once

#include <fmt/format.h>

#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "falcon/stream_reader.hpp"
#include "falcon/support.hpp"

namespace intelwall::falcon {

inline std::string stream_event(std::uint64_t offset) {
  return fmt::format(R"({{"metadata":{{"offset":{},"eventType":"EppDetectionSummaryEvent"}},"event":{{}}}})", offset) +
         "\r\n";
}

inline std::string query_of(const aws::HttpRequest& request, const std::string& name) {
  for (const auto& [key, value] : request.query)
    if (key == name) return value;
  return {};
}

/// Falcon's event streams in memory, with faults on demand.
class FakeHose final : public aws::HttpClient, public aws::StreamingClient {
 public:
  explicit FakeHose(std::vector<std::size_t> events_of_feeds) : events(std::move(events_of_feeds)) {}

  Result<aws::HttpResponse> send(const aws::HttpRequest& request) override {
    const std::lock_guard lock(mutex);
    asked.push_back(request);
    if (request.path == "/oauth2/token") return answer(201, R"({"access_token":"tok","expires_in":1799})");
    if (request.path == "/sensors/entities/datafeed/v2") {
      if (on_discovery) {
        if (auto scripted = on_discovery(++discoveries)) return *scripted;
      }
      ++session;
      std::string streams;
      for (std::size_t i = 0; i < events.size(); ++i)
        streams += (i == 0 ? "" : ",") + stream(std::to_string(i), feed_host, feed_host);
      return answer(200, R"({"meta":{"trace_id":"t"},"resources":[)" + streams + "]}");
    }
    if (request.method == "POST" && request.path.starts_with("/sensors/entities/datafeed-actions/v1/")) {
      ++refreshes;
      return answer(refresh_status, refresh_status == 200 ? R"({"resources":[]})" : failure(refresh_status, "no"));
    }
    return answer(404, failure(404, "no such path"));
  }

  Result<aws::HttpResponse> stream(const aws::HttpRequest& request, const Sink& sink) override {
    const auto feed = static_cast<std::size_t>(std::stoul(request.path.substr(request.path.rfind('/') + 1)));
    int number = 0;
    std::string right_token;
    {
      const std::lock_guard lock(mutex);
      opened.push_back(request);
      number = ++connections;
      right_token = fmt::format("Token session-{}", session);
    }
    if (on_open) {
      if (auto scripted = on_open(number, feed)) return *scripted;
    }
    if (header_of(request, "Authorization") != right_token) return answer(401, failure(401, "expired"));
    const aws::HttpResponse head{200, {}, ""};
    const std::string asked_offset = query_of(request, "offset");
    std::size_t offset = asked_offset.empty() ? events[feed] : std::stoul(asked_offset);
    const std::size_t until = break_after ? std::min(events[feed], offset + *break_after) : events[feed];
    for (; offset < until; ++offset) {
      if (sink(head, "\r\n" + stream_event(offset)) == Flow::stop) return head;
    }
    if (break_after && offset < events[feed]) {
      if (sink(head, stream_event(offset).substr(0, 30)) == Flow::stop) return head;
      return fail(ErrorCode::unavailable, "the exchange broke off", "talking to firehose.crowdstrike.com");
    }
    while (sink(head, {}) == Flow::on) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return head;
  }

  std::string stream(const std::string& id, const std::string& data_origin, const std::string& refresh_origin) const {
    return fmt::format(
        R"({{"dataFeedURL":"{0}/sensors/entities/datafeed/v1/{2}?appId=intelwall",)"
        R"("sessionToken":{{"token":"session-{3}","expiration":"2026-11-24T18:03:04Z"}},)"
        R"("refreshActiveSessionURL":"{1}/sensors/entities/datafeed-actions/v1/{2}?appId=intelwall&action_name=refresh_active_stream_session",)"
        R"("refreshActiveSessionInterval":1800}})",
        data_origin, refresh_origin, id, session);
  }
  static aws::HttpResponse answer(int status, std::string body) { return {status, {}, std::move(body)}; }

  std::vector<std::size_t> events;  ///< how many each feed has, from offset 0
  std::string feed_host = "https://firehose.crowdstrike.com";
  std::optional<std::size_t> break_after;  ///< events of a connection, then half of one and a broken connection
  std::function<std::optional<aws::HttpResponse>(int)> on_discovery;
  std::function<std::optional<aws::HttpResponse>(int, std::size_t)> on_open;
  int refresh_status = 200;

  std::mutex mutex;
  std::vector<aws::HttpRequest> asked, opened;
  int discoveries = 0, connections = 0, refreshes = 0, session = 0;
};

class MemoryStore final : public OffsetStore {
 public:
  Result<Offsets> load() override { return saved; }
  Result<void> save(const Offsets& offsets) override {
    saved = offsets;
    return {};
  }
  Offsets saved;
};

/// A reader over the fake, with short waits; ends when idle.
struct FakeReading {
  explicit FakeReading(std::vector<std::size_t> events) : hose(std::make_shared<FakeHose>(std::move(events))) {
    options.until_idle = milliseconds(30);
    options.poll = options.retry_base = milliseconds(1);
    options.retry_cap = milliseconds(4);
    options.discovery_wait = milliseconds(1);
    options.batch = 7;
    deliver = [this](const std::vector<StreamEvent>& batch) -> Result<void> {
      for (const auto& event : batch) delivered[event.feed].push_back(event.offset);
      batches.push_back(batch.size());
      return {};
    };
  }

  Result<void> run(const std::stop_token& stop = {}) {
    Session session = falcon.session();
    session.http = hose;
    if (clock) session.clock = clock;
    session.sleep = [](milliseconds) {};
    StreamReader reader(std::make_shared<Client>(std::move(session)), *PublicSuffixes::load(), hose, store, options,
                        {.deliver = deliver, .tell = [this](const Error& error) { told.push_back(error); }});
    auto done = reader.run(stop);
    totals = reader.totals();
    return done;
  }
  static std::vector<std::uint64_t> count_to(std::uint64_t end, std::uint64_t from = 0) {
    std::vector<std::uint64_t> out;
    for (; from < end; ++from) out.push_back(from);
    return out;
  }

  FakeFalcon falcon;
  std::shared_ptr<FakeHose> hose;
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  ReaderOptions options;
  Clock clock;
  std::function<Result<void>(const std::vector<StreamEvent>&)> deliver;
  std::map<std::string, std::vector<std::uint64_t>> delivered;
  std::vector<std::size_t> batches;
  std::vector<Error> told;
  ReaderTotals totals;
};

}  // namespace intelwall::falcon
