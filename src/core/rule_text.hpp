#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace intelwall {

/// Free text made safe for a rule's msg or metadata: [A-Za-z0-9 ._:/@+=()-] stays (no quote, semicolon, comma,
/// backslash, bar, dollar, control character), everything else becomes "_", runs of blanks become one, cut at `limit`
/// bytes. The original stays in the record (finding note, ledger), never in a rule.
class RuleText {
 public:
  static constexpr std::size_t default_limit = 64;
  explicit RuleText(std::string_view untrusted, std::size_t limit = default_limit);

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const RuleText&) const = default;

 private:
  std::string text_;
};

}  // namespace intelwall
