#pragma once

namespace intelwall::cli {

/// The whole command line: 0 done, 1 failed or refused, 2 wrong usage, 3 done in part, 4 `plan` found changes.
int run(int argc, char** argv);

}  // namespace intelwall::cli
