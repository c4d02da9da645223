// A hunt over 1,000,000 indicators, from the lab's Falcon into the lab's Network Firewall: CPU and memory of this
// process alone (the lab is another one). The first run, an unchanged full run and delta tick, a change of 100
// indicators; beside bench/hunt_reference.py, which asks the same and comes to the same domains.
// Usage: bench_hunt [INDICATORS [PYTHON]]     without PYTHON (falconpy, requests) the reference is left out
//        bench_hunt INDICATORS all            every domain is wanted: 2,000,000 indicators are about 1,000,000 of them
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/falcon.hpp"
#include "app/hunt.hpp"
#include "app/hunt_source.hpp"
#include "aws/json_text.hpp"
#include "lab/cloud.hpp"
#include "lab/falcon_cloud.hpp"
#include "measure.hpp"
#include "os/process.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::bench;

constexpr const char* secret = "bench-secret";
constexpr const char* filter = "type:'domain'+malicious_confidence:['high','medium','low']";

struct Ports {
  int falcon = 0, aws = 0;
};

/// The lab's process: writes its ports, and serves until it is killed.
[[noreturn]] void serve(int out, std::uint32_t indicators) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  lab::FalconOptions falcon_options;
  falcon_options.port = 0;
  falcon_options.client_secret = secret;
  falcon_options.indicators = indicators;
  const auto falcon = need(lab::start_falcon(std::move(falcon_options)));
  lab::CloudOptions cloud_options;
  cloud_options.port = 0;
  cloud_options.secret_access_key = secret;
  const auto cloud = need(lab::start_cloud(std::move(cloud_options)));
  const Ports ports{falcon->port(), cloud->port()};
  if (::write(out, &ports, sizeof ports) != sizeof ports) std::exit(1);
  for (;;) ::pause();
}

struct Bench {
  app::Context context;
  std::optional<store::Ledger> ledger;

  app::RunOutcome run(const char* name, app::RunRequest request) {
    const double before = cpu_seconds();
    auto outcome = need(app::run_hunts(context, *ledger, request));
    const double cpu = cpu_seconds() - before;
    for (const auto& hunt : outcome.hunts)
      if (hunt.failure) give_up(hunt.failure->to_text());
    if (outcome.sync_failure) give_up(outcome.sync_failure->to_text());
    if (outcome.sync.enforcement.failure) give_up(outcome.sync.enforcement.failure->to_text());
    const auto& hunt = outcome.hunts.front();
    fmt::print("{:<22} {:>8.3f} s CPU, peak {:>4.0f} MB: {} delivered, {} kept, +{} ~{} -{}, {} writes\n", name, cpu,
               peak_megabytes(), hunt.intake.delivered, hunt.kept, hunt.changes.added, hunt.changes.changed,
               hunt.changes.removed, outcome.sync.enforcement.plan.steps.size());
    std::fflush(stdout);
    last_cpu = cpu;
    return outcome;
  }
  double last_cpu = 0;
};

/// What comes from Falcon and stays behind the hunt's wishes and guardrails, in memory: what the reference does.
double pull_to_domains(Bench& bench, const store::Hunt& hunt, std::size_t wanted) {
  const double before = cpu_seconds();
  store::Roster roster(hunt.id);
  app::Intake intake(hunt, *bench.ledger, roster, *bench.context.guardrails, bench.context.clock());
  need(
      app::read_source(bench.context, hunt, {}, app::RunKind::full, [&]() -> Result<app::Intake*> { return &intake; }));
  const double cpu = cpu_seconds() - before;
  if (roster.size() != wanted) give_up(fmt::format("{} domains, and the hunt keeps {}", roster.size(), wanted));
  fmt::print("{:<22} {:>8.3f} s CPU: {} delivered, {} domains\n", "up to the domains", cpu, intake.counts().delivered,
             roster.size());
  return cpu;
}

/// The reference's CPU; its domains must be those that are kept and those that guardrails refuse.
double run_reference(Bench& bench, const std::string& python, const store::Hunt& hunt, std::size_t refused,
                     const std::filesystem::path& directory) {
  const auto output = directory / "reference.txt";
  const double before = children_cpu_seconds();
  const auto script = std::string(INTELWALL_SOURCE_DIR) + "/bench/hunt_reference.py";
  os::RunOptions options;
  options.time_out = std::chrono::minutes{30};
  const auto done = need(os::run({python, script, filter, output.string()}, options));
  if (done.exit_code != 0) give_up("the reference failed: " + done.err);
  const double cpu = children_cpu_seconds() - before;
  const auto roster = need(bench.ledger->roster(hunt.id));
  std::ifstream lines(output);
  std::size_t theirs = 0;
  std::size_t shared = 0;
  for (std::string line; std::getline(lines, line); ++theirs)
    shared += roster.find(line, Scope::subdomains) != nullptr ? 1 : 0;
  if (shared != roster.size() || theirs != roster.size() + refused)
    give_up(fmt::format("the reference has {} domains, {} of our {} kept ones, and {} are refused here", theirs, shared,
                        roster.size(), refused));
  return cpu;
}

}  // namespace

