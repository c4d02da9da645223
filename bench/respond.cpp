// respond, from event to verified update, with 2,000 blocks in the group: beside Suricata's own test and reload of the
// same change in the same run, and without a data plane. Wall time, because that is what a responder waits; medians.
// Usage: bench_respond [INTELWALL_BINARY]     (root, for the data plane)
#include "app/respond.hpp"
#include "live.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::bench;

constexpr int blocks = 2'000;
constexpr int repeats = 15;

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
  if (outcome.enforcement.failure) give_up(outcome.enforcement.failure->to_text());
  if (outcome.enforcement.unverified) give_up(outcome.enforcement.unverified->to_text());
}

double respond_once(app::Context& context, int number) {
  return milliseconds([&] {
    const auto outcome = need(app::respond(context, event(number), app::Mode::write));
    if (outcome.enforcement.plan.empty() || outcome.enforcement.failure || outcome.enforcement.unverified)
      give_up("nothing was written or verified");
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path self = argc > 1 ? argv[1] : own_binary().parent_path() / "intelwall";
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
      const auto before = live_rules_text();
      respond.push_back(respond_once(context, i));
      engine.push_back(engine_milliseconds(before));
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
