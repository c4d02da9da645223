#include "core/domain_name.hpp"

#include <fmt/format.h>
#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>

#include "core/utf8.hpp"

namespace intelwall {
namespace {

constexpr std::size_t max_label = 63;           // RFC 1035, 2.3.4
constexpr std::size_t max_name = 253;           // RFC 1035's 255 bytes on the wire, as text without the trailing dot
constexpr std::size_t max_unicode_name = 2048;  // before IDNA makes it shorter or refuses it
constexpr std::size_t max_text = 16'384;        // URLs with long queries; no name needs more

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_' || c == '.';
}
char lower(char c) {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

std::unexpected<Error> refuse(std::string_view text, std::string_view why, std::string hint = {}) {
  return fail(ErrorCode::invalid_input, fmt::format("'{}' {}", printable(text, 80), why), "", std::move(hint));
}

/// What is wrong with a character that no name holds.
std::string fault_of(char c) {
  if (is_blank(c)) return "has white space inside";
  if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "has a control character";
  switch (c) {
    case '"':
    case '\'':
    case '`':
      return "has a quote";
    case ';':
      return "has a semicolon";
    case '*':
      return "has a wildcard elsewhere than in a leading '*.'";
    case '@':
      return "is an e-mail address, not a domain";
    default:
      return fmt::format("has the character '{}', which no name holds", printable({&c, 1}));
  }
}

std::string_view last_label(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

/// A host whose last label is a number is an IPv4 address to a browser (WHATWG URL, "ends in a number"), and no
/// top-level domain is one.
bool is_number(std::string_view label) {
  if (label.empty()) return false;
  if (label.starts_with("0x")) return std::ranges::all_of(label.substr(2), is_hex);
  return std::ranges::all_of(label, is_digit);
}

bool is_ipv6(std::string_view text) {
  return std::ranges::count(text, ':') >= 2 &&
         std::ranges::all_of(text.substr(0, text.find('%')), [](char c) { return is_hex(c) || c == ':' || c == '.'; });
}

bool looks_like_hash(std::string_view text) {
  constexpr std::array<std::size_t, 6> digits{32, 40, 56, 64, 96, 128};  // MD5, SHA-1, SHA-2 and SHA-3
  return std::ranges::find(digits, text.size()) != digits.end() && std::ranges::all_of(text, is_hex);
}

using IdnText = std::unique_ptr<char, decltype(&idn2_free)>;

/// UTS 46, non-transitional, on one label: a name may hold labels beside it that IDNA would refuse.
Result<std::string> to_a_label(std::string_view label, std::string_view whole) {
  const std::string terminated(label);
  char* raw = nullptr;
  const int status = idn2_to_ascii_8z(terminated.c_str(), &raw, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  const IdnText mapped(raw, &idn2_free);
  if (status != IDN2_OK)
    return refuse(whole, fmt::format("is no international name: {}", idn2_strerror(status)),
                  "if it is registered all the same, write its A-label, xn--…");
  std::string text = mapped.get();
  if (text.empty()) return refuse(whole, "has a label of characters that IDNA drops");
  if (text.contains('.')) return refuse(whole, "has a character that stands for a dot and others");
  return text;
}

/// Lower case, and every label with characters beyond ASCII as its A-label.
Result<std::string> to_ascii(std::string_view text) {
  if (is_ascii(text)) {
    std::string name(text);
    std::ranges::transform(name, name.begin(), lower);
    return name;
  }
  if (!is_valid_utf8(text)) return refuse(text, "is not valid UTF-8");
  if (text.size() > max_unicode_name) return refuse(text, fmt::format("is {} bytes long", text.size()));
  std::string name;
  std::string label;
  const auto finish_label = [&]() -> Result<void> {
    if (is_ascii(label)) {
      std::ranges::transform(label, std::back_inserter(name), lower);
    } else {
      IW_TRY(const std::string mapped, to_a_label(label, text));
      name += mapped;
    }
    label.clear();
    return {};
  };
  for (std::string_view rest = text; !rest.empty();) {
    const CodePoint c = first_code_point(rest);
    // The dots of RFC 3490, 3.1.
    if (c.value == U'.' || c.value == U'\u3002' || c.value == U'\uff0e' || c.value == U'\uff61') {
      IW_CHECK(finish_label());
      name += '.';
    } else {
      label += rest.substr(0, c.size);
    }
    rest.remove_prefix(c.size);
  }
  IW_CHECK(finish_label());
  return name;
}

Result<void> check_label(std::string_view label, std::string_view name) {
  if (label.empty()) return refuse(name, "has an empty label");
  if (label.size() > max_label) {
    return refuse(name, fmt::format("has a label of {} bytes; {} is the most", label.size(), max_label));
  }
  if (label.starts_with('-') || label.ends_with('-')) {
    return refuse(name, "has a label that starts or ends with a hyphen", "block the name above it");
  }
  return {};
}

Result<void> check_name(std::string_view name) {
  if (name.empty()) return refuse(name, "is empty");
  for (const char c : name) {
    if (!is_name_character(c)) return refuse(name, fault_of(c));
  }
  if (looks_like_hash(name)) return refuse(name, "looks like a hash, not a domain");
  if (is_number(last_label(name))) {
    const bool is_address = std::ranges::count(name, '.') <= 3 &&
                            std::ranges::all_of(name, [](char c) { return is_hex(c) || c == '.' || c == 'x'; });
    return refuse(name, is_address ? "is an IP address, not a domain" : "ends in a number, which no domain does");
  }
  if (name.size() > max_name)
    return refuse(name, fmt::format("is {} bytes long; {} is the most", name.size(), max_name));
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    IW_CHECK(check_label(rest.substr(0, dot), name));
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (!name.contains('.'))
    return refuse(name, "is a single label, not a domain", "write the full name, as in evil.com");
  return {};
}

/// Whether `text` is a name as it stands, which lists are full of; what is not so is looked at closely. Last labels
/// that begin with a digit are among these: they may be numbers.
bool is_clean(std::string_view text) {
  if (text.size() > max_name || text.empty()) return false;
  std::size_t labels = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '.') {
      if (!is_name_character(text[i])) return false;
      continue;
    }
    if (i == start || i - start > max_label || text[start] == '-' || text[i - 1] == '-') return false;
    ++labels;
    if (i < text.size()) start = i + 1;
  }
  return labels > 1 && !is_digit(text[start]);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>') return trimmed(text.substr(1, text.size() - 2));
  return text;
}

bool starts_with_word(std::string_view text, std::string_view lower_word) {
  return text.size() >= lower_word.size() &&
         std::equal(lower_word.begin(), lower_word.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}

/// Takes the brackets off "[.]", "(dot)", "{:}" and their like.
std::string refanged(std::string_view text) {
  struct Spelling {
    std::string_view defanged;
    char means;
  };
  constexpr std::array spellings{Spelling{"[.]", '.'},   Spelling{"(.)", '.'},   Spelling{"{.}", '.'},
                                 Spelling{"[dot]", '.'}, Spelling{"(dot)", '.'}, Spelling{"{dot}", '.'},
                                 Spelling{"[:]", ':'},   Spelling{"(:)", ':'},   Spelling{"[@]", '@'},
                                 Spelling{"(@)", '@'},   Spelling{"[at]", '@'},  Spelling{"(at)", '@'}};
  std::string out;
  while (!text.empty()) {
    const auto* const found = std::ranges::find_if(
        spellings, [&](const Spelling& spelling) { return starts_with_word(text, spelling.defanged); });
    const bool none = found == spellings.end();
    out += none ? text.front() : found->means;
    text.remove_prefix(none ? 1 : found->defanged.size());
  }
  return out;
}

enum class Form { bare, url };

/// Takes a scheme, defanged or not, off the front of `text`.
Result<Form> strip_scheme(std::string_view& text) {
  constexpr std::array<std::string_view, 6> separators{"://", "[://]", "[:]//", "(://)", "(:)//", ":[//]"};
  std::size_t at = std::string_view::npos;
  std::string_view separator;
  for (const std::string_view one : separators) {
    const std::size_t found = text.find(one);
    if (found < at) {
      at = found;
      separator = one;
    }
  }
  const std::string_view scheme = text.substr(0, at);
  // A "://" behind the first slash belongs to a path or a query.
  if (at == std::string_view::npos || scheme.find_first_of("/?#") != std::string_view::npos) {
    if (!text.starts_with("//")) return Form::bare;
    text.remove_prefix(2);
    return Form::url;
  }
  // RFC 3986, 3.1, without the dot that would make it look like a host, and with the star of "h**p".
  const auto fits = [](char c) { return is_name_character(lower(c)) ? c != '.' && c != '_' : c == '+' || c == '*'; };
  if (scheme.empty() || is_digit(scheme.front()) || !std::ranges::all_of(scheme, fits)) {
    return refuse(text, "has no scheme before its '://'");
  }
  text.remove_prefix(at + separator.size());
  return Form::url;
}

/// The host of "user:password@host:port".
Result<std::string_view> host_of(std::string_view authority, Form form) {
  if (authority.contains('\\')) return refuse(authority, fault_of('\\'));  // browsers and others read it differently
  std::string_view host = authority;
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (form == Form::bare) return refuse(authority, fault_of('@'), "block the part behind the @ if that is meant");
    host.remove_prefix(at + 1);
  }
  if (host.starts_with('[') || is_ipv6(host)) return refuse(host, "is an IP address, not a domain");
  const std::size_t colon = host.find(':');
  if (colon == std::string_view::npos) return host;
  const std::string_view port = host.substr(colon + 1);
  const bool numeric = port.size() <= 5 && std::ranges::all_of(port, is_digit) && (!port.empty() || form == Form::url);
  if (!numeric) return refuse(authority, "has a colon without a port behind it");
  return host.substr(0, colon);
}

/// Takes "*." or "." off the front of `host`.
Scope strip_wildcard(std::string_view& host, Scope otherwise) {
  for (const std::string_view prefix : {"*.", "."}) {
    if (!host.starts_with(prefix) || host.size() == prefix.size()) continue;
    host.remove_prefix(prefix.size());
    return Scope::subdomains;
  }
  return otherwise;
}

}  // namespace

Result<DomainName> DomainName::parse(std::string_view text) {
  if (is_clean(text)) return DomainName(std::string(text));
  IW_TRY(std::string name, to_ascii(text));
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  IW_CHECK(check_name(name));
  return DomainName(std::move(name));
}

bool DomainName::is_name(std::string_view text) {
  if (is_clean(text)) return true;
  const auto name = parse(text);
  return name && name->text() == text;
}

std::size_t DomainName::label_count() const {
  return static_cast<std::size_t>(std::ranges::count(text_, '.')) + 1;
}

std::string_view DomainName::parent_text() const {
  return std::string_view(text_).substr(text_.find('.') + 1);
}

bool DomainName::is_within(std::string_view other) const {
  if (other.empty() || !text_.ends_with(other)) return false;
  return text_.size() == other.size() || text_[text_.size() - other.size() - 1] == '.';
}

const char* to_string(Scope scope) {
  return scope == Scope::exact ? "exact" : "subdomains";
}

bool DomainSpec::covers(const DomainName& other) const {
  return scope == Scope::exact ? other == name : other.is_within(name.text());
}

bool DomainSpec::covers(const DomainSpec& other) const {
  return (scope == Scope::subdomains || other.scope == Scope::exact) && covers(other.name);
}

Result<DomainSpec> parse_domain(std::string_view text, Scope default_scope) {
  std::string_view rest = trimmed(text);
  if (is_clean(rest)) {
    IW_TRY(DomainName name, DomainName::parse(rest));
    return DomainSpec{.name = std::move(name), .scope = default_scope};
  }
  if (rest.size() > max_text)
    return refuse(rest, fmt::format("is {} bytes long; {} is the most", rest.size(), max_text));
  if (!is_valid_utf8(rest)) return refuse(rest, "is not valid UTF-8");
  const auto never_in_url = [](char c) {
    return is_blank(c) || c == '"' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  };
  if (const auto bad = std::ranges::find_if(rest, never_in_url); bad != rest.end()) return refuse(rest, fault_of(*bad));
  IW_TRY(const Form form, strip_scheme(rest));
  const std::string authority = refanged(rest.substr(0, rest.find_first_of("/?#")));
  IW_TRY(std::string_view host, host_of(authority, form));
  const Scope scope = strip_wildcard(host, default_scope);
  IW_TRY(DomainName name, DomainName::parse(host));
  return DomainSpec{.name = std::move(name), .scope = scope};
}

std::string to_unicode(const DomainName& name) {
  std::string out;
  for (std::string_view rest = name.text();;) {
    const std::size_t dot = rest.find('.');
    const std::string label(rest.substr(0, dot));
    char* raw = nullptr;
    const int status = label.starts_with("xn--") ? idn2_to_unicode_8z8z(label.c_str(), &raw, 0) : IDN2_MALLOC;
    const IdnText decoded(raw, &idn2_free);
    out += status == IDN2_OK ? std::string_view(decoded.get()) : std::string_view(label);
    if (dot == std::string_view::npos) return out;
    out += '.';
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace intelwall
