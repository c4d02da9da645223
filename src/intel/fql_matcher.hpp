#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "intel/fql.hpp"

namespace simdjson::dom {
class element;  // NOLINT(readability-identifier-naming): theirs
}

namespace intelwall::fql {

/// A filter made ready for many objects. It remembers in which places the last object had its members, because those
/// of one feed have them in the same places: one matcher a thread.
class Matcher {
 public:
  /// `now` is what relative dates count from.
  Matcher(const Filter& filter, Time now);
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;
  ~Matcher();

  /// False for what is no object. Of members with the same name one counts, and which is not said.
  bool operator()(const simdjson::dom::element& object);

 private:
  class Conditions;
  std::unique_ptr<Conditions> conditions_;
};

}  // namespace intelwall::fql
