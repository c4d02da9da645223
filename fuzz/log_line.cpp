// Any bytes as lines of a log: what is named is a name as the set has it, whatever stood there; a glance never passes
// over what parsing finds; and a subscription's event is a batch or an error.
#include <cstdint>
#include <string>
#include <string_view>

#include "hunt/log_names.hpp"
#include "hunt/log_scanner.hpp"
#include "hunt/log_subscription.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace intelwall;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(hunt::read_subscription(bytes));
  std::string padded(bytes);
  padded.resize(size + 64, '\0');
  static const DomainSet watched = [] {
    const DomainSet::Entry entries[] = {{"example", Scope::subdomains, 0}, {"com", Scope::subdomains, 0}};
    return DomainSet::build(entries).value_or(DomainSet());
  }();
  hunt::LogParser parser;
  std::string_view rest(padded.data(), size);
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const bool has_escapes = line.contains('\\');
    const bool glanced = hunt::glance(line, watched).worth_parsing;
    static_cast<void>(parser.parse(line, 64, [&](const hunt::Contact& contact) {
      IW_ASSERT(glanced || has_escapes || !watched.find(contact.name));
      IW_ASSERT(!contact.name.empty() && contact.name.size() <= 253 && !contact.name.ends_with('.'));
      for (const char c : contact.name) IW_ASSERT(c < 'A' || c > 'Z');
    }));
  }
  return 0;
}
