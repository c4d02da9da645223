#include "findings/name_search.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace intelwall::findings {
namespace {

constexpr std::size_t max_text = std::size_t{16} * 1024;
constexpr std::size_t max_token = 2048;
constexpr std::string_view leading = "([{";
constexpr std::string_view trailing = ".)]}:!?";

// Last labels that are top-level domains, but in running text mostly end file names when one label stands before them.
constexpr std::array<std::string_view, 8> file_endings = {"md", "mov", "ps", "py", "rs", "sh", "so", "zip"};
constexpr std::array<std::string_view, 4> aws_zones = {"amazonaws.com", "amazonaws.com.cn", "aws.amazon.com",
                                                       "api.aws"};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

constexpr auto separators = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c <= 0x20; ++c) table[c] = true;
  for (const char c : std::string_view("\"'<>,;|`")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

std::string_view trim_tail(std::string_view text) {
  const auto last = text.find_last_not_of(trailing);
  return last == std::string_view::npos ? std::string_view{} : text.substr(0, last + 1);
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(leading);
  return first == std::string_view::npos ? std::string_view{} : trim_tail(text.substr(first));
}

/// Where a URL begins in `token` ("x=hxxps[:]//…"), or npos.
std::size_t url_start(std::string_view token) {
  for (auto slashes = token.find("//"); slashes != std::string_view::npos; slashes = token.find("//", slashes + 1)) {
    auto end = std::string_view::npos;
    if (token.substr(0, slashes).ends_with("[:]")) {
      end = slashes - 3;
    } else if (token.substr(0, slashes).ends_with(':')) {
      end = slashes - 1;
    }
    if (end == std::string_view::npos) continue;
    auto start = end;
    while (start > 0 && is_letter(token[start - 1])) --start;
    if (start < end) return start;
  }
  return std::string_view::npos;
}

std::string_view last_label(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

}  // namespace

bool may_hold_name(std::string_view text) {
  if (text.find('.') != std::string_view::npos) return true;
  for (auto at = text.find_first_of("[("); at != std::string_view::npos; at = text.find_first_of("[(", at + 1)) {
    const auto word = text.substr(at + 1, 4);
    if (word.size() == 4 && lower(word[0]) == 'd' && lower(word[1]) == 'o' && lower(word[2]) == 't' &&
        (word[3] == ']' || word[3] == ')')) {
      return true;
    }
  }
  return false;
}

const PublicSuffixes* NameSearch::suffixes() {
  if (!suffixes_) suffixes_ = PublicSuffixes::load();
  return *suffixes_ ? &**suffixes_ : nullptr;
}

bool NameSearch::is_known_tld(std::string_view label) {
  if (label.size() < 2 || label.size() > 63) return false;
  std::string key(label);
  std::ranges::transform(key, key.begin(), lower);
  if (const auto known = known_tlds_.find(key); known != known_tlds_.end()) return known->second;
  bool known = false;
  // Everything below a label that no rule names has the kind `none`.
  if (const auto name = DomainName::parse("a.b.c." + key); name && suffixes() != nullptr) {
    known = suffixes()->suffix_above(*name).kind != SuffixKind::none;
  }
  constexpr std::size_t many = 4096;
  if (known_tlds_.size() >= many) known_tlds_.clear();  // hostile text invents endless endings
  known_tlds_.emplace(std::move(key), known);
  return known;
}

bool NameSearch::is_aws_service(const DomainName& name) {
  if (std::ranges::none_of(aws_zones, [&](auto zone) { return name.is_within(zone); })) return false;
  // Below a private suffix such as s3.amazonaws.com stands a customer, whom AWS only hosts.
  return suffixes() == nullptr || suffixes()->suffix_above(name).kind != SuffixKind::private_domain;
}

void NameSearch::look_at_url(std::string_view url, std::vector<Hit>& hits) {
  url = trim_tail(url);
  auto domain = parse_domain(url);
  if (domain && is_known_tld(last_label(domain->name.text())) && !is_aws_service(domain->name)) {
    hits.push_back({url, *std::move(domain)});
  }
}

void NameSearch::look_at_name(std::string_view text, BareNames bare, std::vector<Hit>& hits) {
  text = trim(text);
  const bool defanged = text.find_first_of("[(") != std::string_view::npos;
  if (!defanged && (bare == BareNames::leave || text.find('.') == std::string_view::npos)) return;
  const bool ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (!defanged && ascii && !is_known_tld(last_label(text))) return;  // most tokens end here, cheaply
  if (!may_hold_name(text)) return;
  auto domain = parse_domain(text);
  if (!domain || !is_known_tld(last_label(domain->name.text())) || is_aws_service(domain->name)) return;
  const auto& name = domain->name.text();
  if (!defanged && std::ranges::count(name, '.') == 1 && std::ranges::count(file_endings, last_label(name)) > 0) return;
  hits.push_back({text, *std::move(domain)});
}

void NameSearch::look_at(std::string_view token, BareNames bare, std::vector<Hit>& hits) {
  if (const auto start = url_start(token); start != std::string_view::npos) {
    look_at_url(token.substr(start), hits);
    return;
  }
  if (token.find_first_of("\\@") != std::string_view::npos || token.starts_with("arn:") || token.starts_with('/'))
    return;
  token = token.substr(0, token.find('/'));
  while (!token.empty()) {  // "domain=evil.com", "evil.com:443"
    const auto end = token.find_first_of("=:");
    look_at_name(token.substr(0, end), bare, hits);
    token = end == std::string_view::npos ? std::string_view{} : token.substr(end + 1);
  }
}

std::vector<NameSearch::Hit> NameSearch::in(std::string_view text, BareNames bare) {
  std::vector<Hit> hits;
  if (!may_hold_name(text)) return hits;
  text = text.substr(0, max_text);
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && !separators[static_cast<unsigned char>(text[i])]) continue;
    const auto token = text.substr(start, i - start);
    start = i + 1;
    if (token.size() >= 4 && token.size() <= max_token && may_hold_name(token)) look_at(token, bare, hits);
  }
  return hits;
}

}  // namespace intelwall::findings
