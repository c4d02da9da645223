#pragma once

// Names that break packed rules, and the judge that knows what a list means without any rule.

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "rules/compile.hpp"

namespace intelwall::testing {

class NaiveMatcher {
 public:
  explicit NaiveMatcher(const rules::DomainTable& table) {
    for (std::size_t i = 0; i < table.size(); ++i)
      (table.scope(i) == Scope::exact ? exact_ : below_).emplace(table.name(i));
  }
  /// `name` as sent: any case, a root dot or none.
  bool matches(std::string_view name) const {
    std::string text(name);
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (text.ends_with('.')) text.pop_back();
    if (exact_.contains(text)) return true;
    for (std::string_view rest = text;; rest.remove_prefix(rest.find('.') + 1)) {
      if (below_.contains(std::string(rest))) return true;
      if (!rest.contains('.')) break;
    }
    return false;
  }

 private:
  std::unordered_set<std::string> below_, exact_;
};

inline bool fits_dns(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('.', at), name.size());
    if (end == at || end - at > 63) return false;
    at = end + 1;
  }
  return true;
}

/// What is close to `name`: itself, parents, children, siblings, one character more, less or other, a missing dot, in
/// all spellings.
inline std::vector<std::string> names_near(const std::string& name, std::mt19937& random) {
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  constexpr std::string_view characters = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  std::vector<std::string> names = {
      name,       "www." + name,         "a.b.c." + name,   "x" + name,   "-" + name,    "_" + name,
      name + "x", name + ".example.org", name + "." + name, name + ".co", name.substr(1)};
  for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    names.push_back(name.substr(dot + 1));
    auto without = name;
    names.push_back(without.erase(dot, 1));
    auto other = name;
    other[dot] = '-';
    names.push_back(other);
  }
  for (int i = 0; i < 4; ++i) {
    auto changed = name;
    changed[below(name.size())] = characters[below(characters.size())];
    names.push_back(changed);
    auto shorter = name;
    names.push_back(shorter.erase(below(name.size()), 1));
    auto longer = name;
    names.push_back(longer.insert(below(name.size() + 1), 1, characters[below(characters.size())]));
  }
  auto swapped = name;
  const auto at = below(name.size() - 1);
  std::swap(swapped[at], swapped[at + 1]);
  names.push_back(swapped);
  const auto room = 253 - std::min<std::size_t>(name.size() + 1, 253);
  if (room > 1) {
    std::string longest;
    while (longest.size() < room) longest += longest.size() % 50 == 49 ? '.' : 'q';
    if (longest.ends_with('.')) longest.back() = 'q';
    names.push_back(longest + "." + name);
  }
  const auto count = names.size();
  for (std::size_t i = 0; i < count; ++i) {
    auto spelled = names[i];
    for (auto& c : spelled) c = c >= 'a' && c <= 'z' && below(2) == 0 ? static_cast<char>(c - 32) : c;
    names.push_back(spelled);
    names.push_back(names[i] + ".");
  }
  std::erase_if(names, [](const std::string& text) { return !fits_dns(text); });
  return names;
}

inline rules::DomainTable table_of(const std::vector<std::string>& names, Scope scope = Scope::subdomains) {
  rules::DomainTable table;
  for (const auto& text : names) {
    if (const auto name = DomainName::parse(text)) table.add(*name, scope);
  }
  return table;
}

/// Random names that share beginnings, ends and labels, so that every branch of the packing is taken.
inline rules::DomainTable tangled(std::size_t count, unsigned seed, std::string_view letters = "ab-_1.") {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  const std::vector<std::string> ends = {"com", "co", "a.com", "b-a.com", "xn--p1ai", "co.uk", "uk", "digital", "b"};
  rules::DomainTable table;
  while (table.size() < count) {
    std::string text;
    for (auto size = 1 + below(12); size > 0; --size) text += letters[below(letters.size())];
    const auto name = DomainName::parse(text + "." + ends[below(ends.size())]);
    if (name) table.add(*name, below(3) == 0 ? Scope::exact : Scope::subdomains, static_cast<std::uint32_t>(below(4)));
  }
  return table;
}

}  // namespace intelwall::testing
