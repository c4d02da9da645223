#include "rules/pack.hpp"

#include <algorithm>
#include <cmath>

#include "rules/pack_order.hpp"
#include "rules/pack_regex.hpp"
#include "rules/traffic_prior_index.hpp"

namespace intelwall::rules {
namespace {

constexpr std::uint32_t none = ~std::uint32_t{0};

/// What a byte of a name takes in a regex, and a name beside its bytes: measured on the real list, where tries share
/// beginnings and add signs. Only where to cut depends on it: a regex that comes out too long is split.
constexpr double bytes_per_byte = 0.8;
constexpr double bytes_per_name = 1.2;
/// How full the rules become into which a crowd is split by halving.
constexpr double split_fill = 0.7;

/// Names that are one rule so far, and may yet become one with others that end as they do.
struct Component {
  std::uint32_t first_run, last_run;
  std::uint32_t names;
  std::uint32_t depth;  ///< bytes of the suffix
  std::uint64_t bytes;  ///< of the names
  double cost;          ///< of its rules, as it stands
};

/// Walks the trie of reversed names bottom-up, by the endings that neighbours share; the trie itself is never built.
class Cutter {
 public:
  Cutter(const DomainTable& table, std::span<const std::uint32_t> names, const TrafficPrior& prior,
         const PackCosts& costs, const PackLimits& limits)
      : table_(table), names_(names), prior_(prior.index()), costs_(costs), limits_(limits) {}

  Cut run() {
    runs_.reserve(names_.size());
    known_.reserve(names_.size());
    for (std::size_t i = 0; i < names_.size(); ++i) {
      open_leaf(i);
      const auto shared = i + 1 < names_.size() ? common_ending(name(i), name(i + 1)) : 0;
      while (!stack_.empty() && stack_.back().depth > shared) {
        const auto node = stack_.back();
        stack_.pop_back();
        if (active_.size() - node.first_active > 1) join(node);
        if (stack_.empty() || stack_.back().depth < shared)
          stack_.push_back({static_cast<std::uint32_t>(shared), node.name, node.first_active});
      }
    }
    for (const auto& component : active_) finish(component);
    // Packs of one suffix stay as they are written, by cell.
    std::ranges::stable_sort(cut_.packs,
                             [](const Pack& a, const Pack& b) { return compare_reversed(a.suffix, b.suffix) < 0; });
    return std::move(cut_);
  }

 private:
  /// Neighbouring names, and where to go on.
  struct Run {
    std::uint32_t first, last, next;
  };
  /// A suffix that names share; the components below it are the active ones from `first_active` on.
  struct Node {
    std::uint32_t depth;
    std::uint32_t name;
    std::uint32_t first_active;
  };

  std::string_view name(std::size_t i) const { return table_.name(names_[i]); }
  std::string_view suffix(std::size_t i, std::size_t depth) const { return name(i).substr(name(i).size() - depth); }

  void open_leaf(std::size_t i) {
    const auto text = name(i);
    known_.push_back(static_cast<std::uint8_t>(prior_.known_ending(text, prior_at_)));

    const auto at = static_cast<std::uint32_t>(i);
    const auto run = static_cast<std::uint32_t>(runs_.size());
    runs_.push_back({at, at + 1, none});
    stack_.push_back({static_cast<std::uint32_t>(text.size() + 1), at, static_cast<std::uint32_t>(active_.size())});
    active_.push_back({run, run, 1, static_cast<std::uint32_t>(text.size()), text.size(), costs_.rule});
  }

  double price(const Node& node) const {
    const auto text = suffix(node.name, node.depth);
    const auto share = prior_.share(text, known_[node.name]);
    return costs_.rule + share.anywhere * costs_.wake + share.ends * costs_.regex;
  }

  double estimate(const Component& component, std::uint32_t depth) const {
    const auto rest = component.bytes - std::uint64_t{component.names} * depth;
    return bytes_per_byte * static_cast<double>(rest) + bytes_per_name * component.names;
  }

  /// Makes the components below a node one, where that costs less than what they cost as they are. Each is asked alone
  /// whether its part of a full rule here is cheaper: what a neighbour decides does not move it. One that is not will
  /// not be farther up either, where more flows wake the rule.
  void join(const Node& node) {
    if (node.depth == 0) return;
    const double full = static_cast<double>(limits_.words_bytes);
    const double price_here = price(node);
    double saved = 0;
    double bytes = 0;
    joining_.clear();
    for (auto i = node.first_active; i < active_.size(); ++i) {
      const auto& component = active_[i];
      const double size = estimate(component, node.depth);
      if (size / full * price_here < component.cost) {
        joining_.push_back(component);
        saved += component.cost;
        bytes += size;
      } else {
        finish(component);
      }
    }
    active_.resize(node.first_active);
    if (joining_.empty()) return;
    const double rules = bytes <= full ? 1 : std::ceil(bytes / (full * split_fill));
    if (joining_.size() == 1 || rules * price_here >= saved) {
      active_.insert(active_.end(), joining_.begin(), joining_.end());
      return;
    }
    auto joined = joining_[0];
    joined.depth = node.depth;
    joined.cost = rules * price_here;
    for (const auto& component : std::span(joining_).subspan(1)) {
      runs_[joined.last_run].next = component.first_run;
      joined.last_run = component.last_run;
      joined.names += component.names;
      joined.bytes += component.bytes;
    }
    active_.push_back(joined);
  }

