#include "app/hunt_schedule.hpp"

#include <algorithm>

namespace intelwall::app {

using std::chrono::seconds;

const char* to_string(RunKind kind) {
  return kind == RunKind::full ? "full" : "delta";
}

Time next_run(const store::Hunt& hunt, const store::Progress& progress, Time now) {
  if (progress.failures > 0) {
    const seconds wait = std::chrono::minutes{1} * (1 << std::min(progress.failures - 1, 16));
    return std::min(progress.last_try + std::min(wait, hunt.every), now + hunt.every);
  }
  if (progress.last_run == Time{}) return now;
  const auto next = progress.last_run + hunt.every;
  return next > now + hunt.every ? now : next;
}

RunKind kind_of_run(const store::Hunt& hunt, const store::Progress& progress, Time now) {
  if (!asks_falcon(hunt) || progress.cursor.empty() || progress.last_full > now) return RunKind::full;
  return progress.last_full + hunt.full_every <= now ? RunKind::full : RunKind::delta;
}

std::optional<seconds> decay_of(store::Confidence confidence) {
  switch (confidence) {
    case store::Confidence::high:
      return std::chrono::days{60};
    case store::Confidence::medium:
      return std::chrono::days{120};
    case store::Confidence::low:
      return std::chrono::days{180};
    case store::Confidence::unverified:
      return std::chrono::days{30};
  }
  return std::nullopt;
}

Result<std::uint32_t> expiry_of(const std::string& expiry, store::Confidence confidence, Time updated) {
  std::optional<seconds> lifetime;
  if (expiry == "auto") {
    lifetime = decay_of(confidence);
  } else {
    IW_TRY(lifetime, parse_lifetime(expiry));
  }
  // A list without dates says by listing a name that it holds.
  if (!lifetime || updated == Time{}) return std::uint32_t{0};
  return store::to_stamp(std::chrono::ceil<std::chrono::days>(updated + *lifetime));
}

}  // namespace intelwall::app
