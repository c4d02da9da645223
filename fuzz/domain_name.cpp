// Any bytes become a canonical name that parses as itself, or a reason that is safe to print.
#include "core/domain_name.hpp"

#include <cstdint>

#include "core/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = parse_domain(text);
  if (!spec) {
    const std::string reason = spec.error().to_text();
    IW_ASSERT(!reason.empty() && is_valid_utf8(reason));
    IW_ASSERT(reason.find_first_of("\n\r\x1b") == std::string::npos);
    return 0;
  }
  const std::string& name = spec->name.text();
  IW_ASSERT(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos);
  IW_ASSERT(name.size() <= 253 && spec->name.label_count() >= 2);
  IW_ASSERT(parse_domain(name, spec->scope) == *spec);
  IW_ASSERT(DomainName::parse(name) == spec->name);
  printable(to_unicode(spec->name));
  return 0;
}
