#include "aws/credential_chain.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace intelwall::aws {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;
using testing::Not;

class CredentialChainTest : public testing::Test {
 protected:
  std::unique_ptr<CredentialProvider> chain(std::map<std::string, std::string> variables) {
    variables.emplace("HOME", dir.path().string());
    ChainOptions options{.http = sts,
                         .metadata = metadata,
                         .clock = [this] { return now; },
                         .sleep = [](std::chrono::milliseconds) {},
                         .region = "us-east-1",
                         .profile = {}};
    options.sleep = [this](std::chrono::milliseconds) { ++sleeps; };
    return credential_chain(environment(std::move(variables)), options);
  }
  static std::string keys(CredentialProvider& provider) {
    const auto found = provider.get();
    return found ? found->access_key_id : found.error().to_text();
  }
  std::string container_answer(const std::string& id, minutes from_now) const {
    return R"({"AccessKeyId":")" + id + R"(","SecretAccessKey":"s","Token":"t","Expiration":")" +
           format_time(now + from_now) + "\"}";
  }
  static std::string sts_answer(const std::string& id) {
    return "<R><Credentials><AccessKeyId>" + id +
           "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
           "<Expiration>2026-11-24T15:03:04Z</Expiration></Credentials></R>";
  }

  TempDir dir;
  Time now = *parse_time("2026-11-24T14:03:04Z");
  std::shared_ptr<FakeHttp> sts = std::make_shared<FakeHttp>(), metadata = std::make_shared<FakeHttp>();
  int sleeps = 0;
  const std::map<std::string, std::string> in_container = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/creds?x=1"}};
};

TEST_F(CredentialChainTest, AreKeptUntilFiveMinutesBeforeTheirEnd) {
  const auto provider = chain(in_container);
  metadata->answer(200, container_answer("FIRST", minutes{60}));
  EXPECT_EQ(keys(*provider), "FIRST");
  ASSERT_EQ(metadata->requests.size(), 1U);
  EXPECT_EQ(metadata->requests[0].host, "169.254.170.2");
  EXPECT_EQ(request_target(metadata->requests[0]), "/v2/creds?x=1");
  now += minutes{54};
  EXPECT_EQ(keys(*provider), "FIRST");
  EXPECT_EQ(metadata->requests.size(), 1U);
  now += minutes{1};
  metadata->answer(200, container_answer("SECOND", minutes{60}));
  EXPECT_EQ(keys(*provider), "SECOND");
  now += minutes{57};
  metadata->answer(500, "{}");
  EXPECT_EQ(keys(*provider), "SECOND") << "it lasts still, so a failure to renew it does no harm yet";
  now += minutes{3};
  metadata->answer(500, R"({"message":"task is gone"})");
  EXPECT_THAT(keys(*provider), HasSubstr("task is gone"));
}

