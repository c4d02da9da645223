#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace intelwall {

using Time = std::chrono::sys_seconds;
/// Where "now" comes from; tests and the lab move it.
using Clock = std::function<Time()>;
Time system_now();

/// How to wait; tests do not, and a stop ends it.
using Sleep = std::function<void(std::chrono::milliseconds)>;
void really_sleep(std::chrono::milliseconds time);

/// "2026-11-24T14:03:04Z"
std::string format_time(Time time);
/// "20261124T140304Z", as SigV4 and rule metadata carry it.
std::string format_compact(Time time);
/// RFC 3339 with Z or an offset (+01:00 or +0100), fractions dropped; also the compact form.
Result<Time> parse_time(std::string_view text);

/// "90s", "15m", "12h", "30d", "4w"; "never" is an empty optional. At least one second, at most ten years.
Result<std::optional<std::chrono::seconds>> parse_lifetime(std::string_view text);

}  // namespace intelwall
