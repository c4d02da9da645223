#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace intelwall::lab {

/// A Suricata rule taken apart, as far as the lab must look into it. Values keep their text (quotes and escapes
/// included).
struct SuricataRule {
  struct Option {
    std::string keyword;
    std::optional<std::string> value;
  };
  std::string action, protocol, source, source_port, direction, destination, destination_port;
  std::vector<Option> options;
  std::size_t line = 0;  ///< 1-based line in the text it came from

  const Option* find(std::string_view keyword) const;
};

/// All rules of a text; blank lines and comments are skipped, "\" continues a line. The error names line and reason.
Result<std::vector<SuricataRule>> parse_suricata_rules(std::string_view text);
std::string to_string(const SuricataRule& rule);

}  // namespace intelwall::lab
