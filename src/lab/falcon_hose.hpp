#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lab/cloud_wire.hpp"
#include "lab/falcon_cloud.hpp"

namespace intelwall::lab {

/// What was told to go wrong with streams, next.
struct HoseFault {
  enum class Kind { cut, garbage, slow, silent, open };
  Kind kind = Kind::cut;
  std::optional<std::size_t> partition;  ///< any if there is none
  std::int64_t times = 1;
  int status = 503;
  std::chrono::milliseconds time{0};
};

/// The event streams: events by partition, sessions, and open connections. Thread-safe.
class FalconHose {
 public:
  explicit FalconHose(const FalconOptions& options);

  /// The discovery's resources; none while a connection under this appId is open.
  Json discover(const std::string& app_id, const std::string& base_url);
  /// False: there is no such session, or it is over.
  bool refresh(const std::string& app_id, std::size_t partition);

  struct Place {
    std::size_t partition = 0;
    std::uint64_t offset = 0;
  };
  /// Fills in what the stream adds. An event without a partition goes to the next in turn.
  Place append(Json event, std::optional<std::size_t> partition);
  void add_fault(HoseFault fault);
  void end_sessions(std::optional<std::size_t> partition);
  void refuse_discovery(std::int64_t times);
  Json state() const;
  std::size_t partitions() const { return partitions_.size(); }
  /// Ends all connections.
  void stop();

  struct Opening {
    std::size_t partition = 0;
    std::string app_id, token;
    std::optional<std::uint64_t> offset;  ///< nothing: only what is new
    std::set<std::string> types;          ///< lower case; empty: all
  };
  struct Piece {
    enum class Kind { bytes, nothing, end, broken };
    Kind kind = Kind::nothing;
    std::string bytes;
  };
  /// One client on a feed; it is open as long as this lives.
  class Connection {
   public:
    Connection(FalconHose& hose, Opening opening, std::uint64_t position);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    /// Waits a moment at most: `nothing` then.
    Piece next();

   private:
    bool wants(const std::string& type) const { return opening_.types.empty() || opening_.types.contains(type); }
    Piece ready_events();

    FalconHose* hose_;
    Opening opening_;
    std::uint64_t position_;
    std::string rest_;  ///< of what goes out slowly
    bool breaks_ = false;
    std::chrono::steady_clock::time_point spoke_, silent_until_;
  };
  /// An open connection, or the status that the client gets.
  std::expected<std::unique_ptr<Connection>, int> open(Opening opening);

 private:
  struct Event {
    std::string type;  ///< lower case
    std::string text;
  };
  struct Partition {
    std::uint64_t first = 0;  ///< offset of events[0]
    std::deque<Event> events;
    std::uint64_t end() const { return first + events.size(); }
  };
  struct Session {
    std::string token;
    Time made{}, refreshed{};
    int connections = 0;
  };

  bool is_over(const Session& session) const;
  /// The fault of one of these kinds that waits for the partition; uses it up.
  std::optional<HoseFault> take_fault(std::size_t partition, std::initializer_list<HoseFault::Kind> kinds);

  Clock clock_;
  std::chrono::seconds refresh_interval_, session_lifetime_;
  std::chrono::milliseconds keep_alive_;
  std::size_t kept_events_;
  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::vector<Partition> partitions_;
  std::map<std::pair<std::string, std::size_t>, Session> sessions_;  ///< by appId and partition
  std::vector<HoseFault> faults_;
  std::int64_t refused_discoveries_ = 0;
  std::size_t turn_ = 0;
  bool stopping_ = false;
};

}  // namespace intelwall::lab