int main(int argc, char** argv) {
  const auto indicators = static_cast<std::uint32_t>(argc > 1 ? std::atol(argv[1]) : 1'000'000);
  for (const char* name : {"NO_PROXY", "no_proxy"}) ::setenv(name, "127.0.0.1", 1);
  int ends[2];
  if (::pipe(ends) != 0) give_up("no pipe");
  const pid_t lab = ::fork();
  if (lab == 0) serve(ends[1], indicators);
  ::close(ends[1]);
  Ports ports;
  if (::read(ends[0], &ports, sizeof ports) != sizeof ports) give_up("the lab did not come up");

  ::setenv("AWS_ENDPOINT_URL", fmt::format("http://127.0.0.1:{}", ports.aws).c_str(), 1);
  ::setenv("AWS_ACCESS_KEY_ID", lab::access_key_id, 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", secret, 1);
  ::setenv("AWS_REGION", lab::region, 1);
  ::setenv("FALCON_BASE_URL", fmt::format("http://127.0.0.1:{}", ports.falcon).c_str(), 1);
  ::setenv("FALCON_CLIENT_ID", lab::falcon_client_id, 1);
  ::setenv("FALCON_CLIENT_SECRET", secret, 1);

  std::string directory = (std::filesystem::temp_directory_path() / "iw-bench-hunt-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) give_up("no directory");
  Bench bench;
  bench.context.settings.firewall.firewall = lab::firewall_name;
  bench.context.settings.state = directory;
  bench.context.settings.actor = "bench";
  need(app::load_guardrails(bench.context));
  need(app::open_firewall(bench.context));
  bench.ledger.emplace(need(app::open_ledger(bench.context)));
  const bool all = argc > 2 && std::string_view(argv[2]) == "all";
  store::Hunt wish{.name = "all", .source = app::falcon_source, .filter = all ? "type:'domain'" : filter};
  if (all) {
    wish.min_confidence = store::Confidence::unverified;
    wish.expiry = "never";
  } else {
    wish.excluded_types = app::default_excluded_types();
  }
  const auto hunt = need(app::add_hunt(bench.context, *bench.ledger, wish));
  using Reach = app::RunRequest::Reach;
  const auto first = bench.run("first full run", {});
  const auto again = bench.run("unchanged full run", {.reach = Reach::full});
  if (!again.sync.enforcement.plan.empty()) give_up("an unchanged full run wrote");
  for (int i = 0; i < 3; ++i)
    if (!bench.run("unchanged delta tick", {}).sync.unchanged) give_up("an unchanged tick was no unchanged one");
  fmt::print("{:<22} {} domains in {} rules, {} groups, {:.1f} MB, {} left out\n", "in the firewall",
             first.sync.enforced, first.sync.rules, first.sync.groups, static_cast<double>(first.sync.bytes) / 1e6,
             first.sync.left_out.size());
  const double ours = pull_to_domains(bench, hunt, first.hunts[0].kept);
  if (argc > 2 && !all) {
    const double cpu = run_reference(bench, argv[2], hunt, first.hunts[0].intake.refused, directory);
    fmt::print("{:<22} {:>8.1f} s CPU to the same domains: {:.1f} times ours\n", "falconpy", cpu, cpu / ours);
  }
  auto change = aws::Json::array();
  for (int i = 0; i < 100; ++i)
    change.push_back({{"indicator", fmt::format("n{}.changed-in-bench.com", i)},
                      {"type", "domain"},
                      {"malicious_confidence", "high"},
                      {"last_updated", system_now().time_since_epoch().count()}});
  const auto client = need(app::open_falcon(bench.context));
  need(client->call(
      {.method = "POST", .path = "/lab/falcon/indicators", .body = aws::dump_json({{"indicators", change}})}));
  bench.run("100 new indicators", {});
  ::kill(lab, SIGKILL);
  int status = 0;
  ::waitpid(lab, &status, 0);
  std::filesystem::remove_all(directory);
  return 0;
}
