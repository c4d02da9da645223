#include <fmt/format.h>

#include <algorithm>

#include "policy/guardrails.hpp"

namespace intelwall::detail {

// Made by cmake/embed.cmake.
std::string_view embedded_protected_zones();
std::string_view embedded_popular_names();

}  // namespace intelwall::detail

namespace intelwall::policy {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

Result<DomainSpec> parse_entry(std::string_view text) {
  Scope scope = Scope::subdomains;
  for (const std::string_view prefix : {"=", "*.", "."}) {
    if (!text.starts_with(prefix)) continue;
    if (prefix == "=") scope = Scope::exact;
    text.remove_prefix(prefix.size());
    break;
  }
  IW_TRY(DomainName name, DomainName::parse(text));
  return DomainSpec{.name = std::move(name), .scope = scope};
}

}  // namespace

Result<std::vector<ListEntry>> parse_list(std::string_view text, std::string_view name) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::vector<ListEntry> entries;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t hash = line.find('#');
    const std::string_view written = trimmed(line.substr(0, hash));
    if (written.empty()) continue;
    auto domain = parse_entry(written);
    if (!domain) {
      Error error = std::move(domain).error();
      error.place = fmt::format("{}:{}", printable(name), number);
      if (error.hint.empty()) error.hint = "write one name a line: evil.com, .evil.com or =evil.com";
      return std::unexpected(std::move(error));
    }
    const std::string_view note = hash == std::string_view::npos ? "" : trimmed(line.substr(hash + 1));
    entries.push_back({.domain = *std::move(domain), .note = std::string(note), .line = number});
  }
  return entries;
}

std::string_view shipped_protected_zones() {
  return detail::embedded_protected_zones();
}
std::string_view shipped_popular_names() {
  return detail::embedded_popular_names();
}

}  // namespace intelwall::policy
