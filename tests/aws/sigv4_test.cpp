#include "aws/sigv4.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace intelwall::aws {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// The documented example and the suite's cases share these: key, region, service and date of AWS's SigV4 test suite.
const Credentials example{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
const Time suite_time = *parse_time("2015-08-30T12:36:00Z");

HttpRequest get(std::string path = "/") {
  HttpRequest request;
  request.method = "GET";
  request.host = "example.amazonaws.com";
  request.path = std::move(path);
  return request;
}

std::string authorization(HttpRequest request, const SigningScope& scope = {"us-east-1", "service"}) {
  sign(request, scope, example, suite_time);
  return header_of(request, "Authorization");
}

TEST(SigV4, SignsTheDocumentedIamRequest) {
  HttpRequest request = get();
  request.host = "iam.amazonaws.com";
  request.query = {{"Action", "ListUsers"}, {"Version", "2010-05-08"}};
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  EXPECT_EQ(authorization(request, {"us-east-1", "iam"}),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST(SigV4, SignsTheSuitesVanillaCases) {
  EXPECT_THAT(authorization(get()),
              EndsWith("Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
  HttpRequest post = get();
  post.method = "POST";
  EXPECT_THAT(authorization(post),
              EndsWith("Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
  HttpRequest query = get();
  query.query = {{"Param2", "value2"}, {"Param1", "value1"}};
  EXPECT_THAT(authorization(query),
              EndsWith("Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
}

TEST(SigV4, TreatsEquivalentFormsAlike) {
  const std::string plain = authorization(get("/a/b"));
  EXPECT_EQ(authorization(get("/a//b")), plain);
  EXPECT_EQ(authorization(get("/a/./x/../b")), plain);
  HttpRequest host = get("/a/b");
  host.host = "Example.AmazonAWS.com:443";
  EXPECT_EQ(authorization(host), plain);
  HttpRequest agent = get("/a/b");
  agent.headers = {{"User-Agent", "anything"}};
  EXPECT_EQ(authorization(agent), plain);
  HttpRequest blanks = get("/a/b");
  blanks.headers = {{"X-Text", "  one   two\t three "}};
  HttpRequest tidy = get("/a/b");
  tidy.headers = {{"x-text", "one two three"}};
  EXPECT_EQ(authorization(blanks), authorization(tidy));
}

TEST(SigV4, EveryPartCounts) {
  HttpRequest base = get("/a");
  base.method = "POST";
  base.body = "{}";
  base.query = {{"k", "v"}};
  base.headers = {{"X-Text", "one"}};
  const std::string signature = authorization(base);
  const auto changed = [&](auto change) {
    HttpRequest other = base;
    change(other);
    return authorization(other) != signature;
  };
  EXPECT_TRUE(changed([](HttpRequest& r) { r.body += ' '; }));
  EXPECT_TRUE(changed([](HttpRequest& r) { r.path += '/'; }));
  EXPECT_TRUE(changed([](HttpRequest& r) { r.query[0].second = "V"; }));
  EXPECT_TRUE(changed([](HttpRequest& r) { r.headers[0].second = "two"; }));
  EXPECT_TRUE(changed([](HttpRequest& r) { r.method = "PUT"; }));
  EXPECT_TRUE(changed([](HttpRequest& r) { r.host += ":8443"; }));
}

TEST(SigV4, SigningAgainReplacesWhatWasSigned) {
  HttpRequest request = get();
  Credentials session = example;
  session.session_token = "token";
  sign(request, {"us-east-1", "service"}, session, suite_time);
  EXPECT_EQ(header_of(request, "X-Amz-Security-Token"), "token");
  EXPECT_THAT(header_of(request, "Authorization"), HasSubstr("host;x-amz-date;x-amz-security-token"));
  EXPECT_THAT(header_of(request, "Authorization"), Not(HasSubstr(session.secret_access_key)));
  sign(request, {"us-east-1", "service"}, example, suite_time + std::chrono::hours(1));
  EXPECT_EQ(request.headers.size(), 2U);
  EXPECT_EQ(header_of(request, "X-Amz-Date"), "20150830T133600Z");
  EXPECT_EQ(header_of(request, "X-Amz-Security-Token"), "");
}

// What the lab's endpoints do with what they receive.
TEST(SigV4, AServerFindsTheSameSignature) {
  HttpRequest request;
  request.host = "127.0.0.1:4566";
  request.scheme = "http";
  request.path = "/tags/arn:aws:securityhub:us-east-1:111122223333:hub/de fault";
  request.query = {{"b", ""}, {"a", "x y"}, {"a", "&="}, {"a-b", "é"}};
  request.headers = {{"Content-Type", "application/json"}, {"X-Many", "1"}, {"X-Many", "2"}};
  request.body = std::string("\0\xff", 2);
  sign(request, {"us-east-1", "securityhub"}, example, suite_time);

  std::multimap<std::string, std::string> received = {{"host", request.host}};
  for (const auto& [name, value] : request.headers) {
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    received.emplace(lower, value);
  }
  const std::string target = request_target(request);
  const auto question = target.find('?');
  const auto signature = [&](const std::string& body, const std::string& secret) {
    return signature_for("POST", target.substr(0, question), target.substr(question + 1), received,
                         "content-type;host;x-amz-date;x-many", body, "20150830T123600Z", {"us-east-1", "securityhub"},
                         secret);
  };
  const std::string sent = header_of(request, "Authorization");
  EXPECT_THAT(sent, EndsWith("Signature=" + signature(request.body, example.secret_access_key)));
  EXPECT_THAT(sent, Not(EndsWith("Signature=" + signature(request.body + "x", example.secret_access_key))));
  EXPECT_THAT(sent, Not(EndsWith("Signature=" + signature(request.body, "another"))));
}

TEST(SigV4, AServerSurvivesHostileHeaders) {
  for (const std::string signed_headers : {"", ";", ";;;", "absent", "host;absent", "\n"})
    EXPECT_EQ(signature_for("", "", "&&=&", {}, signed_headers, "", "", {"", ""}, "").size(), 64U);
}

TEST(HttpRequest, EncodesOnceForTheWire) {
  HttpRequest request = get("/a b/ü/~x%2F");
  request.query = {{"k ey", "a+b"}, {"empty", ""}};
  EXPECT_EQ(request_target(request), "/a%20b/%C3%BC/~x%252F?k%20ey=a%2Bb&empty=");
  EXPECT_EQ(request_target(get("")), "/");
}

}  // namespace
}  // namespace intelwall::aws
