#include "falcon/client.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "falcon/support.hpp"

namespace intelwall::falcon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

const std::string ok = R"({"meta":{"trace_id":"t"},"resources":["a"],"errors":[]})";
const Call call{.path = "/alerts/queries/alerts/v2", .scope = "Alerts: Read"};

TEST(FalconClient, SignsInAndSendsTheToken) {
  for (const int status : {200, 201}) {
    FakeFalcon falcon;
    falcon.settings.client_id = "i d&";
    falcon.settings.member_cid = "child";
    falcon.answer_token("tok", status);
    falcon.http->answer(200, ok);
    const auto answer = falcon.client()->call(call);
    ASSERT_TRUE(answer) << answer.error().to_text();
    EXPECT_THAT(answer->resources, ElementsAre("a"));
    EXPECT_EQ(answer->trace_id, "t");
    ASSERT_THAT(falcon.http->requests, SizeIs(2));
    const auto& token = falcon.http->requests[0];
    EXPECT_EQ(token.method + ' ' + token.path, "POST /oauth2/token");
    EXPECT_EQ(header_of(token, "Content-Type"), "application/x-www-form-urlencoded");
    EXPECT_EQ(token.body, std::string("client_id=i%20d%26&client_secret=") + secret +
                              "&grant_type=client_credentials&member_cid=child");
    const auto& sent = falcon.http->requests[1];
    EXPECT_EQ(sent.host, "api.crowdstrike.com");
    EXPECT_EQ(header_of(sent, "Authorization"), "Bearer tok");
  }
}

TEST(FalconClient, RenewsTheTokenTwoMinutesBeforeItEnds) {
  FakeFalcon falcon;
  const auto client = falcon.client();
  falcon.answer_token("first");
  falcon.http->answer(200, ok);
  ASSERT_TRUE(client->call(call));
  *falcon.now += seconds(1799 - 121);
  falcon.http->answer(200, ok);
  ASSERT_TRUE(client->call(call));
  *falcon.now += seconds(1);
  falcon.answer_token("second");
  falcon.http->answer(200, ok);
  ASSERT_TRUE(client->call(call));
  std::vector<std::string> sent;
  for (const auto& request : falcon.http->requests) sent.push_back(header_of(request, "Authorization"));
  EXPECT_THAT(sent, ElementsAre("", "Bearer first", "Bearer first", "", "Bearer second"));
}

TEST(FalconClient, TakesShortAndOddLifetimes) {
  for (const auto* lifetime : {"10", "\"10\"", "0", "-5", "1e99", "null", "\"x\"", "999999999999999999"}) {
    FakeFalcon falcon;
    falcon.http->answer(201, std::string(R"({"access_token":"tok","expires_in":)") + lifetime + "}");
    falcon.http->answer(200, ok);
    const auto answer = falcon.client()->call(call);
    EXPECT_TRUE(answer) << lifetime << ": " << answer.error().to_text();
  }
}

TEST(FalconClient, A401IsAnsweredWithOneNewToken) {
  FakeFalcon falcon;
  falcon.answer_token("old");
  falcon.http->answer(401, failure(401, "access denied, invalid bearer token"));
  falcon.answer_token("new");
  falcon.http->answer(200, ok);
  ASSERT_TRUE(falcon.client()->call(call));
  EXPECT_EQ(header_of(falcon.http->requests.back(), "Authorization"), "Bearer new");

  FakeFalcon stubborn;
  stubborn.answer_token("old");
  stubborn.http->answer(401, failure(401, "access denied, invalid bearer token"));
  stubborn.answer_token("new");
  stubborn.http->answer(401, failure(401, "access denied, invalid bearer token new"));
  const auto answer = stubborn.client()->call(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::denied);
  EXPECT_THAT(answer.error().to_text(), HasSubstr("a new token was refused too"));
  EXPECT_THAT(stubborn.http->requests, SizeIs(4)) << "once more, not for ever";
}

TEST(FalconClient, AMissingScopeIsNamedAndNotRetried) {
  FakeFalcon falcon;
  falcon.answer_token();
  falcon.http->answer(403, failure(403, "access denied, authorization failed"));
  const auto answer = falcon.client()->call(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::denied);
  EXPECT_EQ(answer.error().message, "Falcon answered 403: access denied, authorization failed");
  EXPECT_EQ(answer.error().place, "Falcon GET /alerts/queries/alerts/v2, trace trace-1");
  EXPECT_THAT(answer.error().hint, HasSubstr("\"Alerts: Read\""));
  EXPECT_THAT(falcon.http->requests, SizeIs(2));
}

TEST(FalconClient, WrongKeysAreToldWithoutThem) {
  const std::string leak = std::string("Failed to issue access token - Client authentication failed for ") + secret;
  for (const int status : {400, 401, 403}) {
    FakeFalcon falcon;
    falcon.http->answer(status, failure(status, leak));
    const auto answer = falcon.client()->call(call);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::denied);
    EXPECT_THAT(answer.error().to_text(), HasSubstr("Client authentication failed for ***"));
    EXPECT_THAT(answer.error().to_text(), HasSubstr("FALCON_CLIENT_SECRET"));
    EXPECT_THAT(answer.error().to_text(), Not(HasSubstr(secret)));
  }
}

