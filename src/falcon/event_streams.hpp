#pragma once

#include "core/public_suffix.hpp"
#include "falcon/client.hpp"

namespace intelwall::falcon {

inline constexpr const char* streams_scope = "Event streams: Read";

/// One partition of the event streams, as discovery gives it.
struct Feed {
  std::string id;  ///< its partition: the last segment of the data feed's path
  Url data;
  std::string token;  ///< of the session: it opens the data feed, and ends after some hours. Never logged.
  Url refresh;
  std::chrono::seconds refresh_interval{1800};
};

/// Whether `url` lies on the home's own host or registrable domain and does not leave https. A session token or a
/// bearer token is sent nowhere else, whatever an answer says.
Result<void> check_home(const Url& url, const Origin& home, const PublicSuffixes& suffixes);

/// Discovery and refresh of event streams (scope "Event streams: Read").
/// https://www.falconpy.io/Service-Collections/Event-Streams
class EventStreams {
 public:
  EventStreams(std::shared_ptr<Client> client, PublicSuffixes suffixes)
      : client_(std::move(client)), suffixes_(std::move(suffixes)) {}

  /// All partitions for this consumer. `conflict` when there are none: another consumer reads under this appId, or the
  /// customer has no streams. An appId has 1 to 32 letters, digits, "-" or "_".
  Result<std::vector<Feed>> discover(const std::string& app_id) const;
  /// Keeps the feed's session for another interval. `not_found` when the session is over.
  Result<void> refresh(const Feed& feed) const;

 private:
  std::shared_ptr<Client> client_;
  PublicSuffixes suffixes_;
};

/// Where a feed is to begin. An offset is that of the first event wanted.
struct Position {
  enum class From { offset, newest };
  From from = From::offset;
  std::uint64_t offset = 0;
};

/// The request that opens a data feed. `event_types` are separated by commas; empty for all.
aws::HttpRequest open_request(const Feed& feed, const Position& position, const std::string& event_types, Time now);

}  // namespace intelwall::falcon
