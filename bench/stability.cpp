// How much of the rules a changed list changes: a thousand single additions and removals to 500,000 domains, each
// compiled from nothing; and a thousand at once, with and without the earlier run at hand.
// Usage: bench_stability [CHANGES]
#include <atomic>
#include <map>
#include <thread>

#include "measure.hpp"
#include "packing_data.hpp"
#include "rules/compile.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::bench;

constexpr std::size_t listed = 500'000;

rules::DomainTable table_of(const Names& names, std::size_t without, const std::string* with) {
  rules::DomainTable table;
  table.reserve(names.size(), names.size() * 24);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (i != without) table.add(*DomainName::parse(names[i]), Scope::subdomains);
  if (with != nullptr) table.add(*DomainName::parse(*with), Scope::subdomains);
  return table;
}

std::vector<rules::CompiledFile> compile(const rules::DomainTable& table,
                                         const std::vector<rules::CompiledFile>* previous = nullptr) {
  rules::CompileOptions options;
  options.previous = previous;
  auto result = need(rules::compile(table, options));
  std::vector<rules::CompiledFile> files;
  for (auto& group : result.groups) files.push_back(std::move(group.file));
  return files;
}

template <class Visit>
void each_rule(std::string_view text, Visit visit) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    const auto rule = text.substr(at, end - at);
    visit(rule, rule.substr(0, rule.rfind("; sid:")));
    at = end + 1;
  }
}

/// Every rule of a run by its text without the sid.
using Rules = std::unordered_map<std::string_view, std::string_view>;
Rules rules_of(const std::vector<rules::CompiledFile>& files) {
  Rules all;
  for (const auto& file : files)
    each_rule(file.content, [&](std::string_view rule, std::string_view what) { all.emplace(what, rule); });
  return all;
}

struct Change {
  std::size_t groups = 0;  ///< files that are not as they were
  std::size_t rules = 0;   ///< of one protocol, new or gone, whichever are more
  std::size_t moved = 0;   ///< rules that stay and have another sid
};

Change compare(const std::vector<rules::CompiledFile>& before, const Rules& rules_before,
               const std::vector<rules::CompiledFile>& after) {
  Change change;
  std::size_t fresh = 0, kept_of_changed = 0, of_changed_before = 0;
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    if (i < before.size() && i < after.size() && before[i].content == after[i].content) continue;
    ++change.groups;
    if (i < before.size())
      each_rule(before[i].content, [&](std::string_view rule, auto) { of_changed_before += rule.contains(" tls "); });
    if (i >= after.size()) continue;
    each_rule(after[i].content, [&](std::string_view rule, std::string_view what) {
      if (!rule.contains(" tls ")) return;
      const auto was = rules_before.find(what);
      if (was == rules_before.end()) {
        ++fresh;
      } else {
        ++kept_of_changed;
        change.moved += was->second != rule ? 1 : 0;
      }
    });
  }
  change.rules = std::max(fresh, of_changed_before - std::min(kept_of_changed, of_changed_before));
  return change;
}

template <class Value>
Value at_share(std::vector<Value> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t changes = argc > 1 ? std::stoul(argv[1]) : 1'000;
  if (!have_data()) {
    fmt::print("stability: skipped, the real names are not here\n");
    return 0;
  }
  auto all = malicious_names();
  if (all.size() < listed + changes) give_up("the list is too short");
  std::mt19937_64 random(20'261'124);
  std::ranges::shuffle(all, random);
  const Names names(all.begin(), all.begin() + listed);
  const Names others(all.begin() + listed, all.end());
  const auto before = compile(table_of(names, names.size(), nullptr));
  const auto rules_before = rules_of(before);

  std::vector<Change> single(changes);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (auto i = next++; i < changes; i = next++)
      single[i] =
          compare(before, rules_before,
                  compile(i % 2 == 0 ? table_of(names, names.size(), &others[i]) : table_of(names, i, nullptr)));
  };
  {
    const std::jthread other(work);
    work();
  }
  const auto column = [&](auto member) {
    std::vector<std::size_t> values;
    for (const auto& each : single) values.push_back(each.*member);
    return values;
  };
  const auto groups = column(&Change::groups);
  const auto rules = column(&Change::rules);
  std::size_t moved = 0;
  for (const auto& each : single) moved += each.moved;
  fmt::print("stability: {} domains, {} groups; {} single additions and removals, rules of one protocol\n", listed,
             before.size(), changes);
  const auto tell = [](const char* what, std::size_t median, std::size_t high, std::size_t most, const char* goal,
                       bool good) {
    fmt::print("  {:<16} median {:>2}, 99 % {:>3}, most {:>4}   goal {}: {}\n", what, median, high, most, goal,
               verdict(good));
  };
  tell("rules changed", at_share(rules, 0.5), at_share(rules, 0.99), at_share(rules, 1), "median 1",
       at_share(rules, 0.5) <= 1);
  tell("groups changed", at_share(groups, 0.5), at_share(groups, 0.99), at_share(groups, 1), "median 1, 99 % 2",
       at_share(groups, 0.5) <= 1 && at_share(groups, 0.99) <= 2);
  fmt::print("  unchanged rules with another sid, in all of these runs together: {}\n", moved);

  Names later(names.begin() + static_cast<std::ptrdiff_t>(changes / 2), names.end());
  later.insert(later.end(), others.begin(), others.begin() + static_cast<std::ptrdiff_t>(changes / 2));
  const auto table = table_of(later, later.size(), nullptr);
  const auto at_once = compare(before, rules_before, compile(table));
  const auto at_once_previous = compare(before, rules_before, compile(table, &before));
  Names grown(names);
  grown.insert(grown.end(), others.begin(), others.begin() + 50'000);
  const auto grown_table = table_of(grown, grown.size(), nullptr);
  const auto growth = compile(grown_table);
  const auto growth_previous = compile(grown_table, &before);
  // A group that starts where it did has the same beginning, whatever its number is by now.
  const auto same_begins = [&](const std::vector<rules::CompiledFile>& after) {
    std::size_t same = 0;
    for (const auto& file : after) {
      const auto begin = std::string_view(file.content).substr(0, 160);
      same += std::ranges::any_of(before, [&](const auto& old) { return old.content.starts_with(begin); }) ? 1 : 0;
    }
    return same;
  };
  fmt::print("  {} changes at once: {} of {} groups, {} rules; with --previous {} groups, {} rules\n", changes,
             at_once.groups, before.size(), at_once.rules, at_once_previous.groups, at_once_previous.rules);
  fmt::print("  50,000 more names: {} of {} groups begin as before; with --previous {} of {}\n", same_begins(growth),
             growth.size(), same_begins(growth_previous), growth_previous.size());
  write_figures("stability", {{"changes", changes},
                              {"groups", before.size()},
                              {"rules_median", at_share(rules, 0.5)},
                              {"rules_99", at_share(rules, 0.99)},
                              {"rules_most", at_share(rules, 1)},
                              {"groups_median", at_share(groups, 0.5)},
                              {"groups_99", at_share(groups, 0.99)},
                              {"groups_most", at_share(groups, 1)},
                              {"sids_moved", moved},
                              {"at_once_groups", at_once.groups},
                              {"at_once_rules", at_once.rules},
                              {"at_once_groups_previous", at_once_previous.groups},
                              {"growth_begins", same_begins(growth)},
                              {"growth_groups", growth.size()},
                              {"growth_begins_previous", same_begins(growth_previous)},
                              {"growth_groups_previous", growth_previous.size()}});
  return 0;
}