  void finish(const Component& component) {
    cut_.cost += component.cost;
    const auto first = runs_[component.first_run].first;
    const auto end = suffix(first, component.depth);
    words_.clear();
    for (auto run = component.first_run; run != none; run = runs_[run].next) {
      for (auto i = runs_[run].first; i < runs_[run].last; ++i)
        words_.push_back(name(i).substr(0, name(i).size() - component.depth));
    }
    std::ranges::sort(words_);
    write(end, words_, {});
  }

  /// A part of the words before a suffix: those that begin with `start`, and then have a character from alphabet[low]
  /// to alphabet[high - 1] (0 is the end of the word).
  struct Cell {
    std::string start;
    std::size_t low = 0;
    std::size_t high = alphabet.size();

    std::string text() const {
      return start.empty() && low == 0 && high == alphabet.size()
                 ? std::string()
                 : start + ':' + std::to_string(low) + '-' + std::to_string(high);
    }
  };
  static constexpr std::string_view alphabet = std::string_view("\0-.0123456789_abcdefghijklmnopqrstuvwxyz", 40);

  /// One pack, or by halving the alphabet as many as its length asks for. The halves are the same whatever the words
  /// are, so a word more or less leaves the other packs as they are.
  void write(std::string_view end, std::span<const std::string_view> words, const Cell& cell) {
    Pack pack;
    if (words.size() == 1) {
      pack.suffix = {words[0].data(), words[0].size() + end.size()};
    } else {
      append_words_regex(pack.words, words);
      const auto ends = 2 * end.size() + static_cast<std::size_t>(std::ranges::count(end, '.'));
      if (pack.words.size() + ends > limits_.words_bytes) return split(end, words, cell);
      pack.suffix = end;
      pack.names = static_cast<std::uint32_t>(words.size());
      pack.cell = cell.text();
    }
    cut_.packs.push_back(std::move(pack));
  }

  void split(std::string_view end, std::span<const std::string_view> words, Cell cell) {
    while (true) {
      if (cell.high - cell.low == 1) {
        cell.start += alphabet[cell.low];
        cell.low = 0;
        cell.high = alphabet.size();
        continue;
      }
      const auto middle = (cell.low + cell.high) / 2;
      const auto at = cell.start.size();
      const auto right = std::ranges::partition_point(
          words, [&](std::string_view word) { return (word.size() == at ? '\0' : word[at]) < alphabet[middle]; });
      const auto left = static_cast<std::size_t>(right - words.begin());
      auto lower = cell;
      lower.high = middle;
      cell.low = middle;
      if (left == words.size()) {
        cell = lower;
      } else if (left > 0) {
        write(end, words.first(left), lower);
        write(end, words.subspan(left), cell);
        return;
      }
    }
  }

  const DomainTable& table_;
  std::span<const std::uint32_t> names_;
  const TrafficPrior::Index& prior_;
  PackCosts costs_;
  PackLimits limits_;
  std::size_t prior_at_ = 0;
  std::vector<std::uint8_t> known_;  ///< bytes of a name's ending that the prior knows
  std::vector<Run> runs_;
  std::vector<Node> stack_;
  std::vector<Component> active_, joining_;
  std::vector<std::string_view> words_;
  Cut cut_;
};

bool lies_within(std::string_view name, std::string_view parent) {
  return name.ends_with(parent) && (name.size() == parent.size() || name[name.size() - parent.size() - 1] == '.');
}

}  // namespace

std::vector<std::uint32_t> order_by_ending(const DomainTable& table) {
  struct Key {
    OrderKey ending;
    std::uint32_t index;
  };
  std::vector<Key> keys;
  keys.reserve(table.size());
  for (std::uint32_t i = 0; i < table.size(); ++i) keys.push_back({order_key(table.name(i)), i});
  std::ranges::sort(keys, [&table](const Key& a, const Key& b) {
    if (a.ending != b.ending) return a.ending < b.ending;
    if (const auto order = compare_reversed(table.name(a.index), table.name(b.index)); order != 0) return order < 0;
    if (table.scope(a.index) != table.scope(b.index)) return table.scope(a.index) == Scope::subdomains;
    return a.index < b.index;
  });
  std::vector<std::uint32_t> order;
  order.reserve(keys.size());
  for (const auto& key : keys) order.push_back(key.index);
  return order;
}

ReducedDomains reduce(const DomainTable& table, std::span<const std::uint32_t> order, const std::vector<bool>& chosen) {
  ReducedDomains reduced;
  std::string_view parent;
  std::string_view exact;
  for (const auto index : order) {
    const auto name = table.name(index);
    const auto scope = table.scope(index);
    if (!parent.empty() && lies_within(name, parent)) {
      ++(name == parent && scope == Scope::subdomains ? reduced.duplicates : reduced.covered);
    } else if (scope == Scope::exact && name == exact) {
      ++reduced.duplicates;
    } else if (!chosen.empty() && !chosen[index]) {
      reduced.left_out.push_back(index);
    } else if (scope == Scope::subdomains) {
      parent = name;
      reduced.subdomains.push_back(index);
    } else {
      exact = name;
      reduced.exact.push_back(index);
    }
  }
  return reduced;
}

Cut cut(const DomainTable& table, std::span<const std::uint32_t> names, const TrafficPrior& prior,
        const PackCosts& costs, const PackLimits& limits) {
  return Cutter(table, names, prior, costs, limits).run();
}

}  // namespace intelwall::rules
