#include "core/public_suffix.hpp"

#include <libpsl.h>

namespace intelwall {
namespace {

const psl_ctx_t* context(const std::shared_ptr<const void>& psl) {
  return static_cast<const psl_ctx_t*>(psl.get());
}

SuffixKind kind(const psl_ctx_t* psl, const char* text) {
  // Few names are one: they alone are asked for their section.
  if (psl_is_public_suffix2(psl, text, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) == 0) return SuffixKind::none;
  if (psl_is_public_suffix2(psl, text, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) != 0) return SuffixKind::icann;
  if (psl_is_public_suffix2(psl, text, PSL_TYPE_PRIVATE | PSL_TYPE_NO_STAR_RULE) != 0) {
    return SuffixKind::private_domain;
  }
  return SuffixKind::none;
}

}  // namespace

void PublicSuffixes::Free::operator()(const void* psl) const {
  psl_free(static_cast<psl_ctx_t*>(const_cast<void*>(psl)));
}

Result<PublicSuffixes> PublicSuffixes::load() {
  psl_ctx_t* psl = psl_latest(nullptr);
  if (psl == nullptr) {
    return fail(ErrorCode::system, "the Public Suffix List could not be loaded", "",
                "install the package publicsuffix");
  }
  return PublicSuffixes(std::shared_ptr<const void>(psl, Free{}));
}

SuffixKind PublicSuffixes::kind_of(const DomainName& name) const {
  return kind(context(psl_), name.text().c_str());
}

std::optional<DomainName> PublicSuffixes::registrable(const DomainName& name) const {
  const char* domain = psl_registrable_domain(context(psl_), name.text().c_str());
  if (domain == nullptr) return std::nullopt;
  auto parsed = DomainName::parse(domain);
  IW_ASSERT(parsed.has_value());  // the tail of a valid name, with two labels or more
  return *std::move(parsed);
}

PublicSuffixes::Suffix PublicSuffixes::suffix_above(const DomainName& name) const {
  const std::string& text = name.text();
  for (std::size_t from = text.find('.') + 1;;) {
    const char* above = text.c_str() + from;
    const SuffixKind found = kind(context(psl_), above);
    const std::size_t dot = text.find('.', from);
    if (found != SuffixKind::none || dot == std::string::npos) return {.text = above, .kind = found};
    from = dot + 1;
  }
}

}  // namespace intelwall
