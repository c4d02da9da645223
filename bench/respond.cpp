// respond, from event to verified update, with 2,000 blocks in the group: beside Suricata's own test and reload of the
// same change in the same run, and without a data plane. Wall time, because that is what a responder waits; medians.
// Usage: bench_respond [INTELWALL_BINARY]     (root, for the data plane)
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "app/respond.hpp"
#include "firewalls/suricata_socket.hpp"
#include "lab/lab.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace {

using namespace intelwall;
using Clock = std::chrono::steady_clock;

constexpr int blocks = 2'000;
constexpr int repeats = 15;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double milliseconds(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

template <class T>
T need(Result<T> result) {
  if (result) return *std::move(result);
  std::fputs(fmt::format("bench_respond: {}\n", result.error().to_text()).c_str(), stderr);
  std::exit(1);
}
void need(const Result<void>& result) {
  if (result) return;
  std::fputs(fmt::format("bench_respond: {}\n", result.error().to_text()).c_str(), stderr);
  std::exit(1);
}

app::Context context_of_the_lab() {
  const auto variables = need(lab::environment());
  app::Context context;
  context.env = [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  context.settings = need(app::load_settings(context.env, {}, {})).settings;
  context.settings.actor = "bench";
  need(app::load_guardrails(context));
  need(app::open_firewall(context));
  return context;
}

std::string event(int number) {
  return fmt::format(
      R"({{"version":"0","detail-type":"Security Hub Findings - Custom Action","source":"aws.securityhub","account":"111122223333",)"
      R"("region":"us-east-1","resources":["arn:aws:securityhub:us-east-1:111122223333:action/custom/intelwallblock"],)"
      R"("detail":{{"actionName":"intelwall block","findings":[{{"SchemaVersion":"2018-10-08","Id":"crowdstrike:bench:{0}",)"
      R"("ProductArn":"arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon","AwsAccountId":"111122223333",)"
      R"("Title":"Falcon Alert. Instance: i-0a1b2c3d4e5f60718","CreatedAt":"2026-11-24T10:00:00Z","UpdatedAt":"2026-11-24T10:00:00Z",)"
      R"("ProductFields":{{"crowdstrike/crowdstrike-falcon/IOCType":"domain","crowdstrike/crowdstrike-falcon/IOCValue":"fresh-{0}-bad.example"}}}}]}}}})",
      number);
}

void fill(app::Context& context) {
  app::BlockRequest request{.reason = "C2 of an adversary, reported by the sensor on i-0a1b2c3d4e5f60718"};
  for (int i = 0; i < blocks; ++i) request.domains.push_back(fmt::format("listed-{}-malware.example", i));
  const auto outcome = need(app::block(context, request, app::Mode::write));
  if (outcome.enforcement.failure) need(Result<void>(std::unexpected(*outcome.enforcement.failure)));
  if (outcome.enforcement.unverified) need(Result<void>(std::unexpected(*outcome.enforcement.unverified)));
}

double respond_once(app::Context& context, int number) {
  return milliseconds([&] {
    const auto outcome = need(app::respond(context, event(number), app::Mode::write));
    if (outcome.enforcement.plan.empty() || outcome.enforcement.failure || outcome.enforcement.unverified) {
      std::fputs("bench_respond: nothing was written or verified\n", stderr);
      std::exit(1);
    }
  });
}

/// Suricata's own two steps with the very rules that are in force, from the same state as respond found: another name
/// stands in for the newest one first, because Suricata keeps the pattern database of rules that did not change, and
/// reloading the same file twice would be quicker than any change can be.
double engine_once(int number) {
  const auto directory = lab::state_directory();
  const auto file = directory / "rules/policy.rules";
  const auto reload = [&] {
    need(firewalls::engine_command(directory / "run/suricata.socket", "reload-rules", std::chrono::seconds{60}));
  };
  const auto rules = need(os::read_file(file, 1U << 30U));
  auto other = rules;
  const auto name = fmt::format("fresh-{}-bad.example", number);
  for (auto at = other.find(name); at != std::string::npos; at = other.find(name, at)) other[at] = 'c';
  need(os::replace_file(file, other));
  reload();
  need(os::replace_file(file, rules));
  return milliseconds([&] {
    const auto test = need(os::run({"suricata", "-T", "-c", (directory / "rules/suricata.yaml").string(), "-S",
                                    file.string(), "-l", (directory / "logs").string()}));
    if (test.exit_code != 0) {
      std::fputs(test.err.c_str(), stderr);
      std::exit(1);
    }
    reload();
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path self =
      argc > 1 ? argv[1] : std::filesystem::read_symlink("/proc/self/exe").parent_path() / "intelwall";
  std::fputs(fmt::format("{} blocks over tls and http in the group, median of {}\n", blocks, repeats).c_str(), stdout);

  need(lab::up({.data_plane = lab::UpOptions::Plane::none, .self = self}));
  {
    auto context = context_of_the_lab();
    fill(context);
    std::vector<double> times;
    for (int i = 0; i < repeats; ++i) times.push_back(respond_once(context, i));
    std::fputs(fmt::format("without a data plane   respond {:7.1f} ms   (goal 50)\n", median(times)).c_str(), stdout);
  }
  need(lab::down());

  if (::geteuid() != 0) {
    std::fputs("with a data plane      not measured: it needs root\n", stdout);
    return 0;
  }
  need(lab::up({.self = self}));
  {
    auto context = context_of_the_lab();
    fill(context);
    // In turns, so that a machine that is busy for a while is busy for both.
    std::vector<double> respond;
    std::vector<double> engine;
    std::vector<double> over;
    for (int i = 0; i < repeats; ++i) {
      respond.push_back(respond_once(context, i));
      engine.push_back(engine_once(i));
      over.push_back(respond.back() - engine.back());
    }
    std::fputs(
        fmt::format(
            "with Suricata inline   respond {:7.1f} ms, Suricata's own test and reload {:.1f} ms: {:.1f} ms over "
            "it (goal 150), {:.2f} times\n",
            median(respond), median(engine), median(over), median(respond) / median(engine))
            .c_str(),
        stdout);
  }
  need(lab::down());
  return 0;
}
