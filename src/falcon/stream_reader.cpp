#include "falcon/stream_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "os/stop_signals.hpp"

namespace intelwall::falcon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Steady = std::chrono::steady_clock;

/// A connection that never gives an event is not worth more tries with the same session.
constexpr int most_failures = 10;

}  // namespace

/// The feeds of one discovery, and the threads that read them.
struct StreamReader::Generation {
  Generation(const ReaderOptions& options, std::size_t feed_count)
      : queue(options.queue_events, options.queue_bytes), running(feed_count), quiet_since(feed_count) {}

  /// Ends the generation: with an error that nothing mends, or for a new discovery. The first word counts.
  void end(std::optional<Error> why) {
    {
      const std::lock_guard lock(mutex);
      if (!ended) error = std::move(why);
      ended = true;
    }
    stop.request_stop();
  }

  /// A feed is quiet while it is open and nothing comes.
  void set_quiet(std::size_t feed, bool quiet) {
    const std::lock_guard lock(mutex);
    if (!quiet) {
      quiet_since[feed].reset();
    } else if (!quiet_since[feed]) {
      quiet_since[feed] = Steady::now();
    }
  }

  bool all_quiet_for(milliseconds time) {
    const std::lock_guard lock(mutex);
    const auto latest = Steady::now() - time;
    return std::ranges::all_of(quiet_since, [&](const auto& since) { return since && *since <= latest; });
  }

  std::stop_source stop;
  EventQueue queue;
  std::atomic<std::size_t> running;  ///< readers
  std::atomic<bool> opened = false;  ///< any feed
  std::mutex mutex;                  ///< guards what follows
  std::vector<std::optional<Steady::time_point>> quiet_since;
  bool ended = false;
  std::optional<Error> error;
  Offsets start;  ///< read-only while threads run
};

StreamReader::StreamReader(std::shared_ptr<Client> client, PublicSuffixes suffixes,
                           std::shared_ptr<aws::StreamingClient> http, std::shared_ptr<OffsetStore> store,
                           ReaderOptions options, ReaderHooks hooks)
    : client_(std::move(client)),
      streams_(client_, std::move(suffixes)),
      http_(std::move(http)),
      store_(std::move(store)),
      options_(std::move(options)),
      hooks_(std::move(hooks)) {
  IW_ASSERT(http_ != nullptr && store_ != nullptr && hooks_.deliver && hooks_.tell && options_.batch > 0);
}

std::string StreamReader::key_of(const std::string& feed) const {
  return client_->origin().host + "/" + feed;
}

milliseconds StreamReader::back_off(int failures) const {
  milliseconds wait = options_.retry_base;
  for (int doubled = 1; doubled < failures && wait < options_.retry_cap; ++doubled) wait *= 2;
  return std::min(wait, options_.retry_cap);
}

void StreamReader::tell(const Error& error) {
  const std::lock_guard lock(tell_mutex_);
  hooks_.tell(error);
}

void StreamReader::count(std::uint64_t ReaderTotals::* what, std::uint64_t more) {
  const std::lock_guard lock(totals_mutex_);
  totals_.*what += more;
}

ReaderTotals StreamReader::totals() const {
  const std::lock_guard lock(totals_mutex_);
  return totals_;
}

Result<void> StreamReader::run(const std::stop_token& stop) {
  IW_TRY(offsets_, store_->load());
  for (int fruitless = 0; !stop.stop_requested();) {
    IW_TRY(const auto feeds, discover(stop));
    if (feeds.empty()) break;
    bool connected = false;
    IW_TRY(const Next next, read(feeds, stop, connected));
    if (next == Next::end) break;
    fruitless = connected ? 0 : fruitless + 1;
    if (fruitless >= options_.discovery_attempts) {
      return fail(ErrorCode::denied, "the streams that discovery gives cannot be opened", "Falcon event streams",
                  "check that nothing between here and Falcon changes the Authorization header");
    }
    if (fruitless > 0) os::pause(back_off(fruitless), stop);
  }
  return {};
}

