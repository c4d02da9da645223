#include "rules/compile_table.hpp"

#include <limits>

namespace intelwall::rules {

void DomainTable::add(const DomainName& name, Scope scope, std::uint32_t rank) {
  const auto& text = name.text();
  IW_ASSERT(arena_.size() + text.size() <= std::numeric_limits<std::uint32_t>::max());
  if (rank != 0 && ranks_.empty()) ranks_.resize(entries_.size());
  entries_.push_back({static_cast<std::uint32_t>(arena_.size()), static_cast<std::uint8_t>(text.size()),
                      static_cast<std::uint8_t>(scope == Scope::exact)});
  arena_ += text;
  if (rank != 0 || !ranks_.empty()) ranks_.push_back(rank);
}

void DomainTable::reserve(std::size_t names, std::size_t bytes) {
  entries_.reserve(names);
  arena_.reserve(bytes);
}

}  // namespace intelwall::rules
