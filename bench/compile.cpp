// `rules compile`, packed over tls and http, as its user runs it: CPU and peak memory of the whole process, and what
// comes out, for the real list and for one twice as long; and what other budgets would cost, by the compiler's model.
// Usage: bench_compile [--check-twins]
#include <cmath>

#include "measure.hpp"
#include "packing_data.hpp"
#include "rules/compile_forms.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::bench;
using Json = nlohmann::json;

constexpr int repeats = 7;

struct Goals {
  double cpu, peak_mb, rules, megabytes;
};
/// The prototype of which docs/packing.md tells, on the real 1.16 million; it wrote no cost.
constexpr const char* prototype = "12,798 rules, 22.8 MB";

Usage run_compile(const std::filesystem::path& list, const std::filesystem::path& output,
                  const std::vector<std::string>& more = {}) {
  std::vector<std::string> argv = {own_binary().parent_path() / "intelwall",
                                   "rules",
                                   "compile",
                                   list,
                                   "-o",
                                   output,
                                   "--action",
                                   "alert",
                                   "--protocols",
                                   "tls,http"};
  argv.insert(argv.end(), more.begin(), more.end());
  return run_measured(argv, work_folder() / "compile.log");
}

Json measure(const std::string& title, const std::filesystem::path& list, const Goals& goals) {
  const auto output = work_folder() / ("packed-" + title);
  std::vector<double> cpu, peak;
  for (int i = 0; i < repeats; ++i) {
    const auto used = run_compile(list, output, {"--no-jit"});
    if (used.exit_code != 0) give_up(need(os::read_file(work_folder() / "compile.log")));
    cpu.push_back(used.cpu());
    peak.push_back(used.peak_mb);
  }
  const auto manifest = read_json(output / "manifest.json");
  Json figures{{"title", title},
               {"domains_in", manifest["domains_in"]},
               {"domains_kept", manifest["domains_kept"]},
               {"cpu_s", median(cpu)},
               {"peak_mb", median(peak)},
               {"rules", manifest["rules"]},
               {"bytes", manifest["bytes"]},
               {"groups", manifest["groups"].size()},
               {"left_out", manifest["left_out"].size()},
               {"expected_cost_us", manifest["expected_cost_us"]}};
  const double megabytes = manifest["bytes"].get<double>() / 1e6;
  const double rules = manifest["rules"].get<double>();
  const auto row = [](const char* what, double is, double goal, const char* unit) {
    fmt::print("    {:<12} {:>9.2f} {:<3} goal {:>7.1f}  {}\n", what, is, unit, goal, verdict(is <= goal));
  };
  fmt::print("  {}: {} domains, {} kept, {} groups, {} left out\n", title, manifest["domains_in"].dump(),
             manifest["domains_kept"].dump(), manifest["groups"].size(), manifest["left_out"].size());
  row("CPU", median(cpu), goals.cpu, "s");
  row("peak memory", median(peak), goals.peak_mb, "MB");
  row("rules", rules, goals.rules, "");
  row("bytes", megabytes, goals.megabytes, "MB");
  return figures;
}

rules::DomainTable table_of(const Names& names) {
  rules::DomainTable table;
  for (const auto& text : names)
    if (const auto name = DomainName::parse(text)) table.add(*name, Scope::subdomains);
  return table;
}

/// Rules, bytes and expected cost as a rule gets dearer or cheaper, without a budget.
Json trade_off(const rules::DomainTable& table) {
  rules::CompileOptions options;
  options.jit = rules::Jit::off;
  options.max_rules = 10'000'000;
  options.max_groups = 10'000;
  const auto domains = rules::reduce(table, rules::order_by_ending(table), {});
  Json curve = Json::array();
  for (int power = -4; power <= 12; ++power) {
    rules::PackCosts costs;
    costs.rule *= std::exp2(power);
    const auto written = rules::write_packed(table, domains, options, costs);
    IW_ASSERT(written);
    std::size_t rules = 0, bytes = 0;
    for (const auto& group : written->groups) {
      rules += group.rules;
      bytes += group.bytes;
    }
    // The price of the rules themselves is not paid by flows.
    const auto flow = written->cost - costs.rule * static_cast<double>(rules) / 2;
    curve.push_back({{"rule_price", costs.rule}, {"rules", rules}, {"bytes", bytes}, {"expected_us", flow}});
  }
  return curve;
}

/// A random quarter and its twins should come out as the real half does.
void check_twins() {
  auto names = malicious_names();
  std::mt19937_64 random(1);
  std::ranges::shuffle(names, random);
  const auto compile = [](const char* title, const Names& list) {
    const auto result = need(rules::compile(table_of(list), {}));
    fmt::print("  {:<28} {} domains, {} kept, {} rules, {:.2f} MB, {:.2f} us expected\n", title, list.size(),
               result.kept, result.rules, static_cast<double>(result.bytes) / 1e6, result.expected_cost);
  };
  compile("the real half", names);
  Names quarter(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(names.size() / 2));
  compile("a quarter", quarter);
  auto twins = Twins(quarter, 165).make();
  std::ranges::move(twins, std::back_inserter(quarter));
  compile("a quarter and its twins", quarter);
}

}  // namespace

int main(int argc, char** argv) {
  if (!have_data()) {
    fmt::print("compile: skipped, the real names are not here\n");
    return 0;
  }
  if (argc > 1 && std::string_view(argv[1]) == "--check-twins") {
    check_twins();
    return 0;
  }
  const auto lists = make_lists();
  fmt::print("compile: packed, tls and http, the whole process; medians of {}; the prototype: {}\n", repeats,
             prototype);
  Json figures{{"half", measure("half", lists.half, {1.4, 400, 10'500, 14.5})},
               {"full", measure("full", lists.full, {2.5, 700, 13'000, 23})}};
  figures["half"]["trade_off"] = trade_off(table_of(malicious_names()));
  write_figures("compile", figures);
  return 0;
}