TEST_F(CredentialChainTest, TheContainersTokenFileIsReadEachTime) {
  const auto provider = chain({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"},
                               {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", dir.file("token", "one\n")}});
  metadata->answer(200, container_answer("A", minutes{1}));
  keys(*provider);
  static_cast<void>(dir.file("token", "two"));
  metadata->answer(200, container_answer("B", minutes{1}));
  keys(*provider);
  EXPECT_EQ(header_of(metadata->requests.at(0), "Authorization"), "one");
  EXPECT_EQ(header_of(metadata->requests.at(1), "Authorization"), "two");
  static_cast<void>(dir.file("token", "a\r\nX-Evil: b"));
  now += minutes{2};
  EXPECT_THAT(keys(*provider), HasSubstr("line break"));
}

TEST_F(CredentialChainTest, PlainHttpGoesOnlyWhereAwsSays) {
  for (const char* url : {"http://evil.example/c", "http://169.254.170.2.evil.example/c", "http://10.0.0.1/c",
                          "ftp://x/", "http://user@127.0.0.1/c", "nonsense", "http:///c"}) {
    EXPECT_THAT(keys(*chain({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}})),
                HasSubstr("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        << url;
  }
  EXPECT_TRUE(metadata->requests.empty());
  for (const char* url : {"https://any.example/c", "http://127.0.0.1:8080/c", "http://[fd00:ec2::23]/c",
                          "http://[::1]:80/c", "http://localhost/c"}) {
    metadata->answer(200, container_answer("OK", minutes{60}));
    EXPECT_EQ(keys(*chain({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}})), "OK") << url;
  }
}

TEST_F(CredentialChainTest, AnInstanceIsAskedByVersionTwoOnly) {
  metadata->answer(403, "");
  EXPECT_THAT(keys(*chain({})), HasSubstr("no session token (403)"));
  EXPECT_EQ(metadata->requests.size(), 1U) << "no version 1 after that";
  EXPECT_EQ(metadata->requests[0].method, "PUT");
  metadata->break_off(ErrorCode::unavailable, "connecting to 169.254.169.254");
  EXPECT_THAT(keys(*chain({})), HasSubstr("no instance metadata service"));
  metadata->requests.clear();
  EXPECT_THAT(keys(*chain({{"AWS_EC2_METADATA_DISABLED", "true"}})), Not(HasSubstr("instance")));
  EXPECT_TRUE(metadata->requests.empty());
}

TEST_F(CredentialChainTest, WebIdentityIsUnsignedAndItsTokenReadEachTime) {
  const std::map<std::string, std::string> pod = {{"AWS_WEB_IDENTITY_TOKEN_FILE", dir.file("web", "jwt one\n")},
                                                  {"AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/pod"}};
  const auto provider = chain(pod);
  sts->answer(200, sts_answer("POD"));
  EXPECT_EQ(keys(*provider), "POD");
  static_cast<void>(dir.file("web", "jwt two"));
  now += minutes{56};
  sts->answer(503, "");
  sts->answer(200, sts_answer("POD2"));
  EXPECT_EQ(keys(*provider), "POD2") << "what passes is tried again";
  EXPECT_EQ(sleeps, 1);
  ASSERT_EQ(sts->requests.size(), 3U);
  EXPECT_EQ(header_of(sts->requests[0], "Authorization"), "");
  EXPECT_THAT(sts->requests[0].body, HasSubstr("Action=AssumeRoleWithWebIdentity&"));
  EXPECT_THAT(sts->requests[0].body, HasSubstr("WebIdentityToken=jwt%20one"));
  EXPECT_THAT(sts->requests[2].body, HasSubstr("WebIdentityToken=jwt%20two"));
  EXPECT_EQ(sts->requests[0].host, "sts.us-east-1.amazonaws.com");
}

TEST_F(CredentialChainTest, ARoleIsTakenOnWithItsExternalId) {
  const auto base = std::make_shared<FixedCredentials>();
  const auto provider =
      assume_role(base, {"arn:aws:iam::222233334444:role/central", "hand & shake", ""}, environment({}),
                  {.http = sts,
                   .metadata = metadata,
                   .clock = [this] { return now; },
                   .sleep = [](std::chrono::milliseconds) {},
                   .region = "eu-west-1",
                   .profile = {}});
  sts->answer(200, sts_answer("CENTRAL"));
  EXPECT_EQ(keys(*provider), "CENTRAL");
  EXPECT_EQ(keys(*provider), "CENTRAL");
  ASSERT_EQ(sts->requests.size(), 1U);
  EXPECT_THAT(sts->requests[0].body, HasSubstr("&ExternalId=hand%20%26%20shake"));
  EXPECT_THAT(header_of(sts->requests[0], "Authorization"), HasSubstr("AKIDEXAMPLE"));
  EXPECT_THAT(header_of(sts->requests[0], "Authorization"), HasSubstr("/eu-west-1/sts/"));
  now += minutes{59};
  sts->answer(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>");
  EXPECT_EQ(keys(*provider), "CENTRAL");
  now += minutes{2};
  sts->answer(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>");
  EXPECT_THAT(keys(*provider), HasSubstr("trust policy"));
}

TEST_F(CredentialChainTest, OddAnswersAreErrors) {
  const std::map<std::string, std::string> pod = {{"AWS_WEB_IDENTITY_TOKEN_FILE", dir.file("web", "jwt")},
                                                  {"AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/pod"}};
  for (const char* body :
       {"", "<", "<AccessKeyId>", "{}", "<AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"}) {
    sts->answer(200, body);
    EXPECT_THAT(keys(*chain(pod)), HasSubstr("holds no credentials")) << body;
  }
  auto no_end = sts_answer("A");
  no_end.replace(no_end.find("2026-11"), 7, "soon---");
  sts->answer(200, no_end);
  EXPECT_THAT(keys(*chain(pod)), Not(testing::Eq("A")));
  for (const char* body : {"", "[]", "{}", R"({"AccessKeyId":7})", R"({"Code":"AssumeRoleUnauthorizedAccess"})"}) {
    metadata->answer(200, body);
    EXPECT_THAT(keys(*chain(in_container)), HasSubstr("credentials endpoint")) << body;
  }
}

}  // namespace
}  // namespace intelwall::aws
