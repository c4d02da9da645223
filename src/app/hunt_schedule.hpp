#pragma once

#include "store/ledger.hpp"

namespace intelwall::app {

/// How a hunt asks its source: only for what changed since the cursor, or for all of it, so that what stopped matching
/// is seen too. Lists are always read whole.
enum class RunKind { delta, full };
const char* to_string(RunKind kind);

inline constexpr const char* falcon_source = "falcon";
inline bool asks_falcon(const store::Hunt& hunt) {
  return hunt.source == falcon_source;
}

/// When the next run is due: an interval after the last one that went well; after a failure sooner, a minute at first
/// and twice as long with each further one, up to the interval. A time in the future beyond that (a clock that was set
/// back) is now.
Time next_run(const store::Hunt& hunt, const store::Progress& progress, Time now);
RunKind kind_of_run(const store::Hunt& hunt, const store::Progress& progress, Time now);

/// How long an indicator of this confidence is kept behind its last update, where the hunt's expiry is "auto":
/// CrowdStrike lowers high after 60 days and medium after 120. Nothing: never expires.
std::optional<std::chrono::seconds> decay_of(store::Confidence confidence);
/// Until when it is kept, at the end of that day in UTC, so that a list changes once a day. 0: as long as it is listed.
/// `expiry` is a hunt's.
Result<std::uint32_t> expiry_of(const std::string& expiry, store::Confidence confidence, Time updated);

}  // namespace intelwall::app
