#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "app/falcon.hpp"
#include "app/hunt.hpp"
#include "app/support.hpp"
#include "aws/json_text.hpp"
#include "firewalls/list_groups.hpp"
#include "lab/falcon_cloud.hpp"
#include "rules/decompile.hpp"

namespace intelwall::app {

/// Hunts against the lab's Falcon and the lab's Network Firewall, one clock for all.
class HuntTest : public AroundTest {
 protected:
  static constexpr const char* secret = "falcon-secret";
  static constexpr const char* confident = "type:'domain'+malicious_confidence:'high'";

  void SetUp() override {
    for (const char* name : {"NO_PROXY", "no_proxy"}) setenv(name, "127.0.0.1", 1);
    AroundTest::SetUp();
    lab::FalconOptions options;
    options.port = 0;
    options.client_secret = secret;
    options.clock = [this] { return now(); };
    auto started = lab::start_falcon(options);
    ASSERT_TRUE(started.has_value()) << started.error().to_text();
    falcon_ = *std::move(started);
    variables_["FALCON_BASE_URL"] = fmt::format("http://127.0.0.1:{}", falcon_->port());
    variables_["FALCON_CLIENT_ID"] = lab::falcon_client_id;
    variables_["FALCON_CLIENT_SECRET"] = secret;
    context_.env = environment();
    context_.settings.state = directory_ / "state";
    context_.sleep = [](std::chrono::milliseconds) {};
    context_.session.reset();
    ASSERT_TRUE(connect(context_).has_value());
    ASSERT_TRUE(open_firewall(context_).has_value());
    auto ledger = open_ledger(context_);
    ASSERT_TRUE(ledger.has_value()) << ledger.error().to_text();
    ledger_.emplace(*std::move(ledger));
  }
  void TearDown() override {
    ledger_.reset();
    if (falcon_) falcon_->stop();
    AroundTest::TearDown();
  }

  /// As the lab takes them: the members given are changed, with a new marker.
  void tell_falcon(const std::string& path, const aws::Json& body) {
    auto client = open_falcon(context_);
    ASSERT_TRUE(client.has_value());
    const auto done = (*client)->call({.method = "POST", .path = "/lab/falcon/" + path, .body = aws::dump_json(body)});
    ASSERT_TRUE(done.has_value()) << done.error().to_text();
  }
  void put(const std::string& domain, aws::Json more = aws::Json::object()) {
    aws::Json indicator = {{"indicator", domain}, {"type", "domain"}, {"malicious_confidence", "high"}};
    indicator["last_updated"] = now().time_since_epoch().count();
    indicator.update(more);
    tell_falcon("indicators", {{"indicators", {indicator}}});
  }
  void put_all(const std::vector<std::string>& domains) {
    for (const auto& domain : domains) put(domain);
  }
  static std::vector<std::string> numbered(const std::string& stem, int count) {
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i) all.push_back(fmt::format("{}{}.evil-test.com", stem, i));
    return all;
  }

  store::Hunt add(store::Hunt hunt) {
    if (hunt.source.empty()) hunt.source = app::falcon_source;
    auto added = add_hunt(context_, *ledger_, std::move(hunt));
    EXPECT_TRUE(added.has_value()) << added.error().to_text();
    return added.value_or(store::Hunt{});
  }
  store::Hunt add(const std::string& name, const std::string& filter = confident) {
    return add({.name = name, .filter = filter, .excluded_types = default_excluded_types()});
  }
  RunOutcome run(RunRequest request = {}) {
    auto outcome = run_hunts(context_, *ledger_, request);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().to_text();
    return outcome.value_or(RunOutcome{});
  }
  /// One that goes well.
  RunOutcome run_well(RunRequest request = {}) {
    auto outcome = run(request);
    for (const auto& hunt : outcome.hunts) EXPECT_FALSE(hunt.failure) << hunt.failure->to_text();
    EXPECT_FALSE(outcome.sync_failure) << outcome.sync_failure->to_text();
    EXPECT_TRUE(outcome.complete());
    return outcome;
  }
  static RunRequest full() { return {.reach = RunRequest::Reach::full}; }

  firewalls::ListObservation lists() {
    const firewalls::ListGroups groups(std::make_shared<aws::NetworkFirewallClient>(*context_.session),
                                       context_.settings.firewall);
    auto seen = groups.observe();
    EXPECT_TRUE(seen.has_value());
    return seen.value_or(firewalls::ListObservation{});
  }
  /// What the firewall's lists hold, by their rules alone.
  std::set<std::string> watched() {
    std::vector<rules::CompiledFile> files;
    for (const auto& group : lists().groups) files.push_back({group.name + ".rules", group.live.lines.ours});
    const auto read = rules::decompile(files);
    EXPECT_TRUE(read.has_value()) << read.error().to_text();
    std::set<std::string> names;
    if (read)
      for (std::size_t i = 0; i < read->domains.size(); ++i) names.emplace(read->domains.name(i));
    return names;
  }
  std::size_t watched_below(const std::string& ending) {
    const auto all = watched();
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const auto& name) { return name.ends_with(ending); }));
  }
  std::map<std::string, std::string> tokens() { return lists().versions; }
  std::string why_gone(const std::string& hunt, const std::string& domain) {
    const auto history = ledger_->history(hunt, 1'000);
    EXPECT_TRUE(history.has_value());
    for (const auto& each : *history)
      if (each.domain == domain) return to_string(each.why);
    return "";
  }
  std::string list_file(const std::vector<std::string>& domains) const {
    const auto path = directory_ / "list.txt";
    std::ofstream file(path);
    for (const auto& domain : domains) file << domain << "\n";
    return path.string();
  }

  std::unique_ptr<lab::FalconCloud> falcon_;
  std::optional<store::Ledger> ledger_;
};

}  // namespace intelwall::app
