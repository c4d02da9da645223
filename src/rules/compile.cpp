#include "rules/compile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "rules/compile_forms.hpp"
#include "rules/compile_text.hpp"
#include "rules/pack.hpp"

namespace intelwall::rules {
namespace {

constexpr CompileFormat formats[] = {CompileFormat::packed, CompileFormat::suricata, CompileFormat::domain_list,
                                     CompileFormat::dataset};

/// What a rule may cost: steps that are few and wide, so that a name more rarely changes which one is taken. The first
/// are for lists of any size (see first_price), the others for budgets that these do not fit.
constexpr double prices[] = {PackCosts().rule, 1.0 / 1'024, 1.0 / 256, 1.0 / 64, 1.0 / 8, 1, 8};

/// In a long list, most rules are cold when a flow wakes them, and there is room for many. A short list is to be a
/// hundredth of what a rule for each domain would be.
std::size_t first_price(std::size_t names) {
  if (names >= 200'000) return 0;
  if (names >= 100'000) return 1;
  return names >= 50'000 ? 2 : 3;
}

/// With an earlier run at hand, the price that was taken then is taken again where it shows: when a list grows past a
/// step, or shrinks, its rules stay. So many of them must stand there already for the first price to be right.
constexpr double mostly = 0.5;

/// A regex needs as much to be worth a rule; a name of 253 bytes alone needs it, too.
constexpr std::size_t least_room = 1'000;

Result<void> check(const CompileOptions& options) {
  if (options.action == Action::pass) {
    return fail(ErrorCode::usage, "a list cannot be compiled into pass rules", "--action",
                "take drop, reject or alert");
  }
  if (carriers_of(options).empty()) {
    return fail(ErrorCode::usage, "there is no protocol to write rules for", "--protocols",
                "name tls, http, dns or quic");
  }
  constexpr std::string_view allowed = "$!,.:/[]_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  if (options.source.empty() || options.source.find_first_not_of(allowed) != std::string::npos) {
    return fail(ErrorCode::usage, "this is no source for a rule: " + printable(options.source), "--source",
                "take $HOME_NET, any, an address or a list of them in brackets without blanks");
  }
  if (options.format == CompileFormat::domain_list &&
      (options.protocols.contains(Protocol::dns) || options.protocols.contains(Protocol::quic))) {
    return fail(ErrorCode::usage, "a domain list carries neither dns nor quic", "--protocols",
                "take tls and http, or another format");
  }
  if (options.format != CompileFormat::domain_list && room_for_words(options) < least_room) {
    return fail(ErrorCode::usage, fmt::format("the rule variables leave no room in a rule of {} bytes", max_rule_bytes),
                "--variable", "use an IP set reference for the addresses");
  }
  return {};
}

/// Where each name stands in the order in which names are kept.
std::vector<std::uint32_t> by_rank(const DomainTable& table, std::span<const std::uint32_t> order) {
  std::vector<std::uint32_t> ranked(order.begin(), order.end());
  std::ranges::stable_sort(ranked, {}, [&table](std::uint32_t index) { return table.rank(index); });
  return ranked;
}

/// The rules and groups of an earlier run.
class Previous {
 public:
  explicit Previous(const std::vector<CompiledFile>& files) {
    for (const auto& file : files) {
      each_rule(file.content, [this](std::string_view rule) { rules_.insert(rule); });
      groups_.insert(file.content);
    }
  }
  std::size_t size() const { return rules_.size(); }
  /// How many of these stand there byte for byte.
  std::size_t rules_in(const std::vector<CompiledGroup>& groups) const {
    std::size_t kept = 0;
    for (const auto& group : groups)
      each_rule(group.file.content, [&](std::string_view rule) { kept += rules_.contains(rule) ? 1 : 0; });
    return kept;
  }
  std::size_t groups_in(const std::vector<CompiledGroup>& groups) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(groups, [this](const auto& group) { return groups_.contains(group.file.content); }));
  }

 private:
  template <class Visit>
  static void each_rule(std::string_view text, Visit visit) {
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      visit(text.substr(at, end - at));
      at = end + 1;
    }
  }
  std::unordered_set<std::string_view> rules_, groups_;
};

class Compiler {
 public:
  Compiler(const DomainTable& table, const CompileOptions& options)
      : table_(table), options_(options), order_(order_by_ending(table)) {
    if (options.previous != nullptr) previous_.emplace(*options.previous);
  }

