#pragma once

#include <set>

#include "app/finding_sink.hpp"
#include "falcon/hosts.hpp"
#include "falcon/stream_framing.hpp"
#include "findings/falcon_asff.hpp"

namespace intelwall::app {

/// Which detections go on; the defaults are the Falcon Integration Gateway's.
struct ForwardFilter {
  int severity = 2;                                                 ///< 1 informational … 5 critical
  std::optional<std::chrono::seconds> age = std::chrono::days{21};  ///< nothing: any
  std::set<findings::HostCloud> excluded_clouds;
};

struct ForwardTotals {
  std::uint64_t records = 0;                           ///< events of the streams, or alerts
  std::uint64_t detections = 0;                        ///< of them
  std::uint64_t unreadable = 0;                        ///< detections that are not what a detection must be
  std::uint64_t below = 0, too_old = 0, excluded = 0;  ///< left out by the filter
  std::uint64_t merged = 0;                            ///< overtaken by an update in the same batch
  SinkTotals sink;
};

/// Detections → findings in Security Hub, a batch at a time. One caller.
class Forwarder {
 public:
  struct Parts {
    findings::AsffTarget target;
    ForwardFilter filter;
    std::shared_ptr<falcon::Client> falcon;
    aws::SecurityHubClient hub;
    RateLimit limit;
    Sleep sleep;
    FindingSink::Tell tell;
    Clock clock = system_now;
  };
  explicit Forwarder(Parts parts);

  /// When these return, all of the batch is in Security Hub, left out by the filter, or told. Errors as
  /// FindingSink::deliver.
  Result<void> events(const std::vector<falcon::StreamEvent>& batch);
  Result<void> alerts(const std::vector<nlohmann::json>& batch);
  ForwardTotals totals() const;

 private:
  using Drafts = std::vector<findings::FalconDraft>;
  void take(Result<findings::FalconDraft> draft, const std::string& place, Drafts& drafts, ForwardTotals& counted);
  Result<void> look_up_hosts(const Drafts& drafts);
  Result<void> deliver(Drafts drafts, ForwardTotals counted);

  ForwardFilter filter_;
  findings::FalconAsffWriter writer_;
  falcon::Hosts hosts_;
  FindingSink sink_;
  FindingSink::Tell tell_;
  Clock clock_;
  Time hosts_again_{};  ///< no look-up before
  ForwardTotals totals_;
};

}  // namespace intelwall::app
