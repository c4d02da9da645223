// DomainSet against what one would write instead: walks over a name's suffixes through absl::flat_hash_set and
// std::unordered_set (of strings, and of views into one text, which is smaller and harder to beat), and through a
// sorted vector. Real names, one run, medians of CPU time. All own their text. Exits 1 when two of them disagree about
// a name, or when a goal is missed.
//
// Usage: bench_domain_set [LIST POPULAR]   a name a line, the first column counts, also .zst; else ../shared/data

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/domain_set.hpp"
#include "measure.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace {

using intelwall::DomainSet;
using intelwall::Result;
using intelwall::bench::cpu_seconds;
using Views = std::vector<std::string_view>;

constexpr int rounds = 11;
constexpr std::size_t lookups = 400'000;
constexpr double speed_goal = 1.5;  // times the fastest peer on misses
constexpr double size_goal = 24;    // bytes a name beside the payload

std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Result<std::string> read_text(const std::filesystem::path& path) {
  if (path.extension() != ".zst") return intelwall::os::read_file(path, std::size_t{1} << 30);
  intelwall::os::RunOptions options;
  options.max_output = std::size_t{1} << 30;
  IW_TRY(auto unpacked, intelwall::os::run({"zstdcat", path.native()}, options));
  if (unpacked.exit_code != 0) return intelwall::fail(intelwall::ErrorCode::system, "zstdcat failed", path.native());
  return std::move(unpacked.out);
}

Views first_column(std::string_view text) {
  Views names;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (const auto name = line.substr(0, line.find_first_of("\t\r")); name.contains('.')) names.push_back(name);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return names;
}

/// The text of all names, for sets of views.
class Arena {
 public:
  explicit Arena(const Views& names) {
    std::size_t size = 0;
    for (const auto name : names) size += name.size();
    text_.reserve(size);
    for (const auto name : names) text_ += name;
  }
  /// Calls take(view) for every name in the arena.
  template <class Take>
  void each(const Views& names, Take take) const {
    std::size_t at = 0;
    for (const auto name : names) {
      take(std::string_view(text_).substr(at, name.size()));
      at += name.size();
    }
  }

 private:
  std::string text_;
};

/// The first suffix of `name`, of two labels or more, that `holds` knows.
template <class Holds>
bool walk(std::string_view name, Holds holds) {
  for (;;) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) return false;
    if (holds(name)) return true;
    name.remove_prefix(dot + 1);
  }
}

/// `View`: the set's own kind of view; Debian's absl::string_view is not std's.
template <class Set, class View = std::string_view>
struct StringSet {
  Set set;
  explicit StringSet(const Views& names) {
    set.reserve(names.size());
    for (const auto name : names) set.emplace(name);
  }
  bool covers(std::string_view name) const {
    return walk(name, [&](std::string_view suffix) { return set.contains(View(suffix.data(), suffix.size())); });
  }
};

template <class Set>
struct ViewSet {
  using View = typename Set::key_type;
  Arena arena;
  Set set;
  explicit ViewSet(const Views& names) : arena(names) {
    set.reserve(names.size());
    arena.each(names, [&](std::string_view name) { set.insert(View(name.data(), name.size())); });
  }
  bool covers(std::string_view name) const {
    return walk(name, [&](std::string_view suffix) { return set.contains(View(suffix.data(), suffix.size())); });
  }
};

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

struct SortedVector {
  Arena arena;
  Views sorted;
  explicit SortedVector(const Views& names) : arena(names) {
    sorted.reserve(names.size());
    arena.each(names, [&](std::string_view name) { sorted.push_back(name); });
    std::ranges::sort(sorted);
  }
  bool covers(std::string_view name) const {
    return walk(name, [&](std::string_view suffix) { return std::ranges::binary_search(sorted, suffix); });
  }
};

struct OurSet {
  DomainSet set;
  explicit OurSet(const Views& names) {
    std::vector<DomainSet::Entry> entries;
    entries.reserve(names.size());
    for (std::uint32_t i = 0; i < names.size(); ++i) entries.push_back({.name = names[i], .payload = i});
    auto built = DomainSet::build(entries);
    IW_ASSERT(built);
    set = *std::move(built);
  }
  bool covers(std::string_view name) const { return set.find(name).has_value(); }
};

/// Names to ask for, in one text in the order of asking.
struct Queries {
  std::string title;
  std::string text;
  std::vector<std::uint32_t> ends;

  void add(std::string_view prefix, std::string_view name) {
    text += prefix;
    text += name;
    ends.push_back(static_cast<std::uint32_t>(text.size()));
  }
};

struct Measured {
  std::string title;
  double build = 0;                      ///< seconds
  double bytes = 0;                      ///< a name, payload included
  std::map<std::string, double> lookup;  ///< ns
  std::map<std::string, std::size_t> hits;
};