TEST(FalconClient, TheTokenIsStruckOutOfErrors) {
  FakeFalcon falcon;
  falcon.answer_token("very-long-token");
  falcon.http->answer(400, failure(400, "bad filter near very-long-token\\u001b[31m"));
  const auto answer = falcon.client()->call(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::invalid_input);
  EXPECT_EQ(answer.error().message, "Falcon answered 400: bad filter near ***\\x1b[31m");
}

TEST(FalconClient, FollowsTheRegionOnlyToKnownClouds) {
  FakeFalcon falcon;
  falcon.settings.discovery = Discovery::on;
  falcon.answer_token("us-token", 201, {{"x-cs-region", "eu-1"}});
  falcon.answer_token("eu-token", 201, {{"x-cs-region", "eu-1"}});
  falcon.http->answer(200, ok);
  const auto client = falcon.client();
  ASSERT_TRUE(client->call(call));
  EXPECT_EQ(client->origin().host, "api.eu-1.crowdstrike.com");
  EXPECT_EQ(falcon.http->requests.back().host, "api.eu-1.crowdstrike.com");
  EXPECT_EQ(header_of(falcon.http->requests.back(), "Authorization"), "Bearer eu-token");

  for (const auto* hostile : {"evil.com", "us-1.evil.com", "", "eu-1@evil.com"}) {
    FakeFalcon lured;
    lured.settings.discovery = Discovery::on;
    lured.answer_token("tok", 201, {{"x-cs-region", hostile}, {"location", "https://evil.com"}});
    lured.http->answer(200, ok);
    EXPECT_TRUE(lured.client()->call(call));
    for (const auto& request : lured.http->requests) EXPECT_EQ(request.host, "api.crowdstrike.com");
  }
}

TEST(FalconClient, TwoCloudsThatSendOnToEachOtherEnd) {
  FakeFalcon falcon;
  falcon.settings.discovery = Discovery::on;
  falcon.answer_token("a", 201, {{"x-cs-region", "eu-1"}});
  falcon.answer_token("b", 201, {{"x-cs-region", "us-2"}});
  falcon.http->answer(200, ok);
  ASSERT_TRUE(falcon.client()->call(call));
  EXPECT_EQ(falcon.http->requests.back().host, "api.eu-1.crowdstrike.com");
}

TEST(FalconClient, AFixedCloudIsKeptAndTheRightOneNamed) {
  FakeFalcon falcon;
  falcon.answer_token("tok", 201, {{"x-cs-region", "us-2"}});
  falcon.http->answer(403, failure(403, "access denied, authorization failed"));
  const auto answer = falcon.client()->call(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(falcon.http->requests.back().host, "api.crowdstrike.com");
  EXPECT_THAT(answer.error().hint, HasSubstr("FALCON_CLOUD=us-2"));
}

TEST(FalconClient, ARedirectIsNotFollowed) {
  FakeFalcon falcon;
  falcon.http->answer(308, "", {{"location", "https://evil.com/oauth2/token"}});
  const auto answer = falcon.client()->call(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::protocol);
  EXPECT_THAT(falcon.http->requests, SizeIs(1));
}

TEST(FalconClient, WaitsUntilTheSecondThatFalconNames) {
  FakeFalcon falcon;
  falcon.answer_token();
  const auto until = (*falcon.now + seconds(17)).time_since_epoch().count();
  falcon.http->answer(429, failure(429, "API rate limit exceeded"),
                      {{"x-ratelimit-retryafter", std::to_string(until)}});
  falcon.http->answer(200, ok);
  const Time until_then = *falcon.now + seconds(17);
  ASSERT_TRUE(falcon.client()->call(call));
  EXPECT_GE(*falcon.now, until_then);
  EXPECT_LE(*falcon.now, until_then + seconds(2));
}

TEST(FalconClient, RetryAfterCountsToo) {
  FakeFalcon falcon;
  falcon.answer_token();
  falcon.http->answer(503, "", {{"retry-after", "9"}});
  falcon.http->answer(200, ok);
  ASSERT_TRUE(falcon.client()->call(call));
  EXPECT_GE(falcon.slept(), seconds(9));
}

TEST(FalconClient, ALongWaitIsToldInstead) {
  FakeFalcon falcon;
  falcon.answer_token();
  const auto until = (*falcon.now + seconds(4000)).time_since_epoch().count();
  falcon.http->answer(429, failure(429, "slow down"), {{"x-ratelimit-retryafter", std::to_string(until)}});
  const auto answer = falcon.client()->call(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().hint, HasSubstr("4000 s"));
  EXPECT_THAT(falcon.http->requests, SizeIs(2));
}

TEST(FalconClient, OddWaitsDoNoHarm) {
  for (const auto* value : {"-1", "0", "99999999999999999999", "soon", "1e3", ""}) {
    FakeFalcon falcon;
    falcon.answer_token();
    falcon.http->answer(429, "", {{"x-ratelimit-retryafter", value}});
    falcon.http->answer(200, ok);
    EXPECT_TRUE(falcon.client()->call(call)) << value;
    EXPECT_LE(falcon.slept(), seconds(3)) << value;
  }
}

TEST(FalconClient, GoesSlowerWhenFewCallsAreLeft) {
  FakeFalcon falcon;
  falcon.answer_token();
  falcon.http->answer(200, ok, {{"x-ratelimit-remaining", "4"}});
  falcon.http->answer(200, ok, {{"x-ratelimit-remaining", "5000"}});
  falcon.http->answer(200, ok);
  const auto client = falcon.client();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client->call(call));
  EXPECT_THAT(*falcon.sleeps, ElementsAre(milliseconds(500)));
}

