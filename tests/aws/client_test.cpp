#include "aws/client.hpp"

#include <gmock/gmock.h>

#include <set>

#include "aws/endpoint.hpp"
#include "support.hpp"

namespace intelwall::aws {
namespace {

using std::chrono::milliseconds;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using testing::Not;
using testing::SizeIs;
using Repeat = ServiceClient::Repeat;

class ClientTest : public testing::Test {
 protected:
  Result<Json> call(Repeat repeat, RetryPolicy policy = {}) {
    Session session = fake.session();
    session.retries = policy;
    return ServiceClient(session, "NETWORK_FIREWALL", "network-firewall", "network-firewall")
        .call_json("1.0", "NetworkFirewall_20201112.ListFirewalls", {{"MaxResults", 1}}, repeat);
  }
  /// The fault answers first, a success would follow: what came of it?
  Result<Json> call_after(int status, const std::string& body, Repeat repeat,
                          std::multimap<std::string, std::string> headers = {}) {
    fake = {};
    fake.http->answer(status, body, std::move(headers));
    fake.http->answer(200, R"({"ok":true})");
    return call(repeat);
  }
  std::size_t calls() const { return fake.http->requests.size(); }

  FakeSession fake;
};

TEST_F(ClientTest, SendsTheJsonProtocol) {
  fake.http->answer(200, R"({"Firewalls":[]})");
  const auto answer = call(Repeat::safe);
  ASSERT_TRUE(answer) << answer.error().to_text();
  EXPECT_EQ(*answer, Json::parse(R"({"Firewalls":[]})"));
  const HttpRequest& sent = fake.http->requests.at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.scheme, "https");
  EXPECT_EQ(sent.host, "network-firewall.us-east-1.amazonaws.com");
  EXPECT_EQ(request_target(sent), "/");
  EXPECT_EQ(sent.body, R"({"MaxResults":1})");
  EXPECT_EQ(header_of(sent, "Content-Type"), "application/x-amz-json-1.0");
  EXPECT_EQ(header_of(sent, "X-Amz-Target"), "NetworkFirewall_20201112.ListFirewalls");
  EXPECT_THAT(header_of(sent, "Authorization"), HasSubstr("/us-east-1/network-firewall/aws4_request"));
}

TEST_F(ClientTest, RestCallsKeepPathAndQuery) {
  fake.http->answer(200, "{}");
  const ServiceClient client(fake.session({{"AWS_ENDPOINT_URL", "http://127.0.0.1:4566/base/"}}), "SECURITYHUB",
                             "securityhub", "securityhub");
  HttpRequest request;
  request.method = "GET";
  request.path = "/tags/arn:aws:x y";
  request.query = {{"k", "v w"}};
  ASSERT_TRUE(client.call_rest(request, Repeat::safe));
  EXPECT_EQ(fake.http->requests[0].host, "127.0.0.1:4566");
  EXPECT_EQ(fake.http->requests[0].scheme, "http");
  EXPECT_EQ(request_target(fake.http->requests[0]), "/base/tags/arn%3Aaws%3Ax%20y?k=v%20w");
}

TEST_F(ClientTest, ThrottlingIsAlwaysRepeated) {
  for (const std::string name :
       {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
        "ProvisionedThroughputExceededException", "RequestTimeout", "InsufficientCapacityException"}) {
    for (const Repeat repeat : {Repeat::safe, Repeat::unsafe}) {
      EXPECT_TRUE(call_after(400, R"({"__type":"com.amazonaws.x#)" + name + "\"}", repeat)) << name;
      EXPECT_EQ(calls(), 2U) << name;
      EXPECT_THAT(*fake.sleeps, SizeIs(1)) << name;
    }
  }
  EXPECT_TRUE(call_after(429, "too many", Repeat::unsafe));
}

TEST_F(ClientTest, FaultsAreRepeatedWhereThatIsSafe) {
  for (const auto& [status, body] : std::map<int, std::string>{{500, R"({"__type":"InternalServerError"})"},
                                                               {502, "<html>bad gateway</html>"},
                                                               {503, ""},
                                                               {400, R"({"__type":"InternalServerError"})"}}) {
    EXPECT_TRUE(call_after(status, body, Repeat::safe)) << status;
    EXPECT_EQ(calls(), 2U);
    const auto answer = call_after(status, body, Repeat::unsafe);
    ASSERT_FALSE(answer) << status;
    EXPECT_EQ(calls(), 1U);
    EXPECT_THAT(*fake.sleeps, IsEmpty());
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
    EXPECT_THAT(answer.error().hint, HasSubstr("carried out all the same"));
  }
}

TEST_F(ClientTest, RefusalsAreToldAtOnce) {
  for (const int status : {301, 400, 403, 404, 409, 413}) {
    EXPECT_FALSE(call_after(status, R"({"__type":"SomeException","message":"no"})", Repeat::safe)) << status;
    EXPECT_EQ(calls(), 1U) << status;
    EXPECT_THAT(*fake.sleeps, IsEmpty()) << status;
  }
}

TEST_F(ClientTest, TransportFaultsAreRepeatedWhenNothingWasSentOrThatIsSafe) {
  struct Case {
    ErrorCode code;
    std::string place;
    Repeat repeat;
    bool repeated;
  };
  for (const auto& [code, place, repeat, repeated] :
       {Case{ErrorCode::unavailable, "connecting to x", Repeat::unsafe, true},
        Case{ErrorCode::unavailable, "connecting to x", Repeat::safe, true},
        Case{ErrorCode::unavailable, "talking to x", Repeat::safe, true},
        Case{ErrorCode::unavailable, "talking to x", Repeat::unsafe, false},
        Case{ErrorCode::denied, "connecting to x", Repeat::safe, false},
        Case{ErrorCode::protocol, "talking to x", Repeat::safe, false}}) {
    fake = {};
    fake.http->break_off(code, place);
    fake.http->answer(200, "{}");
    const auto answer = call(repeat);
    EXPECT_EQ(answer.has_value(), repeated) << to_string(code) << place;
    EXPECT_EQ(calls(), repeated ? 2U : 1U);
    if (!answer) {
      EXPECT_EQ(answer.error().code, code);
      EXPECT_EQ(answer.error().place, "network-firewall ListFirewalls, " + place);
    }
  }
}

TEST_F(ClientTest, AttemptsAndSleepsAreBounded) {
  std::set<milliseconds> seen;
  for (int round = 0; round < 50; ++round) {
    fake = {};
    for (int i = 0; i < 10; ++i) fake.http->answer(503, "");
    const auto answer = call(Repeat::safe, {6, milliseconds(100), milliseconds(1'000), milliseconds(30'000)});
    ASSERT_FALSE(answer);
    EXPECT_EQ(calls(), 6U);
    EXPECT_THAT(answer.error().message, HasSubstr("attempt 6, the last"));
    ASSERT_THAT(*fake.sleeps, SizeIs(5));
    const int ceilings[] = {100, 200, 400, 800, 1'000};
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_LE((*fake.sleeps)[i], milliseconds(ceilings[i]));
      EXPECT_GE((*fake.sleeps)[i], milliseconds(0));
      seen.insert((*fake.sleeps)[i]);
    }
  }
  EXPECT_GT(seen.size(), 50U) << "jitter that always falls alike is none";
  EXPECT_GT(*seen.rbegin(), milliseconds(500));
}

TEST_F(ClientTest, OneAttemptMeansOne) {
  fake.http->answer(503, "");
  EXPECT_FALSE(call(Repeat::safe, {1, {}, {}, {}}));
  EXPECT_EQ(calls(), 1U);
}

TEST_F(ClientTest, RetryAfterIsHeard) {
  EXPECT_TRUE(call_after(503, "", Repeat::safe, {{"retry-after", "7"}}));
  EXPECT_THAT(*fake.sleeps, ElementsAre(milliseconds(7'000)));
  EXPECT_TRUE(call_after(429, "", Repeat::safe, {{"retry-after", "Tue, 24 Nov 2026 14:03:13 GMT"}}));
  EXPECT_THAT(*fake.sleeps, ElementsAre(milliseconds(9'000)));
  for (const std::string past_or_nonsense :
       {"Tue, 24 Nov 2026 14:03:00 GMT", "soon", "", "-5", "99999999999999999999"}) {
    EXPECT_TRUE(call_after(503, "", Repeat::safe, {{"retry-after", past_or_nonsense}})) << past_or_nonsense;
    EXPECT_THAT(*fake.sleeps, Each(Le(milliseconds(100)))) << past_or_nonsense;
  }
}

TEST_F(ClientTest, TooLongARetryAfterGivesUp) {
  const auto answer = call_after(503, "", Repeat::safe, {{"retry-after", "31"}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().hint, HasSubstr("31 s"));
  EXPECT_EQ(calls(), 1U);
  EXPECT_THAT(*fake.sleeps, IsEmpty());
}

TEST_F(ClientTest, EachAttemptIsSignedWithTheKeysOfThen) {
  class Rotating final : public CredentialProvider {
   public:
    Result<Credentials> get() override { return Credentials{"KEY" + std::to_string(++count_), "secret", ""}; }

   private:
    int count_ = 0;
  };
  fake.http->answer(500, "");
  fake.http->answer(200, "{}");
  Session session = fake.session();
  session.credentials = std::make_shared<Rotating>();
  ASSERT_TRUE(
      ServiceClient(session, "SSM", "ssm", "ssm").call_json("1.1", "AmazonSSM.X", Json::object(), Repeat::safe));
  for (std::size_t i = 0; i < 2; ++i) {
    const HttpRequest& sent = fake.http->requests.at(i);
    EXPECT_THAT(header_of(sent, "Authorization"), HasSubstr("Credential=KEY" + std::to_string(i + 1)));
    EXPECT_EQ(std::ranges::count_if(sent.headers, [](const auto& h) { return h.first == "Authorization"; }), 1);
  }
}

TEST_F(ClientTest, WithoutCredentialsNothingIsSent) {
  Session session = fake.session();
  session.credentials = default_credentials(environment({}));
  const auto answer =
      ServiceClient(session, "SSM", "ssm", "ssm").call_json("1.1", "AmazonSSM.X", Json::object(), Repeat::safe);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::denied);
  EXPECT_EQ(calls(), 0U);
}

TEST_F(ClientTest, AnswersThatAreNoJsonObjectAreRefused) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const std::string body : {"<html>", "[1]", "\"text\"", "{", "{\"a\":1}x", "{\"a\":\"\xff\"}", deep.c_str()}) {
    const auto answer = call_after(200, body, Repeat::safe);
    ASSERT_FALSE(answer) << body.substr(0, 40);
    EXPECT_EQ(answer.error().code, ErrorCode::protocol);
    EXPECT_EQ(calls(), 1U);
  }
  for (const std::string body : {"", " \r\n"}) EXPECT_EQ(call_after(200, body, Repeat::safe).value(), Json::object());
}

TEST_F(ClientTest, AnswersKeepTheirValues) {
  const std::string body =
      R"({"a":[1,-2,18446744073709551615,1.5,1e300,true,false,null],"s":"q\"\\\n\u00e9\ud83d\ude00","o":{"k":{}},"d":1,"d":2})";
  EXPECT_EQ(call_after(200, body, Repeat::safe).value(), Json::parse(body));
}

TEST_F(ClientTest, ErrorsNameServiceOperationAndRequest) {
  const auto answer =
      call_after(400, R"({"__type":"com.amazonaws.nfw#InvalidTokenException","Message":"stale\n\u001b[31m token"})",
                 Repeat::safe, {{"x-amzn-requestid", "1234-abcd"}});
  ASSERT_FALSE(answer);
  const Error& error = answer.error();
  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, testing::StartsWith("InvalidTokenException: stale"));
  EXPECT_THAT(error.message, Not(HasSubstr("\n")));
  EXPECT_THAT(error.message, Not(HasSubstr("\x1b")));
  EXPECT_EQ(error.place, "network-firewall ListFirewalls, request 1234-abcd");
  EXPECT_EQ(service_error_name(error), "InvalidTokenException");
}

TEST_F(ClientTest, ServiceErrorNameIsOnlyAName) {
  const auto name_in = [](std::string message) {
    return service_error_name({ErrorCode::unavailable, std::move(message), {}, {}});
  };
  EXPECT_EQ(name_in("SlowDown"), "SlowDown");
  EXPECT_EQ(name_in("SlowDown: slow (attempt 5, the last)"), "SlowDown");
  EXPECT_EQ(name_in("SlowDown (attempt 5, the last)"), "SlowDown");
  for (const std::string other : {"HTTP 502: bad", "the name does not resolve", "no connection (refused)", "", ": x"})
    EXPECT_EQ(name_in(other), "") << other;
}

TEST_F(ClientTest, ErrorsGetCodesAndHints) {
  struct Case {
    int status;
    std::string name;
    ErrorCode code;
    std::string hint;
  };
  for (const auto& [status, name, code, hint] :
       {Case{400, "InvalidTokenException", ErrorCode::conflict, ""},
        Case{409, "ResourceConflictException", ErrorCode::conflict, ""},
        Case{400, "ResourceNotFoundException", ErrorCode::not_found, ""},
        Case{400, "ParameterNotFound", ErrorCode::not_found, ""},
        Case{400, "AccessDeniedException", ErrorCode::denied, "permission"},
        Case{403, "AccessDenied", ErrorCode::denied, "permission"},
        Case{400, "UnrecognizedClientException", ErrorCode::denied, "AWS_ACCESS_KEY_ID"},
        Case{403, "InvalidSignatureException", ErrorCode::denied, "AWS_SECRET_ACCESS_KEY"},
        Case{400, "ExpiredTokenException", ErrorCode::denied, "fetch new"},
        Case{401, "InvalidAccessException", ErrorCode::denied, "turn the service on"},
        Case{400, "RequestTimeTooSkewed", ErrorCode::denied, "clock"},
        Case{400, "LimitExceededException", ErrorCode::quota, "quota"},
        Case{400, "InvalidRequestException", ErrorCode::invalid_input, ""},
        Case{400, "ValidationException", ErrorCode::invalid_input, ""},
        Case{400, "SomethingElse", ErrorCode::invalid_input, ""}, Case{403, "", ErrorCode::denied, "proxy"},
        Case{404, "", ErrorCode::protocol, "AWS_ENDPOINT_URL"},
        Case{302, "", ErrorCode::protocol, "AWS_ENDPOINT_URL"}}) {
    const std::string body = name.empty() ? "<html>no</html>" : R"({"message":"text","__type":")" + name + "\"}";
    const auto answer = call_after(status, body, Repeat::safe);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, code) << name << status;
    EXPECT_THAT(answer.error().hint, HasSubstr(hint)) << name << status;
    EXPECT_EQ(service_error_name(answer.error()), name);
  }
  const auto full = call_after(
      400, R"({"__type":"InvalidRequestException","Message":"StatefulRules capacity exceeded"})", Repeat::safe);
  EXPECT_EQ(full.error().code, ErrorCode::quota);
}

TEST_F(ClientTest, AClockThatIsOffIsTold) {
  const std::string body = R"({"__type":"InvalidSignatureException","message":"does not match"})";
  const auto off = call_after(403, body, Repeat::safe, {{"date", "Tue, 24 Nov 2026 13:53:04 GMT"}});
  EXPECT_THAT(off.error().hint, HasSubstr("600 s off"));
  const auto right = call_after(403, body, Repeat::safe, {{"date", "Tue, 24 Nov 2026 14:03:00 GMT"}});
  EXPECT_THAT(right.error().hint, HasSubstr("AWS_SECRET_ACCESS_KEY"));
  const auto told = call_after(
      403, R"({"__type":"InvalidSignatureException","message":"Signature expired: 2026 is now earlier than 2027"})",
      Repeat::safe);
  EXPECT_THAT(told.error().hint, HasSubstr("clock"));
}

TEST_F(ClientTest, ErrorNamesAreFoundInEveryForm) {
  const auto name_of = [&](const std::string& body, std::multimap<std::string, std::string> headers = {}) {
    return service_error_name(call_after(400, body, Repeat::safe, std::move(headers)).error());
  };
  EXPECT_EQ(name_of(R"({"__type":"ns#A"})"), "A");
  EXPECT_EQ(name_of(R"({"__type":"A:http://x/#y"})"), "A");
  EXPECT_EQ(name_of(R"({"code":"A"})"), "A");
  EXPECT_EQ(name_of(R"({"Code":"A"})"), "A");
  EXPECT_EQ(name_of("", {{"x-amzn-errortype", "A:http://internal.amazon.com/coral/"}}), "A");
  EXPECT_EQ(name_of(R"({"__type":"B"})", {{"x-amzn-errortype", "A"}}), "A");
  for (const std::string body : {R"({"__type":"<b>\n"})", R"({"__type":7})", R"(["__type"])", R"({"__type":"a b"})"})
    EXPECT_EQ(name_of(body), "") << body;
}

TEST(Endpoint, VariablesWinInOrder) {
  const auto resolve = [](std::map<std::string, std::string> variables, const std::string& region = "us-east-1") {
    const auto endpoint =
        resolve_endpoint(environment(std::move(variables)), "NETWORK_FIREWALL", "network-firewall", region);
    return endpoint ? endpoint->scheme + "://" + endpoint->host + endpoint->base_path : endpoint.error().to_text();
  };
  EXPECT_EQ(resolve({}), "https://network-firewall.us-east-1.amazonaws.com");
  EXPECT_EQ(resolve({}, "cn-north-1"), "https://network-firewall.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(resolve({}, "us-gov-west-1"), "https://network-firewall.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(resolve({{"AWS_ENDPOINT_URL", "http://LOCALHOST:4566/"}}), "http://localhost:4566");
  EXPECT_EQ(resolve({{"AWS_ENDPOINT_URL", "https://[::1]:8443"}}), "https://[::1]:8443");
  EXPECT_EQ(resolve({{"AWS_ENDPOINT_URL", "https://a.example:443/x/y/"}}), "https://a.example/x/y");
  EXPECT_EQ(resolve({{"AWS_ENDPOINT_URL", "http://all"}, {"AWS_ENDPOINT_URL_NETWORK_FIREWALL", "http://own"}}),
            "http://own");
  EXPECT_EQ(resolve({{"AWS_ENDPOINT_URL", "http://all"}, {"AWS_ENDPOINT_URL_SSM", "http://other"}}), "http://all");
  EXPECT_EQ(resolve({{"AWS_ENDPOINT_URL", ""}}), "https://network-firewall.us-east-1.amazonaws.com");
}

TEST(Endpoint, WhatIsNoEndpointIsWrongUsage) {
  for (const std::string url :
       {"nonsense", "ftp://x", "http://", "http://u:hunter2@x", "http://u@x", "http://x?q=1", "http://x#f",
        "http://x:99999", "http://a b", "://", "http://x\r\nHost: y", "file:///etc/passwd"}) {
    const auto endpoint = resolve_endpoint(environment({{"AWS_ENDPOINT_URL", url}}), "SSM", "ssm", "us-east-1");
    ASSERT_FALSE(endpoint) << url;
    EXPECT_EQ(endpoint.error().code, ErrorCode::usage);
    EXPECT_EQ(endpoint.error().place, "AWS_ENDPOINT_URL");
    EXPECT_THAT(endpoint.error().to_text(), Not(HasSubstr("hunter2")));
    EXPECT_FALSE(endpoint.error().hint.empty());
  }
  const std::string too_long(41, 'a');
  for (const char* region : {"", "us-east-1.evil.example/", "US-EAST-1", "a b", "-", too_long.c_str()})
    EXPECT_EQ(resolve_endpoint({}, "SSM", "ssm", region).error().code, ErrorCode::usage) << region;
}

TEST_F(ClientTest, AWrongEndpointIsToldByTheCall) {
  const ServiceClient client(fake.session({{"AWS_ENDPOINT_URL_SSM", "nonsense"}}), "SSM", "ssm", "ssm");
  const auto answer = client.call_json("1.1", "AmazonSSM.X", Json::object(), Repeat::safe);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::usage);
  EXPECT_EQ(calls(), 0U);
}

}  // namespace
}  // namespace intelwall::aws
