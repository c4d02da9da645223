// What compiled lists cost the real Suricata: loading, and each flow over no rules at all. User CPU by rusage; a flow's
// cost is the slope between a small and a large capture, so that loading and start-up fall out. Rule sets take turns,
// and of each the least of its repeats counts: other work on the machine only ever adds. The alerts must be those of
// the list, each time.
// Usage: bench_suricata_flow [REPEATS]
#include <map>

#include "flows.hpp"
#include "lab/policy_compiler_groups.hpp"
#include "rules/compile_forms.hpp"
#include "suricata_run.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::bench;
using Json = nlohmann::json;

constexpr std::size_t small_flows = 100'000, large_flows = 400'000;
constexpr std::size_t few = 30'000;

struct RuleSet {
  std::string title;
  std::string list;  ///< whose names must alert; empty for none
  Way way = Way::tls;
  std::filesystem::path file() const { return work_folder() / (title + ".rules"); }
};

/// In the order in which they are measured.
const std::vector<RuleSet> sets = {
    {"none", ""},
    {"half", "half"},
    {"full", "full"},
    {"few", "few"},
    {"few-domain-list", "few"},
    {"half-jit", "half"},
    {"full-jit", "full"},
    {"none", "", Way::http},
    {"full", "full", Way::http},
    {"none", "", Way::dns},
    {"full-dns", "full", Way::dns},
    {"full-price-1", "full"},
    {"full-price-3", "full"},
    {"full-price-4", "full"},
};

/// The prices of a rule that are compared: as shipped is the second.
constexpr double prices[] = {1.0 / 4, 1, 8, 64};

rules::DomainTable table_of(const Names& names) {
  rules::DomainTable table;
  for (const auto& text : names)
    if (const auto name = DomainName::parse(text)) table.add(*name, Scope::subdomains);
  return table;
}

Json write_groups(const std::string& title, const std::vector<rules::CompiledGroup>& groups) {
  std::string text;
  std::size_t rules = 0;
  for (const auto& group : groups) {
    text += group.file.content;
    rules += group.rules;
  }
  need(os::replace_file(work_folder() / (title + ".rules"), text));
  return {{"rules", rules}, {"bytes", text.size()}, {"groups", groups.size()}};
}

rules::CompileOptions options_of(Way way, rules::Jit jit) {
  rules::CompileOptions options;
  options.jit = jit;
  if (way == Way::dns) options.protocols = {Protocol::dns};
  return options;
}

Json write_packed(const std::string& title, const rules::DomainTable& table, Way way, rules::Jit jit) {
  const auto result = need(rules::compile(table, options_of(way, jit)));
  if (!result.left_out.empty()) give_up(title + ": names are left out");
  auto size = write_groups(title, result.groups);
  size["expected_us"] = result.expected_cost;
  return size;
}

/// The domain-list form, expanded as Network Firewall documents.
Json write_domain_list(const std::string& title, const rules::DomainTable& table) {
  rules::CompileOptions options;
  options.format = rules::CompileFormat::domain_list;
  options.max_rules = 1'000'000;
  const auto result = need(rules::compile(table, options));
  std::string text;
  std::size_t rules = 0;
  for (const auto& group : result.groups) {
    const auto body = Json::parse(group.file.content);
    for (auto& rule : need(lab::expand_domain_list(body["RulesSource"]["RulesSourceList"]))) {
      for (auto& option : rule.options)
        if (option.keyword == "sid") option.value = std::to_string(rules + 1);
      text += lab::to_string(rule) + "\n";
      ++rules;
    }
  }
  need(os::replace_file(work_folder() / (title + ".rules"), text));
  return {{"rules", rules}, {"bytes", text.size()}, {"groups", result.groups.size()}};
}

std::filesystem::path capture_of(Way way, std::size_t flows) {
  return work_folder() / fmt::format("{}-{}.pcap", bench::to_string(way), flows);
}

