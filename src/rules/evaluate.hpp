#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/decision.hpp"
#include "rules/compile.hpp"

namespace intelwall::rules {

/// Runs compiled rules (packed and suricata) over names as the engine would: contents by Suricata's meaning of them,
/// regexes by the library that Suricata uses, within Suricata's default match limits. A judge of the compiler, and
/// independent of it: it reads any rule of dotprefix, one content and at most one pcre.
class RuleEvaluator {
 public:
  /// An error names the file and line of a rule that is not understood or does not compile.
  static Result<RuleEvaluator> load(std::span<const CompiledFile> files);

  RuleEvaluator(RuleEvaluator&&) noexcept;
  RuleEvaluator& operator=(RuleEvaluator&&) noexcept;
  ~RuleEvaluator();

  /// The sids of the rules that a flow asking for `name` (as sent: any case, a root dot) would match.
  std::vector<std::uint32_t> matches(std::string_view protocol, std::string_view name) const;
  std::size_t size() const;

 private:
  struct Rules;
  explicit RuleEvaluator(std::unique_ptr<Rules> rules);
  std::unique_ptr<Rules> rules_;
};

}  // namespace intelwall::rules
