#pragma once

#include "app/context.hpp"
#include "app/hunt_intake.hpp"
#include "intel/fql.hpp"

namespace intelwall::app {

/// What a run of a source came to.
struct SourceReport {
  bool unmodified = false;  ///< a list that is as it was: nothing was taken
  std::string cursor;
  std::string validator;
};

/// Gives all of a hunt's source, or what changed since the cursor, to `intake`, which is made when the first indicator
/// comes. Errors: FQL, keys, network, a list that is no list; then nothing that was taken may be kept.
using MakeIntake = std::function<Result<Intake*>()>;
Result<SourceReport> read_source(Context& context, const store::Hunt& hunt, const store::Progress& progress,
                                 RunKind kind, const MakeIntake& make_intake);

/// The filter of a hunt, as Falcon is asked: with only domains where it does not name a type itself.
Result<fql::Filter> filter_of(const store::Hunt& hunt);
/// Whether a source can be one: "falcon", a file name, or an https URL (http only to this machine).
Result<void> check_source(const std::string& source);

}  // namespace intelwall::app
