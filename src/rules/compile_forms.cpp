#include "rules/compile_forms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <set>
#include <span>

#include "rules/compile_groups.hpp"
#include "rules/compile_text.hpp"
#include "rules/pack_regex.hpp"

namespace intelwall::rules {
namespace {

constexpr std::size_t max_group_capacity = 30'000;
/// Suricata refuses larger tables unless its configuration (datasets.limits.single-hashsize) allows them; what does not
/// find a place of its own is chained.
constexpr std::size_t max_dataset_hashsize = 262'144;

/// Rules on their way into groups: their text in one piece, each rule without its sid.
struct Body {
  struct Rule {
    std::uint32_t wanted_sid;
    std::uint64_t end;
  };
  std::string text;
  std::vector<Rule> rules;
  std::vector<Unit> units;

  void add(std::uint32_t wanted_sid) { rules.push_back({wanted_sid, text.size()}); }
  /// What was added since the last unit belongs together.
  void close_unit() {
    const auto first = rules_in_units_;
    const auto count = rules.size() - first;
    // A rule gets its sid and a line break.
    const auto bytes = text.size() + rules.size() * (sid_bytes + 1);
    units.push_back({bytes, static_cast<std::uint32_t>(count), rules[first].wanted_sid});
    rules_in_units_ = rules.size();
  }

 private:
  std::size_t rules_in_units_ = 0;
};

/// The sids with which the groups of an earlier run begin.
std::set<std::uint32_t> first_sids(const std::vector<CompiledFile>& files) {
  std::set<std::uint32_t> sids;
  for (const auto& file : files) {
    const auto rule = std::string_view(file.content).substr(0, file.content.find('\n'));
    const auto at = rule.rfind("; sid:");
    std::uint32_t sid = 0;
    if (!file.name.ends_with(".rules") || at == std::string_view::npos) continue;
    const auto digits = rule.substr(at + 6);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), sid).ec == std::errc{}) sids.insert(sid);
  }
  return sids;
}

/// Cuts bodies into groups; all sids of all bodies differ.
std::optional<Written> into_groups(std::span<const Body> bodies, const CompileOptions& options) {
  std::vector<std::uint32_t> wanted;
  for (const auto& body : bodies) {
    for (const auto& rule : body.rules) wanted.push_back(rule.wanted_sid);
  }
  if (wanted.size() > options.max_rules) return std::nullopt;
  const auto sids = give_sids(wanted);
  const auto began = options.previous != nullptr ? first_sids(*options.previous) : std::set<std::uint32_t>{};
  const GroupLimits limits{options.max_group_bytes, std::min(options.max_rules, max_group_capacity)};
  Written written;
  std::size_t sid = 0;
  for (const auto& body : bodies) {
    std::vector<std::size_t> begins;
    std::size_t at = sid;
    for (std::size_t unit = 0; unit < body.units.size(); at += body.units[unit++].rules)
      if (began.contains(sids[at])) begins.push_back(unit);
    const auto shares = share_out(body.units, limits, options.max_groups - written.groups.size(), begins);
    if (!shares) return std::nullopt;
    std::size_t rule = 0;
    for (const auto& share : *shares) {
      CompiledGroup group;
      group.file.name = fmt::format("{:03}.rules", written.groups.size() + 1);
      auto& text = group.file.content;
      text.reserve(body.units[share.last - 1].end - (share.first == 0 ? 0 : body.units[share.first - 1].end));
      for (auto unit = share.first; unit < share.last; ++unit) {
        for (std::uint32_t i = 0; i < body.units[unit].rules; ++i, ++rule, ++sid) {
          const auto begin = rule == 0 ? 0 : body.rules[rule - 1].end;
          text.append(body.text, begin, body.rules[rule].end - begin);
          append_sid(text, sids[sid]);
          text += '\n';
        }
        group.rules += body.units[unit].rules;
      }
      group.capacity = group.rules;
      group.bytes = text.size();
      written.groups.push_back(std::move(group));
    }
  }
  return written;
}

/// The carriers that share groups, and those that have their own.
std::vector<std::vector<Carrier>> carriers_by_groups(const CompileOptions& options) {
  std::vector<Carrier> together;
  std::vector<std::vector<Carrier>> all;
  for (const auto carrier : carriers_of(options)) {
    if (carrier == Carrier::quic) {
      all.push_back({carrier});
    } else {
      together.push_back(carrier);
    }
  }
  if (!together.empty()) all.insert(all.begin(), std::move(together));
  return all;
}

