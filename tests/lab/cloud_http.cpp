// The cloud over real HTTP: many writers at once, and an end that leaves nothing behind.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include "lab/cloud_support.hpp"
#include "support/cloud.hpp"

namespace intelwall::lab {
namespace {

using ::testing::HasSubstr;

class CloudHttp : public intelwall::test::CloudFixture {
 protected:
  int connected() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(cloud_->port()));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    return fd;
  }

  /// Sends the bytes as they are and reads to the end.
  std::string raw(const std::string& bytes) const {
    const int fd = connected();
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string answer;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof(buffer), 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(got));
    ::close(fd);
    return answer;
  }

  std::pair<int, Json> call(const std::string& operation, const Json& input) const {
    aws::HttpRequest request;
    request.scheme = "http";
    request.host = "127.0.0.1:" + std::to_string(cloud_->port());
    request.body = dump_json(input);
    request.headers = {{"Content-Type", "application/x-amz-json-1.0"},
                       {"X-Amz-Target", "NetworkFirewall_20201112." + operation}};
    aws::sign(request, {region, "network-firewall"}, {access_key_id, secret_, {}}, system_now());
    const auto answer = aws::make_curl_client()->send(request);
    EXPECT_TRUE(answer.has_value()) << answer.error().to_text();
    if (!answer) return {0, {}};
    return {answer->status, Json::parse(answer->body)};
  }
};

TEST_F(CloudHttp, listens_on_the_port_it_says_and_two_clouds_do_not_meet) {
  start();
  CloudOptions same;
  same.port = cloud_->port();
  same.secret_access_key = secret_;
  const auto second = start_cloud(std::move(same));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::system);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(cloud_->port())));
}

TEST_F(CloudHttp, refuses_before_it_reads_what_it_would_read_without_a_limit) {
  start();
  EXPECT_THAT(raw("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), HasSubstr("411"));
  EXPECT_THAT(raw("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("411"));
  EXPECT_THAT(raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"),
              HasSubstr("415"));
  EXPECT_THAT(raw("GET /" + std::string(3000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("414"));
  EXPECT_THAT(raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("MissingAuthenticationTokenException"));
  EXPECT_THAT(raw("nonsense\r\n\r\n"), HasSubstr("400"));
}

TEST_F(CloudHttp, twelve_writers_lose_nothing) {
  start();
  const auto created =
      call("CreateRuleGroup",
           {{"RuleGroupName", "g"}, {"Type", "STATEFUL"}, {"Capacity", 1000}, {"RuleGroup", test::strict_group("")}});
  ASSERT_EQ(created.first, 200) << created.second;
  constexpr int writers = 12, each = 5;
  std::atomic<int> stale = 0;
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < each; ++i) {
        while (true) {
          auto group = call("DescribeRuleGroup", {{"RuleGroupName", "g"}, {"Type", "STATEFUL"}}).second;
          const std::string rules = group["RuleGroup"]["RulesSource"]["RulesString"];
          const auto updated =
              call("UpdateRuleGroup", {{"RuleGroupName", "g"},
                                       {"Type", "STATEFUL"},
                                       {"UpdateToken", group["UpdateToken"]},
                                       {"RuleGroup", test::strict_group(rules + test::rule(1 + writer * each + i))}});
          if (updated.first == 200) break;
          ASSERT_EQ(test::error_of(updated), "InvalidTokenException") << updated.second;
          ++stale;
        }
      }
    });
  }
  threads.clear();
  const auto end = call("DescribeRuleGroup", {{"RuleGroupName", "g"}, {"Type", "STATEFUL"}}).second;
  EXPECT_EQ(end["RuleGroupResponse"]["ConsumedCapacity"], writers * each);
  EXPECT_GT(stale, 0) << "the writers never met, so this proved nothing";
}

TEST_F(CloudHttp, ends_while_clients_are_connected) {
  start();
  const int port = cloud_->port();
  const int silent = connected();
  const int halfway = connected();
  ASSERT_GT(::send(halfway, "POST / HT", 9, MSG_NOSIGNAL), 0);
  cloud_->stop();
  cloud_->stop();
  CloudOptions again;
  again.port = port;
  again.secret_access_key = secret_;
  const auto second = start_cloud(std::move(again));
  EXPECT_TRUE(second.has_value()) << second.error().to_text();
  ::close(silent);
  ::close(halfway);
}

TEST(StartCloud, needs_a_secret) {
  const auto cloud = start_cloud({});
  ASSERT_FALSE(cloud.has_value());
  EXPECT_EQ(cloud.error().code, ErrorCode::invalid_input);
}

}  // namespace
}  // namespace intelwall::lab
