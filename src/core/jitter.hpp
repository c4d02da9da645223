#pragma once

#include <chrono>

namespace intelwall {

/// A wait from none to `most`, by chance: those that met once do not meet again.
std::chrono::milliseconds jitter(std::chrono::milliseconds most);

}  // namespace intelwall