void append_plain(std::string& out, std::string_view name, Carrier carrier, Scope scope) {
  out.append("dotprefix; content:\".").append(name).append("\"; nocase; ");
  if (scope == Scope::exact) out += "startswith; ";
  out += name_end_of(carrier);
}

void append_packed(std::string& out, const Pack& pack, Carrier carrier, Scope scope, Jit jit) {
  out.append("dotprefix; content:\"").append(pack.suffix).append("\"; nocase; ").append(content_end_of(carrier));
  out.append("pcre:\"/").append(jit == Jit::off ? "(*NO_JIT)" : "").append(scope == Scope::exact ? "^\\." : "\\.");
  out += pack.words;
  append_escaped(out, pack.suffix);
  out += regex_end_of(carrier);
}

struct ScopedNames {
  Scope scope;
  std::span<const std::uint32_t> names;
};
std::vector<ScopedNames> by_scope(const ReducedDomains& domains) {
  return {{Scope::subdomains, domains.subdomains}, {Scope::exact, domains.exact}};
}

std::string base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((text.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(text[at])) : 0U;
    };
    const auto bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += digits[bits >> 18];
    out += digits[bits >> 12 & 63];
    out += i + 1 < text.size() ? digits[bits >> 6 & 63] : '=';
    out += i + 2 < text.size() ? digits[bits & 63] : '=';
  }
  return out;
}

}  // namespace

std::size_t room_for_words(const CompileOptions& options) {
  std::size_t longest = 0;
  for (const auto carrier : carriers_of(options)) {
    std::string rule = rule_head(options, carrier);
    append_packed(rule, Pack{.suffix = {}, .words = {}, .cell = {}}, carrier, Scope::exact, options.jit);
    longest = std::max(longest, rule.size() + sid_bytes + variable_bytes(options));
  }
  return longest < max_rule_bytes ? max_rule_bytes - longest : 0;
}

std::optional<Written> write_packed(const DomainTable& table, const ReducedDomains& domains,
                                    const CompileOptions& options, const PackCosts& costs) {
  const auto& prior = options.prior != nullptr ? *options.prior : TrafficPrior::standard();
  const PackLimits limits{room_for_words(options)};
  const auto carriers = carriers_by_groups(options);
  std::vector<Body> bodies(carriers.size());
  double cost = 0;
  for (const auto& [scope, names] : by_scope(domains)) {
    const auto cuts = cut(table, names, prior, costs, limits);
    cost += cuts.cost;
    if (cuts.packs.size() * carriers_of(options).size() > options.max_rules) return std::nullopt;
    for (std::size_t i = 0; i < carriers.size(); ++i) {
      std::vector<std::string> heads;
      for (const auto carrier : carriers[i]) heads.push_back(rule_head(options, carrier));
      for (const auto& pack : cuts.packs) {
        for (std::size_t j = 0; j < carriers[i].size(); ++j) {
          const auto carrier = carriers[i][j];
          bodies[i].text += heads[j];
          if (pack.names == 1) {
            append_plain(bodies[i].text, pack.suffix, carrier, scope);
          } else {
            append_packed(bodies[i].text, pack, carrier, scope, options.jit);
          }
          bodies[i].add(wanted_list_sid(pack.suffix, pack.cell, carrier, scope));
        }
        bodies[i].close_unit();
      }
    }
  }
  auto written = into_groups(bodies, options);
  if (written) written->cost = cost;
  return written;
}

std::optional<Written> write_suricata(const DomainTable& table, const ReducedDomains& domains,
                                      const CompileOptions& options) {
  const auto carriers = carriers_by_groups(options);
  if (domains.size() * carriers_of(options).size() > options.max_rules) return std::nullopt;
  std::vector<Body> bodies(carriers.size());
  for (const auto& [scope, names] : by_scope(domains)) {
    for (const auto index : names) {
      const auto name = table.name(index);
      for (std::size_t i = 0; i < carriers.size(); ++i) {
        for (const auto carrier : carriers[i]) {
          bodies[i].text += rule_head(options, carrier, name);
          append_plain(bodies[i].text, name, carrier, scope);
          bodies[i].add(wanted_list_sid(name, {}, carrier, scope));
        }
        bodies[i].close_unit();
      }
    }
  }
  return into_groups(bodies, options);
}