template <class Set>
Measured measure(const std::string& title, const Views& names, const std::vector<Queries>& all) {
  Measured result{.title = title};
  std::vector<double> builds;
  for (int round = 0; round < 5; ++round) {
    const auto before = heap_bytes();
    const double start = cpu_seconds();
    const Set set(names);
    builds.push_back(cpu_seconds() - start);
    result.bytes = static_cast<double>(heap_bytes() - before) / static_cast<double>(names.size());
    if (round < 4) continue;
    for (const auto& queries : all) {
      std::vector<double> times;
      for (int i = 0; i < rounds; ++i) {
        const double from = cpu_seconds();
        std::size_t hits = 0;
        std::uint32_t at = 0;
        for (const auto end : queries.ends) {
          hits += set.covers(std::string_view(queries.text).substr(at, end - at)) ? 1 : 0;
          at = end;
        }
        times.push_back((cpu_seconds() - from) * 1e9 / static_cast<double>(queries.ends.size()));
        result.hits[queries.title] = hits;
      }
      result.lookup[queries.title] = median(times);
    }
  }
  result.build = median(builds);
  return result;
}

std::vector<Queries> make_queries(const Views& names, const Views& popular) {
  const OurSet listed(names);
  std::mt19937_64 random(20'261'124);
  const auto pick = [&](const Views& from) {
    return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random)];
  };
  const auto deeper = [&]() {
    constexpr std::string_view prefixes[] = {"", "", "www.", "cdn-7.static."};
    return prefixes[random() % std::size(prefixes)];
  };
  Views unlisted;
  std::ranges::copy_if(popular, std::back_inserter(unlisted), [&](auto name) { return !listed.covers(name); });
  std::vector<Queries> all{{"misses"}, {"hits"}, {"mixed"}};
  for (std::size_t i = 0; i < lookups; ++i) {
    all[0].add("", pick(unlisted));
    all[1].add(deeper(), pick(names));
    all[2].add(deeper(), pick(i % 100 == 0 ? names : popular));
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder = std::filesystem::path(INTELWALL_SOURCE_DIR) / ".." / "shared" / "data";
  const auto list = read_text(argc > 2 ? argv[1] : folder / "malicious-domains.tsv.zst");
  const auto popular = read_text(argc > 2 ? argv[2] : folder / "popular-domains.txt.zst");
  if (!list || !popular) {
    fmt::print("domain_set: skipped, the real names are not here: {}\n", (list ? popular : list).error().to_text());
    return 0;
  }
  const Views names = first_column(*list);
  const auto queries = make_queries(names, first_column(*popular));

  using absl::flat_hash_set;
  const std::vector<Measured> all{
      measure<OurSet>("DomainSet", names, queries),
      measure<StringSet<flat_hash_set<std::string>, absl::string_view>>("flat_hash_set<string>", names, queries),
      measure<ViewSet<flat_hash_set<absl::string_view>>>("flat_hash_set<view>", names, queries),
      measure<StringSet<std::unordered_set<std::string, Hash, std::equal_to<>>>>("unordered_set<string>", names,
                                                                                 queries),
      measure<ViewSet<std::unordered_set<std::string_view>>>("unordered_set<view>", names, queries),
      measure<SortedVector>("sorted vector", names, queries)};

  fmt::print("domain_set: {} names; ns a lookup, {} lookups, medians of {} rounds\n", names.size(), lookups, rounds);
  fmt::print("  {:<24}{:>10}{:>10}{:>10}{:>12}{:>14}\n", "", "misses", "hits", "mixed", "build ms", "bytes a name");
  for (const auto& each : all)
    fmt::print("  {:<24}{:>10.1f}{:>10.1f}{:>10.1f}{:>12.1f}{:>14.1f}\n", each.title, each.lookup.at("misses"),
               each.lookup.at("hits"), each.lookup.at("mixed"), each.build * 1e3, each.bytes);

  const auto& ours = all.front();
  const auto fastest = std::ranges::min_element(all.begin() + 1, all.end(), {},
                                                [](const Measured& each) { return each.lookup.at("misses"); });
  const double speed = fastest->lookup.at("misses") / ours.lookup.at("misses");
  const double beside = ours.bytes - 4;
  const bool fast = speed >= speed_goal;
  const bool small = beside <= size_goal && beside * 3 <= fastest->bytes;
  const bool built = ours.build <= fastest->build;
  fmt::print("  against {} (fastest on misses): misses {:.2f} times (goal {}), hits {:.2f}, mixed {:.2f}: {}\n",
             fastest->title, speed, speed_goal, fastest->lookup.at("hits") / ours.lookup.at("hits"),
             fastest->lookup.at("mixed") / ours.lookup.at("mixed"), fast ? "ok" : "BELOW THE GOAL");
  fmt::print("  beside the payload {:.1f} bytes a name, 1/{:.1f} of it (goals {} and 1/3): {}\n", beside,
             fastest->bytes / beside, size_goal, small ? "ok" : "ABOVE THE GOAL");
  fmt::print("  built in {:.2f} of its time (goal 1): {}; in {:.2f} of the time of {}, whose strings are its own\n",
             ours.build / fastest->build, built ? "ok" : "ABOVE THE GOAL", ours.build / all[1].build, all[1].title);
  for (const auto& each : all) {
    if (each.hits == ours.hits) continue;
    fmt::print(stderr, "domain_set: {} and {} disagree\n", ours.title, each.title);
    return 1;
  }
  return 0;
}
