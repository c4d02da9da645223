#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/decision.hpp"
#include "core/result.hpp"
#include "rules/compile_table.hpp"
#include "rules/rule_group.hpp"
#include "rules/traffic_prior.hpp"

// A list of domains as the rules of a firewall policy. The forms and how to choose are told in docs/packing.md.
namespace intelwall::rules {

enum class CompileFormat { packed, suricata, domain_list, dataset };
const char* to_string(CompileFormat format);  ///< packed, suricata, domain-list, dataset
Result<CompileFormat> parse_compile_format(std::string_view text);

/// Whether regexes ask the engine not to compile them to machine code, by `(*NO_JIT)`: half the load time and memory at
/// no cost a flow. Whether Network Firewall takes it has not been seen.
enum class Jit { leave, off };

/// One file to write, named as DESIGN.md says: 001.rules, 001.json (domain-list), a dataset's .lst.
struct CompiledFile {
  std::string name;
  std::string content;
};

struct CompileOptions {
  CompileFormat format = CompileFormat::packed;
  Action action = Action::alert;  ///< drop, reject or alert
  /// QUIC's rules stand in groups of their own, so that a firewall that does not know `quic.sni` refuses only these;
  /// what cannot be rejected there is dropped.
  std::set<Protocol> protocols = {Protocol::tls, Protocol::http};
  Jit jit = Jit::leave;

  std::size_t max_rules = 30'000;  ///< capacity units of all groups together
  std::size_t max_groups = 20;
  std::size_t max_group_bytes = rules::max_group_bytes;

  /// Where the flows come from, as the rules say it. A variable's value counts into the length of a rule.
  std::string source = "$HOME_NET";
  std::map<std::string, std::string> variables;  ///< "HOME_NET" → "10.0.0.0/8,192.168.0.0/16"

  /// Datasets are <dataset>_exact and <dataset>_domains; other than "iw" for a second list on the same engine.
  std::string dataset = "iw";

  /// The word of every rule's message ("intelwall <label>"), so that a log line names the list.
  RuleText label{"list"};
  const TrafficPrior* prior = nullptr;  ///< nothing: TrafficPrior::standard()
  /// The files of an earlier run. Groups begin where they began then, and what a packed rule may cost stays as it was,
  /// where that still fits.
  const std::vector<CompiledFile>* previous = nullptr;
};

/// A rule group: one file, whose content is the group's RulesString (or its RuleGroup as JSON, for a domain list).
struct CompiledGroup {
  CompiledFile file;
  std::size_t rules = 0;
  std::size_t bytes = 0;     ///< of what counts against max_group_bytes
  std::size_t capacity = 0;  ///< as AWS counts it
};

struct LeftOut {
  std::string domain;
  Scope scope = Scope::subdomains;
  std::uint32_t rank = 0;
};

struct CompileResult {
  std::vector<CompiledGroup> groups;
  std::vector<CompiledFile> data_files;  ///< what the groups load beside them (dataset)

  std::size_t domains_in = 0;
  std::size_t kept = 0;        ///< that the rules enforce
  std::size_t covered = 0;     ///< by a parent in the list
  std::size_t duplicates = 0;  ///< in = kept + covered + duplicates + left out
  std::size_t rules = 0, capacity = 0, bytes = 0;
  std::vector<LeftOut> left_out;  ///< the first to go last

  /// Packed only: microseconds a flow that the cost model expects of all woken rules, for flows as the prior has them.
  double expected_cost = 0;
  /// With `previous`: what stands there byte for byte.
  std::size_t kept_rules = 0, kept_groups = 0;
};

/// Errors: a budget that holds nothing, an action or protocol that the format cannot express (the sentence says which).
Result<CompileResult> compile(const DomainTable& domains, const CompileOptions& options);

}  // namespace intelwall::rules