/// Rules and captures as files, and what is known of them as sizes.json.
void prepare() {
  auto half = malicious_names();
  auto full = half;
  {
    auto twins = Twins(half).make();
    std::ranges::move(twins, std::back_inserter(full));
  }
  Json sizes;
  need(os::replace_file(work_folder() / "none.rules", ""));
  sizes["none"] = {{"rules", 0}, {"bytes", 0}, {"groups", 0}};
  using rules::Jit;
  const auto half_table = table_of(half);
  sizes["half"] = write_packed("half", half_table, Way::tls, Jit::off);
  sizes["half-jit"] = write_packed("half-jit", half_table, Way::tls, Jit::leave);
  const auto full_table = table_of(full);
  sizes["full"] = write_packed("full", full_table, Way::tls, Jit::off);
  sizes["full-jit"] = write_packed("full-jit", full_table, Way::tls, Jit::leave);
  sizes["full-dns"] = write_packed("full-dns", full_table, Way::dns, Jit::off);
  const auto reduced = rules::reduce(full_table, rules::order_by_ending(full_table), {});
  for (std::size_t i = 0; i < std::size(prices); ++i) {
    if (prices[i] == 1) continue;
    auto options = options_of(Way::tls, Jit::off);
    options.max_rules = 10'000'000;
    options.max_groups = 1'000;
    rules::PackCosts costs;
    costs.rule *= prices[i];
    const auto title = fmt::format("full-price-{}", i + 1);
    sizes[title] = write_groups(title, rules::write_packed(full_table, reduced, options, costs)->groups);
  }
  // As many as kept, spread over the list.
  const auto kept = rules::reduce(half_table, rules::order_by_ending(half_table), {});
  Names some;
  for (std::size_t i = 0; i < few; ++i)
    some.emplace_back(half_table.name(kept.subdomains[i * kept.subdomains.size() / few]));
  const auto some_table = table_of(some);
  sizes["few"] = write_packed("few", some_table, Way::tls, Jit::off);
  sizes["few-domain-list"] = write_domain_list("few-domain-list", some_table);
  need(os::replace_file(work_folder() / "sizes.json", sizes.dump()));

  std::vector<Judge> judges;
  judges.push_back({"half", set_of(half)});
  judges.push_back({"full", set_of(full)});
  judges.push_back({"few", set_of(some)});
  const FlowNames names(popular_names(), half);
  for (const auto way : {Way::tls, Way::http, Way::dns}) {
    for (const auto flows : {std::size_t{1}, small_flows, large_flows})
      write_capture(capture_of(way, flows), way, flows, names, judges);
  }
}

/// User seconds.
struct Measured {
  std::vector<double> load, small, large, peak_mb;
  /// Microseconds a flow: of the least of all repeats, and of the medians.
  double slope() const { return slope(std::ranges::min(small), std::ranges::min(large)); }
  double median_slope() const { return slope(median(small), median(large)); }

 private:
  static double slope(double small, double large) {
    return 1e6 * (large - small) / static_cast<double>(large_flows - small_flows);
  }
};

EngineRun run_checked(const RuleSet& set, std::size_t flows, const Json& sizes) {
  const auto capture = capture_of(set.way, flows);
  const auto run = run_suricata(set.file(), capture);
  if (run.loaded != sizes[set.title]["rules"].get<std::size_t>())
    give_up(fmt::format("{}: {} rules loaded", set.title, run.loaded));
  const auto hits = read_json(capture.native() + ".json");
  const auto expected = set.list.empty() ? 0 : hits[set.list].get<std::size_t>();
  if (run.alerts != expected)
    give_up(fmt::format("{} over {}: {} alerts, where the list has {}", set.title, bench::to_string(set.way),
                        run.alerts, expected));
  return run;
}

void measure(const RuleSet& set, const Json& sizes, Measured& into) {
  const auto load = run_checked(set, 1, sizes);
  into.load.push_back(load.used.user);
  into.peak_mb.push_back(load.used.peak_mb);
  into.small.push_back(run_checked(set, small_flows, sizes).used.user);
  into.large.push_back(run_checked(set, large_flows, sizes).used.user);
}

