#include "aws/s3.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/support.hpp"

namespace intelwall::aws {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct S3Test : ::testing::Test {
  FakeSession fake;
  S3Client client(const std::string& bucket = "state-bucket", std::map<std::string, std::string> variables = {}) {
    return {fake.session(std::move(variables)), bucket};
  }
  const HttpRequest& sent(std::size_t i) { return fake.http->requests.at(i); }
};

TEST_F(S3Test, ABucketHasItsOwnHostButWhereAnEndpointIsGiven) {
  fake.http->answer(200, "bytes\0more", {{"etag", "\"e1\""}});
  const auto got = client().get("hunts/a b/x");
  ASSERT_TRUE(got) << got.error().to_text();
  EXPECT_EQ(got->etag, "\"e1\"");
  EXPECT_EQ(sent(0).method, "GET");
  EXPECT_EQ(sent(0).host, "state-bucket.s3.us-east-1.amazonaws.com");
  EXPECT_EQ(request_target(sent(0)), "/hunts/a%20b/x");
  EXPECT_EQ(header_of(sent(0), "X-Amz-Content-Sha256"),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

  fake.http->answer(200, "", {{"etag", "e"}});
  ASSERT_TRUE(client("state-bucket", {{"AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"}}).get("k"));
  EXPECT_EQ(sent(1).host, "127.0.0.1:9");
  EXPECT_EQ(sent(1).path, "/state-bucket/k");

  fake.http->answer(200, "", {{"etag", "e"}});
  ASSERT_TRUE(client("with.dots").get("k"));
  EXPECT_EQ(sent(2).host, "s3.us-east-1.amazonaws.com");
  EXPECT_EQ(sent(2).path, "/with.dots/k");
}

TEST_F(S3Test, WhatIsNoBucketsNameIsNeverAskedFor) {
  for (const char* name : {"", "a", "UPPER", "evil.example/", "a..b", "-ab", "ab-", "a_b"})
    EXPECT_EQ(client(name).get("k").error().code, ErrorCode::usage) << name;
  EXPECT_TRUE(fake.http->requests.empty());
}

TEST_F(S3Test, WritesCarryTheirCondition) {
  for (int i = 0; i < 3; ++i) fake.http->answer(200, "", {{"etag", "\"new\""}});
  EXPECT_EQ(client().put("k", "v", {}).value(), "\"new\"");
  ASSERT_TRUE(client().put("k", "v", WriteCondition::absent()));
  ASSERT_TRUE(client().put("k", "v", WriteCondition::matches("\"old\"")));
  EXPECT_EQ(header_of(sent(0), "If-Match") + header_of(sent(0), "If-None-Match"), "");
  EXPECT_EQ(header_of(sent(1), "If-None-Match"), "*");
  EXPECT_EQ(header_of(sent(2), "If-Match"), "\"old\"");
  EXPECT_THAT(header_of(sent(2), "Authorization"), HasSubstr("if-match;"));

  fake.http->answer(412, "<?xml version=\"1.0\"?><Error><Code>PreconditionFailed</Code><Message>m</Message></Error>");
  EXPECT_EQ(client().put("k", "v", WriteCondition::absent()).error().code, ErrorCode::conflict);
  fake.http->answer(404, "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>");
  EXPECT_EQ(client().get("k").error().code, ErrorCode::not_found);
  fake.http->answer(200, "<html>a proxy's page</html>");
  EXPECT_EQ(client().get("k").error().code, ErrorCode::protocol);
}

TEST_F(S3Test, ABucketIsEmptiedWithItsVersionsAndMarks) {
  fake.http->answer(200,
                    "<ListVersionsResult><Version><Key>a&amp;b</Key><VersionId>v1</VersionId></Version>"
                    "<DeleteMarker><Key>c</Key><VersionId>v2</VersionId></DeleteMarker></ListVersionsResult>");
  fake.http->answer(200, "<DeleteResult/>");
  fake.http->answer(200, "<ListVersionsResult></ListVersionsResult>");
  const auto removed = client().remove_everything();
  ASSERT_TRUE(removed) << removed.error().to_text();
  EXPECT_EQ(*removed, 2U);
  EXPECT_EQ(request_target(sent(0)), "/?versions=");
  EXPECT_EQ(request_target(sent(1)), "/?delete=");
  EXPECT_THAT(sent(1).body, HasSubstr("<Object><Key>a&amp;b</Key><VersionId>v1</VersionId></Object>"
                                      "<Object><Key>c</Key><VersionId>v2</VersionId></Object>"));
}

TEST_F(S3Test, AVersionThatCannotBeDeletedIsTold) {
  fake.http->answer(
      200, "<ListVersionsResult><Version><Key>a</Key><VersionId>v1</VersionId></Version></ListVersionsResult>");
  fake.http->answer(200,
                    "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>m</Message></Error>"
                    "</DeleteResult>");
  EXPECT_EQ(client().remove_everything().error().code, ErrorCode::denied);

  fake.http->answer(404, "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>m</Message></Error>");
  EXPECT_EQ(client().remove_everything().value(), 0U);
}

}  // namespace
}  // namespace intelwall::aws
