#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/result.hpp"
#include "core/time.hpp"

namespace intelwall::lab {

inline constexpr const char* falcon_client_id = "1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1a";
inline constexpr const char* falcon_customer_id = "c1d0c1d0c1d0c1d0c1d0c1d0c1d0c1d0";

struct FalconOptions {
  int port = 4567;  ///< 0: any free one
  std::string client_id = falcon_client_id;
  std::string client_secret;  ///< made at `lab up`
  int partitions = 2;
  Clock clock = system_now;
  std::chrono::seconds token_lifetime{1799};
  std::chrono::seconds refresh_interval{1800};      ///< a session that is not refreshed ends with it
  std::chrono::seconds session_lifetime{4 * 3600};  ///< and with this whatever happens
  std::chrono::milliseconds keep_alive{10'000};     ///< a blank line on a stream on which nothing comes
  std::size_t kept_events = 100'000;                ///< of a partition; the oldest go first
  std::uint32_t indicators = 0;                     ///< to make up, beside those of the lab's own names
  std::string indicator_file;                       ///< JSON lines to add to them; empty: none
  std::int64_t calls_a_minute = 6'000;
};

/// The Falcon-compatible endpoint: OAuth2, Event Streams, Alerts v2 and Intel's indicators, on 127.0.0.1 over http. It
/// answers tokens with 201, as Falcon does, and never sends X-Cs-Region, which would lead clients to CrowdStrike's own
/// cloud.
///
/// What Falcon has no API for stands under /lab/falcon, behind the same token:
///   POST /lab/falcon/events {"events": [event, …], "partition": n?} gives events to the streams. An event is what a
///     stream carries, or its "eventType" and "event" alone; offset, time and customer are filled in. A detection
///     becomes an alert too, which is updated when it comes again. Answer: {"resources": [{"partition", "offset"}, …]}
///   POST /lab/falcon/alerts {"alerts": [alert, …]} stores alerts, by composite_id.
///   POST /lab/falcon/indicators {"indicators": [indicator, …]} adds indicators ("indicator" and "type" are enough), or
///     changes the members given of those that it knows by id ("{type}_{indicator}"); {"deleted": true} revokes. Each
///     gets a new _marker. Answer: {"resources": [{"id", "_marker"}, …]}
///   POST /lab/falcon/time {"forward": "61d"} moves Intel's time: confidence decays, and what decayed has a new
///   _marker.
///     Answer: {"resources": [{"now", "changed": n}]}
///   POST /lab/falcon/manners {"most_a_page": n?, "next_page": bool?, "calls_a_minute": n?}: pages of Intel that are
///     cut whatever was asked for, the header Next-Page, and how many calls a minute there are before 429.
///   POST /lab/falcon/hosts {"hosts": [device, …]} stores what the Hosts API tells of devices, by device_id.
///   POST /lab/falcon/faults {"fault": …, "times": n = 1, …} breaks what comes next on purpose:
///     "cut" half an event and the end of the connection · "garbage" bytes that are no event before the next one ·
///     "slow" the next event in pieces of 16 bytes · "silent" nothing for "milliseconds" · "end_session" the sessions
///     are over · "in_use" discovery gives no stream · "open" the next stream is answered with "status" · "api" a call
///     below "path" is answered with "status" and, for 429, with X-Ratelimit-Retryafter in "seconds" · each but the
///     last three may name a "partition".
///   GET /lab/falcon/state {"streams": [{"partition", "next_offset", "connections"}], "alerts": n,
///     "indicators": {"count": n, "now"}}
class FalconCloud {
 public:
  virtual ~FalconCloud() = default;
  virtual int port() const = 0;
  virtual void stop() = 0;
};
/// Listens when it returns.
Result<std::unique_ptr<FalconCloud>> start_falcon(FalconOptions options);

}  // namespace intelwall::lab
