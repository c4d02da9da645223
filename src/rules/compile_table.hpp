#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/domain_name.hpp"

namespace intelwall::rules {

/// A million domains in one arena: about 9 bytes a name beside its text. Only what is a DomainName gets in, so every
/// text in it may become part of a rule.
class DomainTable {
 public:
  /// `rank`: 0 is the last to be left out when the budget does not hold all; equal ranks go by name.
  void add(const DomainName& name, Scope scope, std::uint32_t rank = 0);
  void add(const DomainSpec& domain, std::uint32_t rank = 0) { add(domain.name, domain.scope, rank); }
  void reserve(std::size_t names, std::size_t bytes);

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  std::string_view name(std::size_t index) const {
    const auto& entry = entries_[index];
    return std::string_view(arena_).substr(entry.begin, entry.size);
  }
  Scope scope(std::size_t index) const { return entries_[index].exact != 0 ? Scope::exact : Scope::subdomains; }
  std::uint32_t rank(std::size_t index) const { return ranks_.empty() ? 0 : ranks_[index]; }

 private:
  struct Entry {
    std::uint32_t begin;
    std::uint8_t size;
    std::uint8_t exact;
  };
  std::string arena_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> ranks_;  ///< empty while all ranks are 0
};

}  // namespace intelwall::rules