Result<std::vector<Feed>> StreamReader::discover(const std::stop_token& stop) {
  for (int attempt = 1; !stop.stop_requested(); ++attempt) {
    auto feeds = streams_.discover(options_.app_id);
    if (feeds) {
      count(&ReaderTotals::discoveries);
      return feeds;
    }
    const bool in_use = feeds.error().code == ErrorCode::conflict && attempt < options_.discovery_attempts;
    const bool passing = feeds.error().code == ErrorCode::unavailable && !options_.until_idle;
    if (!in_use && !passing) return feeds;
    if (attempt == 1 || passing) tell(feeds.error());
    os::pause(in_use ? options_.discovery_wait : back_off(attempt), stop);
  }
  return std::vector<Feed>{};
}

Result<StreamReader::Next> StreamReader::read(const std::vector<Feed>& feeds, const std::stop_token& stop,
                                              bool& connected) {
  Generation generation(options_, feeds.size());
  generation.start = offsets_;
  const std::stop_callback link(stop, [&generation] { generation.stop.request_stop(); });
  Result<Next> next = Next::discover;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      threads.emplace_back([this, i, &feeds, &generation] {
        read_feed(feeds[i], i, generation);
        if (--generation.running == 0) generation.queue.close();
      });
    }
    threads.emplace_back(
        [this, &feeds, &generation, now = client_->session().clock()] { keep_alive(feeds, generation, now); });
    next = deliver_all(generation, stop);
    generation.stop.request_stop();
  }
  connected = generation.opened;
  if (next && *next == Next::discover && generation.error) return std::unexpected(*std::move(generation.error));
  return next;
}

Result<StreamReader::Next> StreamReader::deliver_all(Generation& generation, const std::stop_token& stop) {
  for (;;) {
    const bool closed = generation.queue.is_closed();
    const auto batch = generation.queue.pop(options_.batch, options_.poll);
    if (stop.stop_requested()) return Next::end;
    if (!batch.empty()) {
      IW_CHECK(deliver(batch, stop));
      continue;
    }
    if (closed) return Next::discover;
    if (options_.until_idle && generation.all_quiet_for(*options_.until_idle)) return Next::end;
  }
}

Result<void> StreamReader::deliver(const std::vector<StreamEvent>& batch, const std::stop_token& stop) {
  for (int attempt = 1;; ++attempt) {
    auto delivered = hooks_.deliver(batch);
    if (delivered) break;
    if (delivered.error().code != ErrorCode::unavailable) return delivered;
    tell(std::move(delivered).error());
    os::pause(back_off(attempt), stop);
    if (stop.stop_requested()) return {};  // neither delivered nor saved: it comes again
  }
  for (const auto& event : batch) offsets_[key_of(event.feed)] = event.offset + 1;
  IW_CHECK(store_->save(offsets_));
  count(&ReaderTotals::events, batch.size());
  count(&ReaderTotals::batches);
  return {};
}

/// False when the generation was stopped.
bool StreamReader::drain(EventFramer& framer, const Feed& feed, Position& position, Generation& generation) {
  while (auto frame = framer.next()) {
    if (auto* event = std::get_if<StreamEvent>(&*frame)) {
      event->feed = feed.id;
      const Position after{Position::From::offset, event->offset + 1};
      if (!generation.queue.push(std::move(*event), generation.stop.get_token())) return false;
      position = after;
      continue;
    }
    const auto& damage = std::get<Damage>(*frame);
    count(&ReaderTotals::damages);
    count(&ReaderTotals::damaged_bytes, damage.size);
    const std::string where = position.from == Position::From::newest || position.offset == 0
                                  ? std::string("before its first event")
                                  : fmt::format("after offset {}", position.offset - 1);
    tell({ErrorCode::protocol,
          fmt::format("{} bytes are no event and were passed over: {}", damage.size, damage.reason),
          fmt::format("feed {}, {}, byte {} of the connection", feed.id, where, damage.at),
          fmt::format("they begin with \"{}\"", damage.excerpt)});
  }
  return true;
}

