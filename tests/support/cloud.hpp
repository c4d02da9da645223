#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "aws/client.hpp"
#include "lab/cloud.hpp"

namespace intelwall::test {

/// The lab's cloud on a port of its own, without packets, and a session that talks to it over real HTTP.
class CloudFixture : public ::testing::Test {
 protected:
  void start(lab::CloudOptions options = {}) {
    options.port = 0;
    options.secret_access_key = secret_;
    options.clock = [this] { return now(); };
    auto cloud = lab::start_cloud(std::move(options));
    ASSERT_TRUE(cloud.has_value()) << cloud.error().to_text();
    cloud_ = *std::move(cloud);
    variables_ = {{"AWS_ENDPOINT_URL", "http://127.0.0.1:" + std::to_string(cloud_->port())},
                  {"AWS_ACCESS_KEY_ID", lab::access_key_id},
                  {"AWS_SECRET_ACCESS_KEY", secret_},
                  {"AWS_REGION", lab::region},
                  {"INTELWALL_FIREWALL", lab::firewall_name}};
  }
  void TearDown() override {
    if (cloud_) cloud_->stop();
  }

  /// One clock for both sides, so that a test can move it.
  Time now() const { return system_now() + ahead_; }

  aws::Environment environment() const {
    return [variables = variables_](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
  }

  aws::Session session() const {
    aws::Session session;
    session.http = aws::make_curl_client();
    session.env = environment();
    session.credentials = aws::default_credentials(session.env);
    session.region = lab::region;
    session.clock = [this] { return now(); };
    return session;
  }

  /// Makes the next `times` calls of an operation fail.
  void inject(const std::string& operation, const std::string& error, int times) const {
    aws::HttpRequest request;
    request.scheme = "http";
    request.host = "127.0.0.1:" + std::to_string(cloud_->port());
    request.path = "/lab/faults";
    request.body = aws::Json{{"operation", operation}, {"error", error}, {"times", times}}.dump();
    request.headers = {{"Content-Type", "application/json"}};
    aws::sign(request, {lab::region, "lab"}, {lab::access_key_id, secret_, {}}, now());
    const auto answer = aws::make_curl_client()->send(request);
    ASSERT_TRUE(answer.has_value()) << answer.error().to_text();
    ASSERT_EQ(answer->status, 200) << answer->body;
  }

  std::chrono::seconds ahead_{0};
  std::string secret_ = "test/secret+key";
  std::unique_ptr<lab::Cloud> cloud_;
  std::map<std::string, std::string> variables_;
};

}  // namespace intelwall::test