  Result<CompileResult> run() {
    auto domains = reduce(table_, order_, {});
    auto written = write(domains);
    if (!written) {
      const auto ranked = by_rank(table_, order_);
      // The most names that fit, as far as more names never fit where fewer did not.
      std::size_t fits = 0;
      std::size_t too_many = ranked.size();
      while (too_many - fits > 1 + fits / 512) {
        const auto count = fits + (too_many - fits) / 2;
        std::vector<bool> chosen(table_.size());
        for (std::size_t i = 0; i < count; ++i) chosen[ranked[i]] = true;
        auto fewer = reduce(table_, order_, chosen);
        auto attempt = write(fewer);
        if (attempt) {
          fits = count;
          domains = std::move(fewer);
          written = std::move(attempt);
        } else {
          too_many = count;
        }
      }
    }
    if (!written) {
      return fail(ErrorCode::quota, "the budget holds not even one domain", {},
                  "raise --max-rules, --max-groups or --max-group-bytes");
    }
    return result(domains, *std::move(written));
  }

 private:
  std::optional<Written> write(const ReducedDomains& domains) const {
    switch (options_.format) {
      case CompileFormat::packed:
        return write_packed_within_budget(domains);
      case CompileFormat::suricata:
        return write_suricata(table_, domains, options_);
      case CompileFormat::domain_list:
        return write_domain_list(table_, domains, options_);
      case CompileFormat::dataset:
        return write_dataset(table_, domains, options_);
    }
    std::unreachable();
  }

  std::optional<Written> write_packed_within_budget(const ReducedDomains& domains) const {
    const auto write_at = [&](double price) {
      PackCosts costs;
      costs.rule = price;
      return write_packed(table_, domains, options_, costs);
    };
    std::optional<Written> best;
    std::size_t most_kept = 0;
    const auto first = first_price(domains.size());
    for (auto i = first; i < std::size(prices) && !best; ++i) best = write_at(prices[i]);
    if (!best || !previous_) return best;
    most_kept = previous_->rules_in(best->groups);
    if (static_cast<double>(most_kept) >= mostly * static_cast<double>(previous_->size())) return best;
    for (const auto price : prices) {
      auto other = write_at(price);
      const auto kept = other ? previous_->rules_in(other->groups) : 0;
      if (kept <= most_kept) continue;
      most_kept = kept;
      best = std::move(other);
    }
    return best;
  }

  CompileResult result(const ReducedDomains& domains, Written written) const {
    CompileResult result{.groups = std::move(written.groups),
                         .data_files = std::move(written.data_files),
                         .domains_in = table_.size(),
                         .kept = domains.size(),
                         .covered = domains.covered,
                         .duplicates = domains.duplicates,
                         .left_out = {},
                         .expected_cost = written.cost};
    for (const auto& group : result.groups) {
      result.rules += group.rules;
      result.capacity += group.capacity;
      result.bytes += group.bytes;
    }
    for (const auto index : by_rank(table_, domains.left_out))
      result.left_out.push_back({std::string(table_.name(index)), table_.scope(index), table_.rank(index)});
    if (previous_) {
      result.kept_rules = previous_->rules_in(result.groups);
      result.kept_groups = previous_->groups_in(result.groups);
    }
    return result;
  }

  const DomainTable& table_;
  const CompileOptions& options_;
  std::vector<std::uint32_t> order_;
  std::optional<Previous> previous_;
};

}  // namespace

const char* to_string(CompileFormat format) {
  switch (format) {
    case CompileFormat::packed:
      return "packed";
    case CompileFormat::suricata:
      return "suricata";
    case CompileFormat::domain_list:
      return "domain-list";
    case CompileFormat::dataset:
      return "dataset";
  }
  std::unreachable();
}

Result<CompileFormat> parse_compile_format(std::string_view text) {
  for (const auto format : formats) {
    if (text == to_string(format)) return format;
  }
  return fail(ErrorCode::usage, "there is no format " + printable(text), "--format",
              "take packed, suricata, domain-list or dataset");
}

Result<CompileResult> compile(const DomainTable& domains, const CompileOptions& options) {
  IW_CHECK(check(options));
  return Compiler(domains, options).run();
}

}  // namespace intelwall::rules
