#pragma once

// Real names for the packing's benchmarks, and a list twice as long made of them.

#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/domain_name.hpp"
#include "measure.hpp"
#include "os/process.hpp"

namespace intelwall::bench {

using Names = std::vector<std::string>;

inline std::filesystem::path data_folder() {
  return std::filesystem::path(INTELWALL_SOURCE_DIR) / ".." / "shared" / "data";
}
inline bool have_data() {
  return std::filesystem::exists(data_folder() / "malicious-domains.tsv.zst");
}

inline Names read_names(const char* file) {
  os::RunOptions options;
  options.max_output = std::size_t{1} << 30;
  const auto unpacked = need(os::run({"zstdcat", (data_folder() / file).native()}, options));
  if (unpacked.exit_code != 0) give_up("zstdcat failed");
  Names names;
  for (std::string_view rest = unpacked.out; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    if (const auto name = line.substr(0, line.find_first_of("\t\r")); name.contains('.')) names.emplace_back(name);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return names;
}
inline Names malicious_names() {
  return read_names("malicious-domains.tsv.zst");
}
inline Names popular_names() {
  return read_names("popular-domains.txt.zst");
}

/// The same for the same text in every run.
inline std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325 ^ seed * 0x9e3779b97f4a7c15;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return hash ^ hash >> 32;
}

/// What the other half of a list may look like of which only one half is here.
///
/// Each name gets a twin: the first label that has siblings (or stands before a top-level domain) is crossed with one
/// of them, its beginning with the other's end, so that endings, letters, lengths, families and shared parents stay as
/// they are. A quarter of those without a listed parent become a child of themselves instead, so that as many names of
/// the whole are kept as are of the real one (868,585 of 1,160,645). How near this is can be measured on the half:
/// a random quarter and its twins against the real half (`bench_compile --check-twins`).
class Twins {
 public:
  explicit Twins(const Names& names, unsigned children_in_1000 = 250)
      : names_(names), listed_(names.begin(), names.end()), children_in_1000_(children_in_1000) {
    std::unordered_set<std::string_view> seen;
    for (std::string_view name : names) {
      if (const auto rest = above(name); listed_.contains(rest)) child_labels_.push_back(first_label(name));
      for (; name.contains('.') && seen.insert(name).second; name = above(name))
        siblings_[above(name)].push_back(first_label(name));
    }
  }

  Names make() const {
    Names twins;
    std::unordered_set<std::string> taken;
    for (const auto& name : names_) {
      for (std::uint64_t attempt = 0; attempt < 8; ++attempt) {
        auto twin =
            becomes_child(name) ? pick(child_labels_, hash_of(name, attempt)) + "." + name : crossed(name, attempt);
        const auto parsed = DomainName::parse(twin);
        if (!parsed || parsed->text() != twin || listed_.contains(twin) || !taken.insert(twin).second) continue;
        twins.push_back(std::move(twin));
        break;
      }
    }
    return twins;
  }

 private:
  using Views = std::vector<std::string_view>;
  static std::string_view first_label(std::string_view name) { return name.substr(0, name.find('.')); }
  static std::string_view above(std::string_view name) {
    const auto dot = name.find('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  }
  static std::string pick(const Views& from, std::uint64_t hash) { return std::string(from[hash % from.size()]); }

  bool becomes_child(std::string_view name) const {
    return !child_labels_.empty() && !listed_.contains(above(name)) && hash_of(name, 77) % 1000 < children_in_1000_;
  }
  std::string crossed(std::string_view name, std::uint64_t attempt) const {
    const auto label = first_label(name);
    const auto rest = above(name);
    const auto& siblings = siblings_.at(rest);
    if (siblings.size() == 1 && rest.contains('.')) return std::string(label) + "." + crossed(rest, attempt);
    const auto other = siblings[hash_of(name, 100 + attempt) % siblings.size()];
    const auto at = label.size() > 1 ? 1 + hash_of(name, 200 + attempt) % (label.size() - 1) : 0;
    auto text = std::string(label.substr(0, at)).append(other.substr(std::min(at, other.size() - 1)));
    return text.append(".").append(rest);
  }

  const Names& names_;
  std::unordered_set<std::string_view> listed_;
  std::unordered_map<std::string_view, Views> siblings_;
  Views child_labels_;
  unsigned children_in_1000_;
};

inline void write_list(const std::filesystem::path& path, const Names& names) {
  std::string text;
  for (const auto& name : names) text.append(name).append("\n");
  need(os::replace_file(path, text));
}

/// The half and twice as much, as files: made where they are not there yet.
struct Lists {
  std::filesystem::path half = data_folder() / "malicious-domains.tsv.zst";
  std::filesystem::path full = work_folder() / "twice.txt";
};
inline Lists make_lists() {
  Lists lists;
  apart([&] {
    auto names = malicious_names();
    auto twins = Twins(names).make();
    std::ranges::move(twins, std::back_inserter(names));
    write_list(lists.full, names);
  });
  return lists;
}

}  // namespace intelwall::bench
