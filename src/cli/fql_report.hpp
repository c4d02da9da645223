#pragma once

#include <string>

#include "cli/command.hpp"
#include "intel/fql.hpp"

namespace intelwall::cli {

/// A remark with its place in the filter, on stderr.
void print_remark(std::string_view kind, const std::string& filter, const fql::Remark& remark);
/// The same for what is no FQL, as JSON to stdout too when asked for; returns the exit code.
int report_fault(const Global& global, const std::string& filter, const fql::Remark& fault);
/// "30d", for `{old_date}`.
Result<fql::ParseOptions> parse_old_date(const std::string& age);

}  // namespace intelwall::cli
