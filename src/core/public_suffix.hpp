#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/domain_name.hpp"

namespace intelwall {

/// Which section of the Public Suffix List makes a name a public suffix (https://publicsuffix.org/list/).
enum class SuffixKind { none, icann, private_domain };

/// The Public Suffix List by libpsl. Immutable and safe to share between threads.
class PublicSuffixes {
 public:
  /// The newest of the list compiled into libpsl and the system's file (psl_latest).
  static Result<PublicSuffixes> load();

  /// Whether `name` itself is a public suffix, and by which section. Names under no rule count by the "*" rule only
  /// when they have one label, so never here.
  SuffixKind kind_of(const DomainName& name) const;
  /// The public suffix plus one label (private suffixes count), or nothing when `name` is a public suffix itself.
  std::optional<DomainName> registrable(const DomainName& name) const;
  /// The longest public suffix that `name` lies below (not itself), with its section; under no rule of the list, the
  /// top-level label with `none`.
  struct Suffix {
    std::string text;
    SuffixKind kind;
  };
  Suffix suffix_above(const DomainName& name) const;

 private:
  struct Free {
    void operator()(const void* psl) const;
  };
  explicit PublicSuffixes(std::shared_ptr<const void> psl) : psl_(std::move(psl)) {}
  std::shared_ptr<const void> psl_;
};

}  // namespace intelwall
