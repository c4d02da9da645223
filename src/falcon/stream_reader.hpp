#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "falcon/event_queue.hpp"
#include "falcon/event_streams.hpp"
#include "falcon/offsets.hpp"

namespace intelwall::falcon {

struct ReaderOptions {
  std::string app_id = "intelwall";  ///< Falcon gives its streams to one consumer of an appId at a time
  std::string event_types;           ///< separated by commas; empty for all
  Position begin;           ///< for a feed without a saved offset: the oldest that Falcon keeps, or only new ones
  std::size_t batch = 100;  ///< events at most in one delivery
  std::optional<std::chrono::milliseconds> until_idle;  ///< end when all feeds were open and quiet for so long
  int discovery_attempts = 36;                          ///< while another consumer has the appId
  std::chrono::milliseconds discovery_wait{10'000};
  std::chrono::milliseconds retry_base{1'000}, retry_cap{60'000};  ///< doubled from try to try
  std::chrono::milliseconds poll{250};                             ///< how often clocks are looked at
  std::size_t queue_events = 2'000, queue_bytes = 32u << 20;       ///< read ahead at most
};

struct ReaderHooks {
  /// Takes a batch for good: when it returns, the offsets are saved. `unavailable` is tried again with the same batch,
  /// any other error ends the reader. One call at a time. After a crash the events since the last save come again.
  std::function<Result<void>(const std::vector<StreamEvent>&)> deliver;
  /// What a person should know and nothing is lost by: damaged bytes, broken connections, an appId in use. One call at
  /// a time, from any thread.
  std::function<void(const Error&)> tell;
};

struct ReaderTotals {
  std::uint64_t events = 0, batches = 0;
  std::uint64_t damages = 0, damaged_bytes = 0;
  std::uint64_t connections = 0, discoveries = 0, refreshes = 0;
};

/// Reads all partitions of the event streams and delivers their events, each at least once, in the order of its feed.
/// Refreshes sessions at 90% of their interval, connects again from the next offset when a connection breaks, and
/// discovers anew when a session is over (401, 404).
class StreamReader {
 public:
  StreamReader(std::shared_ptr<Client> client, PublicSuffixes suffixes, std::shared_ptr<aws::StreamingClient> http,
               std::shared_ptr<OffsetStore> store, ReaderOptions options, ReaderHooks hooks);

  /// Until stopped, idle for as long as the options say, or an error that trying again does not mend.
  Result<void> run(const std::stop_token& stop);
  ReaderTotals totals() const;

 private:
  struct Generation;
  enum class Next { discover, end };

  Result<std::vector<Feed>> discover(const std::stop_token& stop);
  Result<Next> read(const std::vector<Feed>& feeds, const std::stop_token& stop, bool& connected);
  void read_feed(const Feed& feed, std::size_t index, Generation& generation);
  /// What to do after a connection's end: how long to wait, or nothing when the generation ends.
  std::optional<std::chrono::milliseconds> judge(const Feed& feed, Result<aws::HttpResponse> ended, int failures,
                                                 Generation& generation);
  bool drain(EventFramer& framer, const Feed& feed, Position& position, Generation& generation);
  void keep_alive(const std::vector<Feed>& feeds, Generation& generation, Time discovered);
  Result<Next> deliver_all(Generation& generation, const std::stop_token& stop);
  Result<void> deliver(const std::vector<StreamEvent>& batch, const std::stop_token& stop);
  std::string key_of(const std::string& feed) const;
  std::chrono::milliseconds back_off(int failures) const;
  void tell(const Error& error);
  void count(std::uint64_t ReaderTotals::* what, std::uint64_t more = 1);

  std::shared_ptr<Client> client_;
  EventStreams streams_;
  std::shared_ptr<aws::StreamingClient> http_;
  std::shared_ptr<OffsetStore> store_;
  ReaderOptions options_;
  ReaderHooks hooks_;
  Offsets offsets_;  ///< delivered and saved; written by the delivering thread only
  std::mutex tell_mutex_;
  mutable std::mutex totals_mutex_;
  ReaderTotals totals_;
};

}  // namespace intelwall::falcon
