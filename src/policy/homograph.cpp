#include "policy/homograph.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/utf8.hpp"

namespace intelwall::policy {
namespace {

using Twin = std::pair<char32_t, char>;

// Sorted by code point. Lower case only: IDNA has no other.
constexpr std::array twins{
    Twin{0x131, 'i'}, Twin{0x251, 'a'}, Twin{0x261, 'g'}, Twin{0x269, 'i'}, Twin{0x28f, 'y'}, Twin{0x3b1, 'a'},
    Twin{0x3b3, 'y'}, Twin{0x3b9, 'i'}, Twin{0x3ba, 'k'}, Twin{0x3bd, 'v'}, Twin{0x3bf, 'o'}, Twin{0x3c1, 'p'},
    Twin{0x3c3, 'o'}, Twin{0x3c5, 'u'}, Twin{0x430, 'a'}, Twin{0x433, 'r'}, Twin{0x435, 'e'}, Twin{0x43a, 'k'},
    Twin{0x43c, 'm'}, Twin{0x43d, 'h'}, Twin{0x43e, 'o'}, Twin{0x43f, 'n'}, Twin{0x440, 'p'}, Twin{0x441, 'c'},
    Twin{0x442, 't'}, Twin{0x443, 'y'}, Twin{0x445, 'x'}, Twin{0x455, 's'}, Twin{0x456, 'i'}, Twin{0x458, 'j'},
    Twin{0x461, 'w'}, Twin{0x475, 'v'}, Twin{0x4bb, 'h'}, Twin{0x4cf, 'l'}, Twin{0x501, 'd'}, Twin{0x51b, 'q'},
    Twin{0x51d, 'w'}, Twin{0x561, 'w'}, Twin{0x563, 'q'}, Twin{0x566, 'q'}, Twin{0x570, 'h'}, Twin{0x575, 'j'},
    Twin{0x578, 'n'}, Twin{0x57d, 'u'}, Twin{0x581, 'g'}, Twin{0x584, 'f'}, Twin{0x585, 'o'}};
static_assert(std::ranges::is_sorted(twins, {}, &Twin::first));

}  // namespace

std::optional<std::string> imitated_name(const DomainName& name) {
  if (!name.text().contains("xn--")) return std::nullopt;
  const std::string unicode = to_unicode(name);
  std::string plain;
  bool foreign = false;
  for (std::string_view rest = unicode; !rest.empty();) {
    const CodePoint c = first_code_point(rest);
    if (c.size == 0) return std::nullopt;
    rest.remove_prefix(c.size);
    if (c.value < 0x80) {
      plain += static_cast<char>(c.value);
      continue;
    }
    const auto* const twin = std::ranges::lower_bound(twins, c.value, {}, &Twin::first);
    if (twin == twins.end() || twin->first != c.value) return std::nullopt;
    plain += twin->second;
    foreign = true;
  }
  if (!foreign) return std::nullopt;
  return plain;
}

}  // namespace intelwall::policy
