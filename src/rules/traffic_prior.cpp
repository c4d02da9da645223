#include "rules/traffic_prior.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include "core/domain_name.hpp"
#include "rules/pack_order.hpp"
#include "rules/traffic_prior_index.hpp"

namespace intelwall::detail {
std::string_view embedded_traffic_prior();
}

namespace intelwall::rules {
namespace {

/// Longer texts hardly occur in names but at their end.
constexpr std::size_t longest_inside = 6;
/// Of names with a common ending, so many have one more given byte before it.
constexpr double share_of_a_byte = 1.0 / 12;

/// Where a text is counted. Texts that share a place are counted together: of the few that are frequent enough to
/// matter, hardly any does.
constexpr std::size_t inside_bits = 20;
std::size_t place_of(std::string_view text) {
  std::uint64_t code = 0;
  for (const char c : text) code = code << 8 | static_cast<unsigned char>(c);
  return static_cast<std::size_t>(code * 0x9e3779b97f4a7c15 >> (64 - inside_bits));
}

struct Line {
  std::string_view text;
  double weight = 1;
};

bool read_weight(std::string_view digits, double& weight) {
  std::uint32_t count = 0;
  const auto* const end = std::to_address(digits.end());
  const auto [stop, fault] = std::from_chars(std::to_address(digits.begin()), end, count);
  weight = count;
  return fault == std::errc{} && stop == end && count > 0;
}

/// Calls visit(text, weight, line number) for each line that says something; stops at an error.
template <class Visit>
Result<void> each_line(std::string_view text, Visit visit) {
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto tab = line.find('\t');
    double weight = 1;
    if (tab != std::string_view::npos && !read_weight(line.substr(tab + 1), weight)) {
      return fail(ErrorCode::invalid_input, "the weight is no positive number: " + printable(line),
                  fmt::format("line {}", number), "write one name a line, with a tab and a count or without");
    }
    IW_CHECK(visit(line.substr(0, tab), weight, number));
  }
  return {};
}

}  // namespace

TrafficPrior::TrafficPrior(std::unique_ptr<Index> index) : index_(std::move(index)) {}
TrafficPrior::TrafficPrior(TrafficPrior&&) noexcept = default;
TrafficPrior& TrafficPrior::operator=(TrafficPrior&&) noexcept = default;
TrafficPrior::~TrafficPrior() = default;

Result<TrafficPrior> TrafficPrior::from_names(std::string_view text) {
  std::string arena;
  arena.reserve(text.size() + 64);  // never so short that a move would copy it: entries point into it
  struct Placed {
    std::size_t begin, size;
    double weight;
  };
  std::vector<Placed> placed;
  IW_CHECK(each_line(text, [&](std::string_view name, double weight, std::size_t number) -> Result<void> {
    // Top lists name top-level domains, too, which are no DomainName.
    const std::string_view below = name.contains('.') ? "" : "x.";
    const auto parsed = DomainName::parse(fmt::format("{}{}", below, name));
    if (!parsed) {
      return fail(ErrorCode::invalid_input, "this is no domain name: " + printable(name),
                  fmt::format("line {}", number), "write one name a line, with a tab and a count or without");
    }
    const auto begin = arena.size();
    arena += std::string_view(parsed->text()).substr(below.size());
    placed.push_back({begin, arena.size() - begin, weight});
    return {};
  }));
  if (placed.empty()) return fail(ErrorCode::invalid_input, "the traffic prior holds no name");
  std::vector<Index::Entry> entries;
  entries.reserve(placed.size());
  for (const auto& name : placed)
    entries.push_back({std::string_view(arena).substr(name.begin, name.size), name.weight, true});
  return TrafficPrior(std::make_unique<Index>(std::move(arena), std::move(entries), std::vector<Index::Inside>{}));
}

const TrafficPrior& TrafficPrior::standard() {
  // The shipped file: "=name", a whole name; "~text", a text inside names; else an ending.
  static const TrafficPrior prior = [] {
    std::vector<Index::Entry> entries;
    std::vector<Index::Inside> inside;
    const auto read = each_line(detail::embedded_traffic_prior(),
                                [&](std::string_view text, double weight, std::size_t) -> Result<void> {
                                  if (text.starts_with('~')) {
                                    inside.push_back({text.substr(1), weight});
                                  } else if (text.starts_with('=')) {
                                    entries.push_back({text.substr(1), weight, true});
                                  } else {
                                    entries.push_back({text, weight, false});
                                  }
                                  return {};
                                });
    IW_ASSERT(read.has_value() && !entries.empty());
    return TrafficPrior(std::make_unique<Index>(std::string(), std::move(entries), inside));
  }();
  return prior;
}

TrafficPrior::Index::Index(std::string arena, std::vector<Entry> entries, const std::vector<Inside>& inside)
    : arena_(std::move(arena)), entries_(std::move(entries)) {
  std::ranges::sort(entries_, [](const Entry& a, const Entry& b) { return compare_reversed(a.text, b.text) < 0; });
  double total = 0;
  for (const auto& entry : entries_) total += entry.weight;
  inside_.resize(std::size_t{1} << inside_bits);
  sums_.reserve(entries_.size() + 1);
  sums_.push_back(0);
  std::string dotted;
  for (auto& entry : entries_) {
    entry.weight /= total;
    sums_.push_back(sums_.back() + entry.weight);
    if (!inside.empty()) continue;
    // The engine puts a dot before each name.
    dotted.assign(".").append(entry.text);
    for (std::size_t size = 1; size <= longest_inside; ++size) {
      for (std::size_t i = 0; i + size < dotted.size(); ++i)
        inside_[place_of(std::string_view(dotted).substr(i, size))] += static_cast<float>(entry.weight);
    }
  }
  for (const auto& [text, weight] : inside) inside_[place_of(text)] += static_cast<float>(weight / total);
}

std::size_t TrafficPrior::Index::known_ending(std::string_view name, std::size_t& at) const {
  while (at < entries_.size() && compare_reversed(entries_[at].text, name) < 0) ++at;
  const auto after = at < entries_.size() ? common_ending(entries_[at].text, name) : 0;
  if (at == 0) return after;
  const auto& entry = entries_[at - 1];
  const auto before = common_ending(entry.text, name);
  return !entry.whole && before == entry.text.size() ? name.size() : std::max(before, after);
}

double TrafficPrior::Index::ends(std::string_view suffix) const {
  const auto low = std::ranges::partition_point(
      entries_, [&](const Entry& entry) { return compare_reversed(entry.text, suffix) < 0; });
  const auto high =
      std::partition_point(low, entries_.end(), [&](const Entry& entry) { return entry.text.ends_with(suffix); });
  if (low == high && low != entries_.begin()) {
    const auto& entry = *std::prev(low);
    if (!entry.whole && suffix.ends_with(entry.text))
      return entry.weight * std::pow(share_of_a_byte, static_cast<double>(suffix.size() - entry.text.size()));
  }
  return sums_[static_cast<std::size_t>(high - entries_.begin())] -
         sums_[static_cast<std::size_t>(low - entries_.begin())];
}

TrafficPrior::Share TrafficPrior::Index::share(std::string_view suffix, std::size_t known) const {
  const double at_end = suffix.size() <= known ? ends(suffix) : 0;
  const double inside = suffix.size() <= longest_inside ? static_cast<double>(inside_[place_of(suffix)]) : 0;
  return {static_cast<float>(at_end), static_cast<float>(at_end + inside)};
}

}  // namespace intelwall::rules
