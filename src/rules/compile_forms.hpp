#pragma once

#include <optional>
#include <vector>

#include "rules/compile.hpp"
#include "rules/pack.hpp"

// Internal to this room: one reduced set in one form. Nothing: it does not fit the budget.
namespace intelwall::rules {

struct Written {
  std::vector<CompiledGroup> groups;
  std::vector<CompiledFile> data_files;
  double cost = 0;
};

/// Bytes that a rule of these options leaves for a pack's regex and its suffixes.
std::size_t room_for_words(const CompileOptions& options);

std::optional<Written> write_packed(const DomainTable& table, const ReducedDomains& domains,
                                    const CompileOptions& options, const PackCosts& costs);
std::optional<Written> write_suricata(const DomainTable& table, const ReducedDomains& domains,
                                      const CompileOptions& options);
std::optional<Written> write_domain_list(const DomainTable& table, const ReducedDomains& domains,
                                         const CompileOptions& options);
std::optional<Written> write_dataset(const DomainTable& table, const ReducedDomains& domains,
                                     const CompileOptions& options);

}  // namespace intelwall::rules
