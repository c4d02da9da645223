#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace intelwall {

/// A validated DNS name: lower case, A-labels, no trailing dot, at least two labels, [a-z0-9_-] only, labels of 1 to 63
/// bytes, at most 253 bytes. One of the two types that may become part of a rule (the other is RuleText).
class DomainName {
 public:
  /// Strict: `text` must be a bare name (any case, one trailing dot and IDN allowed), nothing else.
  /// Plain ASCII never goes through IDNA: real lists hold "--" in places 3 and 4.
  static Result<DomainName> parse(std::string_view text);
  /// Whether `text` is a name as it stands, so that parse() gives the same text.
  static bool is_name(std::string_view text);

  const std::string& text() const { return text_; }
  std::size_t label_count() const;
  /// The name without its first label. It may be a single label, which is no DomainName, so this is text.
  std::string_view parent_text() const;
  /// True if this is `other` or lies below it.
  bool is_within(std::string_view other) const;

  auto operator<=>(const DomainName&) const = default;

 private:
  explicit DomainName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// Whether a rule names only the domain or also all names below it.
enum class Scope { exact, subdomains };
const char* to_string(Scope scope);

/// What somebody wrote, understood as a name and how far it reaches.
struct DomainSpec {
  DomainName name;
  Scope scope = Scope::subdomains;

  bool covers(const DomainName& other) const;
  /// All names that `other` stands for.
  bool covers(const DomainSpec& other) const;
  auto operator<=>(const DomainSpec&) const = default;
};

/// What people and feeds write: upper case, a trailing dot, defanged (`hxxp://evil[.]com`, `evil(.)com`,
/// `evil[dot]com`), URLs with ports, user info and paths, `*.evil.com` and `.evil.com` (the name and its subdomains),
/// IDN, underscores. A plain name or URL gets `default_scope`. Refused, each with its own reason: IP addresses, hashes,
/// single labels, empty or over-long labels and names, control characters, quotes, semicolons, white space inside,
/// wildcards elsewhere.
Result<DomainSpec> parse_domain(std::string_view text, Scope default_scope = Scope::subdomains);

/// The name with its A-labels decoded, for people only: pass it through `printable()`. A label that does not decode
/// stays as it is.
std::string to_unicode(const DomainName& name);

}  // namespace intelwall
