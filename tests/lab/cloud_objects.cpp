// The lab's S3 below HTTP: versions, conditions, and the events of new objects.
#include "lab/cloud_objects.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "lab/cloud_support.hpp"

namespace intelwall::lab {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ObjectsOfTheLab : public ::testing::Test {
 protected:
  ObjectsOfTheLab() { EXPECT_TRUE(store_.create("bucket", ObjectStore::Versioning::never, ObjectStore::Events::off)); }
  CloudResponse call(const std::string& method, const std::string& target,
                     std::multimap<std::string, std::string> headers = {}, std::string body = {}) {
    CloudRequest request;
    request.method = method;
    const std::size_t question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    request.query = target.substr(std::min(question + 1, target.size()));
    request.headers = std::move(headers);
    request.body = std::move(body);
    return store_.handle(request);
  }
  void set_versioning(const char* status) {
    EXPECT_EQ(call("PUT", "/bucket?versioning", {}, std::string("<V><Status>") + status + "</Status></V>").status, 200);
  }
  std::vector<Json> created_;
  ObjectStore store_{[] { return noon; },
                     [this](const std::string& bucket, Json detail) {
                       EXPECT_EQ(detail["bucket"]["name"], bucket);
                       EXPECT_EQ(store_.get(bucket, detail["object"]["key"]).has_value(), true) << "no lock is held";
                       created_.push_back(std::move(detail));
                     }};
};

TEST_F(ObjectsOfTheLab, conditions_decide_between_two_writers) {
  const auto first = call("PUT", "/bucket/k", {{"if-none-match", "*"}}, "1");
  ASSERT_EQ(first.status, 200);
  EXPECT_EQ(first.headers.at("ETag"), "\"c4ca4238a0b923820dcc509a6f75849b\"");
  const auto late = call("PUT", "/bucket/k", {{"if-none-match", "*"}}, "2");
  EXPECT_EQ(late.status, 412);
  EXPECT_THAT(late.body, HasSubstr("<Code>PreconditionFailed</Code>"));
  EXPECT_EQ(call("PUT", "/bucket/k", {{"if-match", first.headers.at("ETag")}}, "2").status, 200);
  EXPECT_EQ(call("PUT", "/bucket/k", {{"if-match", first.headers.at("ETag")}}, "3").status, 412);
  EXPECT_EQ(call("PUT", "/bucket/none", {{"if-match", "*"}}, "3").status, 404);
  EXPECT_EQ(call("PUT", "/bucket/k", {{"if-none-match", "\"e\""}}, "3").status, 501);
  EXPECT_EQ(store_.get("bucket", "k"), "2");
}

TEST_F(ObjectsOfTheLab, of_many_writers_at_once_one_wins) {
  std::atomic<int> won = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 8; ++i)
      writers.emplace_back(
          [&] { won += call("PUT", "/bucket/k", {{"if-none-match", "*"}}, "x").status == 200 ? 1 : 0; });
  }
  EXPECT_EQ(won, 1);
}

TEST_F(ObjectsOfTheLab, versions_are_kept_and_marks_hide_them) {
  const auto plain = call("PUT", "/bucket/k", {}, "0");
  EXPECT_FALSE(plain.headers.contains("x-amz-version-id"));
  set_versioning("Enabled");
  const std::string one = call("PUT", "/bucket/k", {}, "1").headers.at("x-amz-version-id");
  const auto marked = call("DELETE", "/bucket/k");
  EXPECT_EQ(marked.status, 204);
  EXPECT_EQ(marked.headers.at("x-amz-delete-marker"), "true");
  const std::string mark = marked.headers.at("x-amz-version-id");
  const auto hidden = call("GET", "/bucket/k");
  EXPECT_EQ(hidden.status, 404);
  EXPECT_EQ(hidden.headers.at("x-amz-delete-marker"), "true");
  EXPECT_EQ(call("GET", "/bucket/k?versionId=" + mark).status, 405);
  EXPECT_EQ(call("GET", "/bucket/k?versionId=" + one).body, "1");
  EXPECT_EQ(call("GET", "/bucket/k?versionId=null").body, "0");
  EXPECT_EQ(call("GET", "/bucket/k?versionId=other").status, 404);
  EXPECT_THAT(*store_.keys("bucket", ""), IsEmpty());
  EXPECT_EQ(call("PUT", "/bucket/k", {{"if-none-match", "*"}}, "2").status, 200) << "a mark is no object";

  EXPECT_EQ(call("DELETE", "/bucket/k?versionId=" + mark).headers.at("x-amz-delete-marker"), "true");
  set_versioning("Suspended");
  EXPECT_EQ(call("PUT", "/bucket/k", {}, "3").headers.at("x-amz-version-id"), "null");
  const std::string listed = call("GET", "/bucket?versions").body;
  EXPECT_EQ(call("GET", "/bucket/k?versionId=null").body, "3") << "it took the place of the one before";
  EXPECT_EQ(std::string(listed).find("<DeleteMarker>"), std::string::npos);
  EXPECT_EQ(call("DELETE", "/bucket").status, 409);
}