void StreamReader::read_feed(const Feed& feed, std::size_t index, Generation& generation) {
  const auto stop = generation.stop.get_token();
  Position position = options_.begin;
  if (const auto saved = generation.start.find(key_of(feed.id)); saved != generation.start.end())
    position = {Position::From::offset, saved->second};
  for (int failures = 0; !stop.stop_requested();) {
    EventFramer framer;
    bool opened = false;
    const std::uint64_t first = position.offset;
    const auto sink = [&](const aws::HttpResponse& head, std::string_view bytes) {
      using Flow = aws::StreamingClient::Flow;
      if (head.status == 200 && !opened) {
        opened = true;
        generation.opened = true;
        count(&ReaderTotals::connections);
      }
      const auto before = position.offset;
      framer.push(bytes);
      const bool go_on = !stop.stop_requested() && drain(framer, feed, position, generation);
      if (position.offset != before) {
        generation.set_quiet(index, false);
      } else if (opened && bytes.empty()) {
        generation.set_quiet(index, true);
      }
      return go_on ? Flow::on : Flow::stop;
    };
    auto ended = http_->stream(open_request(feed, position, options_.event_types, client_->session().clock()), sink);
    generation.set_quiet(index, false);
    framer.finish();
    if (stop.stop_requested() || !drain(framer, feed, position, generation)) return;
    failures = position.offset != first ? 1 : failures + 1;
    const auto wait = judge(feed, std::move(ended), failures, generation);
    if (!wait) return;
    os::pause(*wait, stop);
  }
}

std::optional<milliseconds> StreamReader::judge(const Feed& feed, Result<aws::HttpResponse> ended, int failures,
                                                Generation& generation) {
  const Refused about{"GET " + printable(feed.data.path, 80), streams_scope, "", {feed.token}};
  const auto anew = [&] {
    generation.end(std::nullopt);
    return std::nullopt;
  };
  const auto for_good = [&](Error error) {
    generation.end(std::move(error));
    return std::nullopt;
  };
  if (!ended) {
    Error error = to_error(std::move(ended).error(), about);
    if (error.code != ErrorCode::unavailable) return for_good(std::move(error));
    tell(error);
    return failures < most_failures ? std::optional(back_off(failures)) : anew();
  }
  if (ended->status == 200) return failures < most_failures ? std::optional(back_off(failures)) : anew();
  if (ended->status == 401 || ended->status == 404 || ended->status == 410) return anew();
  Error error = to_error(*ended, about);
  if (!is_passing(ended->status)) return for_good(std::move(error));
  tell(error);
  const auto asked = retry_after(*ended, client_->session().clock());
  return failures < most_failures
             ? std::optional(
                   std::max(std::min(asked.value_or(milliseconds(0)), options_.retry_cap), back_off(failures)))
             : anew();
}

void StreamReader::keep_alive(const std::vector<Feed>& feeds, Generation& generation, Time discovered) {
  const auto stop = generation.stop.get_token();
  const auto& clock = client_->session().clock;
  const auto due = [](const Feed& feed, Time last) {
    return last + std::max(seconds(1), feed.refresh_interval * 9 / 10);
  };
  std::vector<Time> next;
  for (const auto& feed : feeds) next.push_back(due(feed, discovered));
  while (!stop.stop_requested()) {
    for (std::size_t i = 0; i < feeds.size() && !stop.stop_requested(); ++i) {
      if (clock() < next[i]) continue;
      auto refreshed = streams_.refresh(feeds[i]);
      if (refreshed) {
        count(&ReaderTotals::refreshes);
        next[i] = due(feeds[i], clock());
        continue;
      }
      const auto code = refreshed.error().code;
      tell(std::move(refreshed).error());
      if (code != ErrorCode::unavailable) return generation.end(std::nullopt);
      next[i] = clock() + std::max(seconds(1), feeds[i].refresh_interval / 30);
    }
    os::pause(options_.poll, stop);
  }
}

}  // namespace intelwall::falcon
