#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace intelwall::intel {

/// What a list needs of an indicator, as Falcon Intel gives it (GET /intel/combined/indicators/v1) or in short form.
struct IndicatorLine {
  enum class Kind { domain, other_type, deleted };
  Kind kind = Kind::domain;
  std::string_view name;   ///< valid until the next line
  std::uint32_t rank = 0;  ///< by malicious_confidence (high, medium, low, unverified), newest first
};

class IndicatorParser {
 public:
  IndicatorParser();
  ~IndicatorParser();

  /// `padding` bytes behind the line must be readable, at least SIMDJSON_PADDING. The error is a reason, without a
  /// place.
  Result<IndicatorLine> parse(std::string_view line, std::size_t padding);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace intelwall::intel
