// A hunt's change of 100 indicators until it is in force, with packets: in the lab's Network Firewall as packed rules,
// beside Suricata's own test and reload of the same change; and on a Suricata of one's own as datasets, whose names are
// told while it runs. Wall time, because that is what a user waits; medians.
// Usage: bench_hunt_live [DOMAINS [INTELWALL_BINARY]]     (root; no lab may be up)
#include <unistd.h>

#include <fstream>

#include "app/hunt.hpp"
#include "live.hpp"
#include "support/suricata_sensor.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::bench;

constexpr int changed = 100;
constexpr int repeats = 5;

/// The list of round `round`: `changed` names are others than in the round before.
void write_list(const std::filesystem::path& file, int domains, int round) {
  std::ofstream out(file);
  for (int i = 0; i < domains; ++i) out << fmt::format("n{}-{}.evil-{}.example\n", i, i < changed ? round : 0, i % 977);
}

struct Hunted {
  app::Context context;
  store::Ledger ledger;
  std::filesystem::path list;
  int domains;
  std::size_t writes = 0;  ///< of the last run

  Hunted(app::Context made, const std::filesystem::path& directory, int count)
      : context(prepared(std::move(made), directory)),
        ledger(need(app::open_ledger(context))),
        list(directory / "list.txt"),
        domains(count) {
    write_list(list, domains, 0);
    need(app::add_hunt(context, ledger, {.name = "bench", .source = list.string()}));
    run();
  }
  static app::Context prepared(app::Context context, const std::filesystem::path& directory) {
    context.settings.state = directory / "ledger";
    return context;
  }
  double change(int round) {
    write_list(list, domains, round);
    return milliseconds([&] { run(); });
  }
  void run() {
    const auto outcome = need(app::run_hunts(context, ledger, {}));
    if (outcome.hunts.front().failure) give_up(outcome.hunts.front().failure->to_text());
    if (outcome.sync_failure) give_up(outcome.sync_failure->to_text());
    const auto& done = outcome.sync.enforcement;
    if (done.failure) give_up(done.failure->to_text());
    if (done.unverified) give_up(done.unverified->to_text());
    writes = done.plan.steps.size();
    if (outcome.sync.unchanged || outcome.sync.enforced != static_cast<std::size_t>(domains))
      give_up(fmt::format("{} domains in force", outcome.sync.enforced));
  }
};

void in_the_lab(const std::filesystem::path& self, const std::filesystem::path& directory, int domains) {
  need(lab::up({.self = self}));
  {
    Hunted hunted(context_of_the_lab(), directory, domains);
    std::vector<double> ours;
    std::vector<double> engine;
    std::vector<double> over;
    for (int round = 1; round <= repeats; ++round) {
      const auto before = live_rules_text();
      ours.push_back(hunted.change(round));
      engine.push_back(engine_milliseconds(before));
      // A group is updated by a call of its own, and each is tested and reloaded.
      over.push_back(ours.back() - static_cast<double>(hunted.writes) * engine.back());
    }
    fmt::print(
        "packed, inline    {:7.0f} ms, {} writes; Suricata's own test and reload, once for each, {:.0f} ms: {:.0f} ms "
        "over "
        "them (goal 2000)  {}\n",
        median(ours), hunted.writes, static_cast<double>(hunted.writes) * median(engine), median(over),
        verdict(median(over) <= 2'000));
  }
  need(lab::down());
}

void on_ones_own(const std::filesystem::path& directory, int domains) {
  for (const char* file : {"intelwall.rules", "intelwall-hunts.rules"}) need(os::replace_file(directory / file, ""));
  const test::SuricataSensor sensor(directory / "sensor", "[intelwall.rules, intelwall-hunts.rules]");
  app::Context context;
  context.settings.actor = "bench";
  context.settings.suricata = {
      .rules_file = directory / "intelwall.rules", .config = sensor.config(), .sockets = {sensor.socket()}};
  need(app::load_guardrails(context));
  need(app::open_firewall(context));
  Hunted hunted(std::move(context), directory, domains);
  std::vector<double> ours;
  for (int round = 1; round <= repeats; ++round) ours.push_back(hunted.change(round));
  fmt::print("dataset, one's own {:6.0f} ms in all (goal 1000)  {}\n", median(ours), verdict(median(ours) <= 1'000));
}

}  // namespace

int main(int argc, char** argv) {
  const int domains = argc > 1 ? std::atoi(argv[1]) : 100'000;
  const std::filesystem::path self = argc > 2 ? argv[2] : own_binary().parent_path() / "intelwall";
  if (::geteuid() != 0) {
    fmt::print("hunt_live: skipped, packets need root\n");
    return 0;
  }
  fmt::print("hunt_live: {} of {} names are others, until it is in force; median of {}\n", changed, domains, repeats);
  const auto directory = std::filesystem::temp_directory_path() / fmt::format("iw-hunt-live-{}", ::getpid());
  for (const char* part : {"lab", "own"}) std::filesystem::create_directories(directory / part);
  in_the_lab(self, directory / "lab", domains);
  on_ones_own(directory / "own", domains);
  std::filesystem::remove_all(directory);
  return 0;
}
