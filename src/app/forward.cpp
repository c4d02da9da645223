#include "app/forward.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/alert_feed.hpp"
#include "app/falcon.hpp"
#include "aws/arn.hpp"
#include "os/lock.hpp"
#include "os/stop_signals.hpp"

namespace intelwall::app {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t batch_size = 500;
constexpr milliseconds quiet_enough{1'500};  // the streams say that nothing comes about once a second
constexpr milliseconds appid_wait{1'000};
constexpr int appid_attempts = 360;  // after a crash Falcon holds an appId for a while

/// The cloud filter needs the Hosts API, which a first question tells before anything is read.
Result<void> check_hosts(const std::shared_ptr<falcon::Client>& client, const ForwardFilter& filter) {
  if (filter.excluded_clouds.empty()) return {};
  return falcon::Hosts(client).look_up({"0"});
}

std::string name_of(const ForwardOptions& options) {
  return fmt::format("forward-{}-{}", options.source == ForwardOptions::Source::streams ? "streams" : "alerts",
                     options.app_id);
}

Result<os::FileLock> claim(const std::filesystem::path& directory, const std::string& name) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    return fail(ErrorCode::system, "the state directory cannot be made: " + error.message(), directory.string(),
                "name another one with --state-dir");
  auto lock = os::FileLock::take(directory / (name + ".lock"), milliseconds(5'000));
  if (lock || lock.error().code != ErrorCode::unavailable) return lock;
  return fail(ErrorCode::conflict, "another `intelwall forward` works with the same positions",
              (directory / (name + ".lock")).string(), "end it, or give this one another --app-id or --state-dir");
}

}  // namespace

std::filesystem::path position_file(const ForwardOptions& options) {
  return options.state_directory / (name_of(options) + ".json");
}

std::filesystem::path default_state_directory(const aws::Environment& env) {
  if (const auto given = env("STATE_DIRECTORY"); given && !given->empty()) return given->substr(0, given->find(':'));
  return state_directory(env);
}

Result<findings::AsffTarget> find_falcon_product(const aws::SecurityHubClient& hub) {
  IW_TRY(const auto subscriptions, hub.enabled_products());
  for (const auto& arn : subscriptions) {
    if (!arn.ends_with(":product-subscription/crowdstrike/crowdstrike-falcon")) continue;
    if (const auto parts = aws::Arn::parse(arn))
      return findings::AsffTarget{parts->partition, parts->region, parts->account};
  }
  return fail(ErrorCode::denied, "this account and Region do not let CrowdStrike's product import findings",
              "securityhub ListEnabledProductsForImport",
              "in Security Hub under Integrations accept findings of CrowdStrike Falcon, or: aws securityhub "
              "enable-import-findings-for-product --product-arn "
              "arn:aws:securityhub:REGION:517716713836:product/crowdstrike/crowdstrike-falcon");
}

Result<ForwardReport> forward(Context& context, const ForwardOptions& options, const ForwardHooks& hooks,
                              const std::stop_token& stop) {
  IW_ASSERT(context.session && hooks.tell && hooks.progress);
  const Sleep sleep = [stop](milliseconds time) { os::pause(time, stop); };
  context.sleep = context.session->sleep = sleep;
  const aws::SecurityHubClient hub(*context.session);
  IW_TRY(auto target, find_falcon_product(hub));
  IW_TRY(const auto client, open_falcon(context));
  IW_CHECK(client->sign_in());
  IW_CHECK(check_hosts(client, options.filter));
  const bool streams = options.source == ForwardOptions::Source::streams;
  IW_TRY(const auto lock, claim(options.state_directory, name_of(options)));
  const auto position = position_file(options);

  ForwardReport report;
  Forwarder forwarder({.target = std::move(target),
                       .filter = options.filter,
                       .falcon = client,
                       .hub = hub,
                       .limit = RateLimit(options.calls_a_second, options.burst),
                       .sleep = sleep,
                       .tell = hooks.tell,
                       .clock = context.clock});
  if (!streams) {
    AlertFeed feed(client, options.alert_filter, position);
    const Time now = context.clock();
    const bool newest = options.begin.from == falcon::Position::From::newest;
    IW_CHECK(feed.open(newest || !options.filter.age ? (newest ? now : Time{}) : now - *options.filter.age));
    for (int failures = 0; !stop.stop_requested();) {
      auto read = feed.read([&](const std::vector<nlohmann::json>& page) -> Result<void> {
        if (stop.stop_requested()) return fail(ErrorCode::unavailable, "stopped");
        IW_CHECK(forwarder.alerts(page));
        report.forwarded = forwarder.totals();
        hooks.progress(report);
        return {};
      });
      if (stop.stop_requested()) break;
      if (!read && (read.error().code != ErrorCode::unavailable || options.until == ForwardOptions::Until::caught_up))
        return std::unexpected(std::move(read).error());
      if (!read) hooks.tell(read.error());
      if (read && options.until == ForwardOptions::Until::caught_up) break;
      failures = read ? 0 : std::min(failures + 1, 4);
      os::pause(options.poll * (1 << failures), stop);
    }
    return report;
  }

  IW_TRY(auto suffixes, PublicSuffixes::load());
  falcon::ReaderOptions reading;
  reading.app_id = options.app_id;
  reading.begin = options.begin;
  reading.batch = batch_size;
  reading.discovery_wait = appid_wait;
  reading.discovery_attempts = appid_attempts;
  if (options.until == ForwardOptions::Until::caught_up) reading.until_idle = quiet_enough;
  std::unique_ptr<falcon::StreamReader> reader;
  const auto deliver = [&](const std::vector<falcon::StreamEvent>& batch) -> Result<void> {
    IW_CHECK(forwarder.events(batch));
    report = {forwarder.totals(), reader->totals()};
    hooks.progress(report);
    return {};
  };
  reader = std::make_unique<falcon::StreamReader>(client, std::move(suffixes), aws::make_curl_streaming_client(),
                                                  std::make_shared<falcon::OffsetFile>(position), std::move(reading),
                                                  falcon::ReaderHooks{deliver, hooks.tell});
  auto ran = reader->run(stop);
  report = {forwarder.totals(), reader->totals()};
  hooks.progress(report);
  if (!ran) return std::unexpected(std::move(ran).error());
  return report;
}

}  // namespace intelwall::app