std::optional<Written> write_domain_list(const DomainTable& table, const ReducedDomains& domains,
                                         const CompileOptions& options) {
  const auto protocols = options.protocols.size();
  if (domains.size() * protocols + protocols > options.max_rules) return std::nullopt;
  std::string types;
  for (const auto protocol : options.protocols)
    types += fmt::format("{}\"{}\"", types.empty() ? "" : ",", protocol == Protocol::tls ? "TLS_SNI" : "HTTP_HOST");
  const auto* const kind = options.action == Action::drop     ? "DENYLIST"
                           : options.action == Action::reject ? "REJECTLIST"
                                                              : "ALERTLIST";
  const auto head = std::string("{\"RulesSource\":{\"RulesSourceList\":{\"Targets\":[\n");
  const auto tail = fmt::format("\n],\"TargetTypes\":[{}],\"GeneratedRulesType\":\"{}\"}}}}}}\n", types, kind);

  std::vector<std::string> targets;
  std::vector<Unit> units;
  std::uint64_t bytes = 0;
  for (const auto& [scope, names] : by_scope(domains)) {
    for (const auto index : names) {
      targets.push_back((scope == Scope::subdomains ? "." : "") + std::string(table.name(index)));
      bytes += targets.back().size() + 4;  // quotes, comma, line break
      units.push_back(
          {bytes, static_cast<std::uint32_t>(protocols), wanted_list_sid(targets.back(), {}, Carrier::tls, scope)});
    }
  }
  const auto around = head.size() + tail.size();
  if (options.max_group_bytes <= around) return std::nullopt;
  const auto shares =
      share_out(units, {options.max_group_bytes - around, std::min(options.max_rules, max_group_capacity) - protocols},
                options.max_groups);
  if (!shares || (domains.size() + shares->size()) * protocols > options.max_rules) return std::nullopt;
  Written written;
  for (const auto& share : *shares) {
    CompiledGroup group;
    group.file.name = fmt::format("{:03}.json", written.groups.size() + 1);
    auto& text = group.file.content;
    text = head;
    for (auto i = share.first; i < share.last; ++i)
      text.append(i == share.first ? "" : ",\n").append("\"").append(targets[i]).append("\"");
    text += tail;
    group.rules = (share.last - share.first) * protocols;
    group.capacity = group.rules + protocols;
    group.bytes = text.size();
    written.groups.push_back(std::move(group));
  }
  return written;
}

std::optional<Written> write_dataset(const DomainTable& table, const ReducedDomains& domains,
                                     const CompileOptions& options) {
  constexpr std::string_view transform = "to_lowercase; pcrexform:\"";
  Written written;
  const auto carriers = carriers_by_groups(options);
  std::vector<Body> bodies(carriers.size());
  for (const auto& [scope, names] : by_scope(domains)) {
    if (names.empty()) continue;
    const std::string what = scope == Scope::exact ? "exact" : "domains";
    const bool only_list = options.dataset == "iw";
    const std::string about = only_list ? what : options.dataset + "_" + what;
    CompiledFile list{about + ".lst", {}};
    std::set<std::size_t> depths;
    for (const auto index : names) {
      const auto name = table.name(index);
      depths.insert(static_cast<std::size_t>(std::ranges::count(name, '.')));
      list.content.append(base64(name)).append("\n");
    }
    // The table is told how many strings come, and may take what they need; in powers of two, so that a few names more
    // change no rule.
    const auto room = std::bit_ceil(std::max<std::size_t>(names.size(), 1'024));
    const auto table_size = std::min(room, max_dataset_hashsize);
    const auto dataset = fmt::format("dataset:isset,{0}_{1},type string,load {2}.lst,memcap {3}mb,hashsize {4}; ",
                                     options.dataset, what, about, 64 + room / 2'500, table_size);
    written.data_files.push_back(std::move(list));
    std::vector<std::string> suffixes;
    if (scope == Scope::exact) {
      suffixes.emplace_back(R"(^(.+?)\.?$)");
    } else {
      for (const auto dots : depths) {
        std::string suffix = "((?:[^.]+\\.){" + std::to_string(dots) + "}[^.]+)\\.?$";
        suffixes.push_back(std::move(suffix));
      }
    }
    for (std::size_t i = 0; i < carriers.size(); ++i) {
      for (const auto& suffix : suffixes) {
        for (const auto carrier : carriers[i]) {
          bodies[i].text += rule_head(options, carrier);
          bodies[i].text.append(transform).append(suffix).append("\"; ").append(dataset);
          bodies[i].add(wanted_list_sid(about, suffix, carrier, scope));
        }
        bodies[i].close_unit();
      }
    }
  }
  auto grouped = into_groups(bodies, options);
  if (grouped) grouped->data_files = std::move(written.data_files);
  return grouped;
}

}  // namespace intelwall::rules
