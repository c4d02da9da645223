// 1,000,000 indicators from the lab through our client, each read into an Indicator: CPU of this process alone (the lab
// is another one), and its memory. Usage: bench_intel_pull [INDICATORS]
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "falcon/intel.hpp"
#include "lab/falcon_cloud.hpp"
#include "measure.hpp"

namespace {

using namespace intelwall;
using namespace intelwall::bench;

constexpr const char* secret = "bench";

/// The lab's process: writes its port, and serves until it is killed.
[[noreturn]] void serve(int out, std::uint32_t indicators) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  lab::FalconOptions options;
  options.port = 0;
  options.client_secret = secret;
  options.indicators = indicators;
  const double begin = cpu_seconds();
  const auto cloud = lab::start_falcon(std::move(options));
  if (!cloud) give_up(cloud.error().to_text());
  std::fputs(
      fmt::format("the lab is up after {:.1f} s CPU, {:.0f} MB\n", cpu_seconds() - begin, peak_megabytes()).c_str(),
      stderr);
  const int port = (*cloud)->port();
  if (::write(out, &port, sizeof port) != sizeof port) std::exit(1);
  for (;;) ::pause();
}

struct Figures {
  double cpu = 0, wall = 0;
  std::uint64_t taken = 0, bytes = 0;
};

Figures pull(const falcon::Intel& intel, falcon::IndicatorQuery::Relations relations) {
  Figures figures;
  const double cpu = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  const auto report =
      intel.pull({.filter = std::nullopt, .deleted = falcon::IndicatorQuery::Deleted::included, .relations = relations},
                 {}, [&](const falcon::PulledPage& page) -> Result<void> {
                   for (const auto line : page.lines) figures.bytes += line.size();
                   return {};
                 });
  if (!report) give_up(report.error().to_text());
  figures.cpu = cpu_seconds() - cpu;
  figures.wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  figures.taken = report->taken;
  return figures;
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
  int port = 0;
  if (::read(ends[0], &port, sizeof port) != sizeof port) give_up("the lab did not come up");

  falcon::Session session;
  session.http = aws::make_curl_client();
  session.settings.origin = {"http", fmt::format("127.0.0.1:{}", port)};
  session.settings.client_id = lab::falcon_client_id;
  session.settings.client_secret = secret;
  const falcon::Intel intel(std::make_shared<falcon::Client>(std::move(session)));
  const double before = peak_megabytes();
  using Relations = falcon::IndicatorQuery::Relations;
  for (const auto& [name, relations] :
       {std::pair{"without relations", Relations::without}, std::pair{"with relations", Relations::included}}) {
    const Figures figures = pull(intel, relations);
    if (figures.taken < indicators) give_up(fmt::format("only {} indicators came", figures.taken));
    fmt::print(
        "{:<18} {} indicators, {:.0f} MB: {:.2f} s CPU, {:.2f} us each, {:.0f} MB/s; {:.1f} s wall; peak {:.0f} MB\n",
        name, figures.taken, static_cast<double>(figures.bytes) / 1e6, figures.cpu,
        1e6 * figures.cpu / static_cast<double>(figures.taken), static_cast<double>(figures.bytes) / 1e6 / figures.cpu,
        figures.wall, peak_megabytes());
  }
  fmt::print("{:<18} {:.0f} MB at the beginning\n", "memory", before);
  ::kill(lab, SIGKILL);
  int status = 0;
  ::waitpid(lab, &status, 0);
  return 0;
}