TEST(FalconClient, FaultsPassAfterRepetition) {
  FakeFalcon falcon;
  falcon.http->break_off(ErrorCode::unavailable, "connecting to api.crowdstrike.com");
  falcon.answer_token();
  falcon.http->answer(502, "<html>bad gateway</html>");
  falcon.http->break_off(ErrorCode::unavailable, "talking to api.crowdstrike.com");
  falcon.http->answer(200, ok);
  EXPECT_TRUE(falcon.client()->call(call));

  FakeFalcon dead;
  dead.answer_token();
  for (int i = 0; i < 5; ++i) dead.http->answer(502, "<html>bad\x01gateway</html>");
  const auto answer = dead.client()->call(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_EQ(answer.error().message, "Falcon answered 502: <html>bad\\x01gateway</html> (attempt 5, the last)");
}

TEST(FalconClient, AnUntrustedCertificateIsNotRetried) {
  FakeFalcon falcon;
  falcon.http->script.emplace_back(fail(ErrorCode::denied, "the server's certificate is not trusted (expired)",
                                        "connecting to api.crowdstrike.com", "name its PEM file in AWS_CA_BUNDLE"));
  const auto answer = falcon.client()->call(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::denied);
  EXPECT_EQ(answer.error().place, "Falcon POST /oauth2/token, connecting to api.crowdstrike.com");
  EXPECT_THAT(falcon.http->requests, SizeIs(1));
}

TEST(FalconClient, EnvelopesMayLackEverything) {
  const struct {
    const char* body;
    std::size_t resources;
  } readable[] = {{"{}", 0},
                  {"", 0},
                  {" \n", 0},
                  {R"({"meta":null,"resources":null,"errors":null})", 0},
                  {R"({"meta":[],"resources":{},"errors":"x"})", 0},
                  {R"({"resources":[1,null],"errors":[{"code":"x"},7]})", 2}};
  for (const auto& item : readable) {
    FakeFalcon falcon;
    falcon.answer_token();
    falcon.http->answer(200, item.body);
    const auto answer = falcon.client()->call(call);
    ASSERT_TRUE(answer) << item.body << answer.error().to_text();
    EXPECT_THAT(answer->resources, SizeIs(item.resources));
  }
  for (const auto* body : {"[]", "nonsense", "{\"a\":", "7"}) {
    FakeFalcon falcon;
    falcon.answer_token();
    falcon.http->answer(200, body);
    const auto answer = falcon.client()->call(call);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, ErrorCode::protocol);
  }
}

TEST(FalconClient, ErrorsInsideASuccessAreErrors) {
  FakeFalcon falcon;
  falcon.answer_token();
  falcon.http->answer(200, failure(403, "scope not permitted"));
  const auto answer = falcon.client()->call(call);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::denied);
}

TEST(FalconClient, AnAnswerWithoutAUsableTokenIsToldAsSuch) {
  for (const auto* body : {"{}", "[]", "", R"({"access_token":""})", R"({"access_token":"a b"})",
                           R"({"access_token":7})", "{\"access_token\":\"a\\r\\nX: y\"}"}) {
    FakeFalcon falcon;
    falcon.http->answer(201, body);
    const auto answer = falcon.client()->call(call);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, ErrorCode::protocol) << body;
  }
}

/// Answers every token request, and refuses each token but the newest.
class RenewingHttp final : public aws::HttpClient {
 public:
  Result<aws::HttpResponse> send(const aws::HttpRequest& request) override {
    const std::lock_guard lock(mutex_);
    if (request.path == "/oauth2/token") {
      ++tokens;
      return aws::HttpResponse{201, {}, R"({"access_token":"t)" + std::to_string(tokens) + R"(","expires_in":1799})"};
    }
    if (header_of(request, "Authorization") == "Bearer t1") return aws::HttpResponse{401, {}, "{}"};
    return aws::HttpResponse{200, {}, ok};
  }
  int tokens = 0;

 private:
  std::mutex mutex_;
};

TEST(FalconClient, ThreadsShareOneToken) {
  FakeFalcon falcon;
  auto http = std::make_shared<RenewingHttp>();
  Session session = falcon.session();
  session.http = http;
  Client client(session);
  std::vector<std::jthread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) good += client.call(call).has_value() ? 1 : 0;
    });
  threads.clear();
  EXPECT_EQ(good, 160);
  EXPECT_EQ(http->tokens, 2) << "one, and one after the first was refused";
}

}  // namespace
}  // namespace intelwall::falcon