TEST_F(ObjectsOfTheLab, new_objects_are_events_where_they_are_switched_on) {
  ASSERT_TRUE(store_.put("bucket", "silent", "x"));
  EXPECT_THAT(created_, IsEmpty());
  const std::string on = "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>";
  ASSERT_EQ(call("PUT", "/bucket?notification", {}, on).status, 200);
  ASSERT_EQ(call("PUT", "/bucket/a%20b/%C3%BC+1", {}, "hello").status, 200);
  EXPECT_EQ(call("PUT", "/bucket/silent", {{"if-none-match", "*"}}, "y").status, 412);
  ASSERT_THAT(created_, SizeIs(1));
  EXPECT_EQ(created_[0]["object"]["key"], "a b/ü+1");
  EXPECT_EQ(created_[0]["object"]["size"], 5);
  EXPECT_EQ(created_[0]["object"]["etag"], "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(call("PUT", "/bucket?notification", {}, "<NotificationConfiguration/>").status, 200);
  ASSERT_EQ(call("PUT", "/bucket/later", {}, "x").status, 200);
  EXPECT_THAT(created_, SizeIs(1));
  EXPECT_EQ(call("PUT", "/bucket?notification", {},
                 "<NotificationConfiguration><QueueConfiguration/></NotificationConfiguration>")
                .status,
            501);
}

TEST_F(ObjectsOfTheLab, lists_page_by_key_and_by_folder) {
  for (const char* key : {"a/1", "a/2", "b", "c/1", "d"}) ASSERT_TRUE(store_.put("bucket", key, "x"));
  std::vector<std::string> found;
  std::string token;
  for (int page = 0; page < 9; ++page) {
    const std::string body = call("GET", "/bucket?list-type=2&delimiter=%2F&max-keys=1" +
                                             (token.empty() ? "" : "&continuation-token=" + token))
                                 .body;
    for (const char* tag : {"<Key>", "<CommonPrefixes><Prefix>"}) {
      const std::size_t at = body.find(tag);
      if (at == std::string::npos) continue;
      const std::size_t begin = at + std::string_view(tag).size();
      found.push_back(body.substr(begin, body.find('<', begin) - begin));
    }
    const std::size_t next = body.find("<NextContinuationToken>");
    if (next == std::string::npos) break;
    token = body.substr(next + 23, body.find('<', next + 23) - next - 23);
  }
  EXPECT_THAT(found, ElementsAre("a/", "b", "c/", "d"));
  EXPECT_EQ(call("GET", "/bucket?list-type=2&max-keys=x").status, 400);
  EXPECT_EQ(call("GET", "/bucket?list-type=2&continuation-token=*").status, 400);
}

TEST_F(ObjectsOfTheLab, refusals) {
  EXPECT_EQ(call("GET", "/none/k").status, 404);
  EXPECT_THAT(call("GET", "/none/k").body, HasSubstr("<Code>NoSuchBucket</Code>"));
  EXPECT_THAT(call("GET", "/bucket/%3Cnone%3E").body, HasSubstr("<Code>NoSuchKey</Code>"));
  EXPECT_EQ(call("PUT", "/UPPER").status, 400);
  EXPECT_EQ(call("PUT", "/bucket/" + std::string(1025, 'k'), {}, "x").status, 400);
  EXPECT_EQ(call("POST", "/bucket/k?uploads").status, 501);
  EXPECT_EQ(call("GET", "/bucket/k?acl").status, 501);
  EXPECT_EQ(call("GET", "/bucket").status, 501) << "the first version of the list";
  EXPECT_EQ(call("PUT", "/bucket/k", {{"content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="}}, "x").status, 400);
  EXPECT_EQ(call("POST", "/bucket?delete", {}, "<Delete><Object><Key>k</Key></Object></Delete>").status, 400);
  EXPECT_EQ(call("PUT", "/bucket?versioning", {}, "<V/>").status, 400);
}

TEST_F(ObjectsOfTheLab, a_bucket_may_have_the_name_of_another_services_path) {
  Endpoint endpoint(options());
  const auto made = endpoint.handle(signed_request("PUT", "/findings", "", "s3", ""));
  EXPECT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(endpoint.handle(signed_request("PUT", "/findings/import", "", "s3", "x")).status, 200);
  EXPECT_EQ(endpoint.handle(signed_request("GET", "/findings/import", "", "s3", "")).body, "x");
  const auto other =
      endpoint.handle(signed_request("GET", "/findings/import", "", "s3", "", noon - std::chrono::hours(1)));
  EXPECT_EQ(other.status, 403);
  EXPECT_THAT(other.body, HasSubstr("<Code>SignatureDoesNotMatch</Code>"));
}

}  // namespace
}  // namespace intelwall::lab
