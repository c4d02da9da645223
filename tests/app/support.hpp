#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "app/respond.hpp"
#include "aws/security_hub.hpp"
#include "support/cloud.hpp"

namespace intelwall::app {

/// Use cases around the block, against the lab's cloud.
class AroundTest : public test::CloudFixture {
 protected:
  static constexpr const char* falcon =
      "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon";

  void SetUp() override { set_up({}); }
  void set_up(lab::CloudOptions options) {
    start(std::move(options));
    context_.env = environment();
    const auto loaded = load_settings(context_.env, {}, {});
    ASSERT_TRUE(loaded.has_value());
    context_.settings = loaded->settings;
    context_.settings.actor = "tester";
    context_.settings.state = directory() / "ledger";
    context_.clock = [this] { return now(); };
    directory_ = directory();
    std::filesystem::create_directories(directory_);
    context_.settings.allow_list = ListPlace{ListPlace::Kind::file, (directory_ / "allow.txt").string()};
    ASSERT_TRUE(load_guardrails(context_).has_value());
    ASSERT_TRUE(open_firewall(context_).has_value());
  }
  void TearDown() override {
    std::filesystem::remove_all(directory_);
    CloudFixture::TearDown();
  }

  static std::filesystem::path directory() {
    return std::filesystem::temp_directory_path() / fmt::format("iw-around-{}", ::getpid());
  }
  /// A finding as the Falcon Integration Gateway writes it.
  static aws::Json finding(const std::string& id, const std::string& domain, const std::string& more = "a detection") {
    return {
        {"SchemaVersion", "2018-10-08"},
        {"Id", id},
        {"ProductArn", falcon},
        {"GeneratorId", "Falcon Host"},
        {"AwsAccountId", lab::account_id},
        {"CreatedAt", "2026-11-20T10:00:00Z"},
        {"UpdatedAt", "2026-11-20T10:00:00Z"},
        {"Severity", {{"Label", "HIGH"}}},
        {"Types", {"Namespace: TTPs"}},
        {"Title", "Falcon Alert"},
        {"Description", more},
        {"Resources", aws::Json::array({{{"Type", "AwsEc2Instance"}, {"Id", "i-1"}}})},
        {"ProductFields",
         {{"crowdstrike/crowdstrike-falcon/IOCType", "domain"}, {"crowdstrike/crowdstrike-falcon/IOCValue", domain}}}};
  }
  static aws::Json pressed(const aws::Json& findings, const std::string& id = "intelwallblock",
                           const std::string& name = "intelwall block") {
    return {{"version", "0"},
            {"id", "609185ea-be02-2b86-4187-ce81f45b82a9"},
            {"detail-type", "Security Hub Findings - Custom Action"},
            {"source", "aws.securityhub"},
            {"account", lab::account_id},
            {"time", "2026-11-24T20:06:09Z"},
            {"region", lab::region},
            {"resources", {fmt::format("arn:aws:securityhub:us-east-1:{}:action/custom/{}", lab::account_id, id)}},
            {"detail", {{"actionName", name}, {"actionDescription", "d"}, {"findings", findings}}}};
  }

  aws::SecurityHubClient hub() const { return aws::SecurityHubClient(session()); }
  void import(const std::vector<aws::Json>& findings) {
    const auto done = hub().batch_import_findings(findings);
    ASSERT_TRUE(done.has_value()) << done.error().to_text();
    ASSERT_EQ(done->accepted, findings.size());
  }
  aws::Json stored(const std::string& id) const {
    const auto found = hub().get_findings({id});
    EXPECT_TRUE(found.has_value());
    return found && found->size() == 1 ? found->front() : aws::Json();
  }
  std::string note(const std::string& id) const {
    return stored(id).value(aws::Json::json_pointer("/Note/Text"), std::string{});
  }

  void block_names(const std::vector<std::string>& domains, std::optional<std::chrono::seconds> lifetime,
                   std::optional<Scope> scope = {}) {
    context_.settings.lifetime = lifetime;
    const auto done = block(context_, {.domains = domains, .scope = scope, .reason = "INC-1"}, Mode::write);
    ASSERT_TRUE(done.has_value()) << done.error().to_text();
    ASSERT_EQ(done->decisions.size(), domains.size());
    ASSERT_FALSE(done->enforcement.failure.has_value());
  }
  RespondOutcome press(const std::vector<aws::Json>& findings, const std::string& id = "intelwallblock",
                       const std::string& name = "intelwall block", Mode mode = Mode::write) {
    auto outcome = respond(context_, pressed(findings, id, name).dump(), mode);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().to_text();
    return outcome.value_or(RespondOutcome{});
  }
  std::vector<firewalls::Enforced> enforced() {
    const auto seen = context_.firewall->observe();
    EXPECT_TRUE(seen.has_value());
    return seen ? seen->enforced : std::vector<firewalls::Enforced>{};
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& each : enforced()) out.push_back(each.decision.domain.name.text());
    std::ranges::sort(out);
    return out;
  }

  Context context_;
  std::filesystem::path directory_;
};

}  // namespace intelwall::app