Json rows_of(const Json& sizes, const std::vector<Measured>& measured) {
  Json rows = Json::array();
  std::map<Way, const Measured*> none;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto& set = sets[i];
    const auto& each = measured[i];
    if (each.large.empty()) break;
    if (set.list.empty()) none[set.way] = &each;
    const bool over = !set.list.empty();
    auto row = sizes[set.title];
    row.update({{"title", set.title},
                {"way", bench::to_string(set.way)},
                {"load_s", std::ranges::min(each.load)},
                {"peak_mb", median(each.peak_mb)},
                {"flow_us", each.slope() - (over ? none[set.way]->slope() : 0)},
                {"flow_us_median", each.median_slope() - (over ? none[set.way]->median_slope() : 0)}});
    rows.push_back(std::move(row));
  }
  return rows;
}

void print(const Json& rows, int repeats) {
  fmt::print(
      "suricata_flow: slope between {} and {} flows of popular names, 1% hits, mixed case; user CPU, the least\n"
      "of {} (and by medians); every run gave just the alerts of its list\n",
      small_flows, large_flows, repeats);
  fmt::print("  {:<5} {:<16} {:>7} {:>8} {:>8} {:>8}  us a flow over no rules\n", "", "", "rules", "MB", "load s",
             "peak MB");
  for (const auto& row : rows) {
    const auto number = [&row](const char* what) { return row[what].get<double>(); };
    fmt::print("  {:<5} {:<16} {:>7} {:>8.2f} {:>8.2f} {:>8.0f} {:>10.2f}  ({:.2f})\n", row["way"].get<std::string>(),
               row["title"].get<std::string>(), row["rules"].dump(), number("bytes") / 1e6, number("load_s"),
               number("peak_mb"), number("flow_us"), number("flow_us_median"));
  }
}

void compare_with_goals(const Json& rows) {
  const auto number = [&](std::string_view title, const char* what) {
    const auto row = std::ranges::find_if(rows, [&](const Json& each) { return each["title"] == title; });
    return (*row)[what].get<double>();
  };
  const auto tell = [](std::string_view what, double is, double goal, std::string_view unit, bool good) {
    fmt::print("  {:<60} {:>7.2f} {:<3} goal {:>6.2f}  {}\n", what, is, unit, goal, verdict(good));
  };
  const auto most = [&](std::string_view what, double is, double goal, std::string_view unit) {
    tell(what, is, goal, unit, is <= goal);
  };
  most("half: load", number("half", "load_s"), 2.3, "s");
  most("full: load", number("full", "load_s"), 3, "s");
  most("half: a TLS flow (stretch 4)", number("half", "flow_us"), 6, "us");
  most("full: a TLS flow (stretch 4)", number("full", "flow_us"), 6, "us");
  const double fewer = number("few-domain-list", "rules") / number("few", "rules");
  tell("30,000 domains: times fewer rules than the domain-list form", fewer, 100, "", fewer >= 100);
  const double faster = number("few-domain-list", "load_s") / number("few", "load_s");
  tell("30,000 domains: times faster to load", faster, 20, "", faster >= 20);
  most("30,000 domains: more a flow", number("few", "flow_us") - number("few-domain-list", "flow_us"), 3, "us");
}

}  // namespace

int main(int argc, char** argv) {
  const int repeats = argc > 1 ? std::atoi(argv[1]) : 3;
  if (!have_data() || !std::filesystem::exists(suricata)) {
    fmt::print("suricata_flow: skipped, {}\n",
               have_data() ? "Suricata is not installed" : "the real names are not here");
    return 0;
  }
  apart(prepare);
  const auto sizes = read_json(work_folder() / "sizes.json");
  std::vector<Measured> measured(sets.size());
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < sets.size(); ++i) {
      measure(sets[i], sizes, measured[i]);
      // A long run that is ended early has told something.
      write_figures("suricata_flow", {{"repeats", repeat + 1}, {"rows", rows_of(sizes, measured)}});
    }
  }
  const auto rows = rows_of(sizes, measured);
  print(rows, repeats);
  compare_with_goals(rows);
  return 0;
}
