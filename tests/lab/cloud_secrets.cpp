// The lab's Secrets Manager below HTTP: versions, repeated calls, deletion.
#include "lab/cloud_secrets.hpp"

#include <gtest/gtest.h>

#include "lab/cloud_support.hpp"

namespace intelwall::lab {
namespace {

using namespace test;

class SecretsOfTheLab : public ::testing::Test {
 protected:
  Json call(const std::string& operation, Json input) {
    input[operation == "CreateSecret" ? "Name" : "SecretId"] = "falcon";
    const auto answer = secrets_.call(operation, std::move(input));
    return answer ? *answer : Json{{"error", answer.error().name}};
  }
  Time now_ = noon;
  SecretStore secrets_{[this] { return now_; }};
};

TEST_F(SecretsOfTheLab, the_version_before_is_kept) {
  const std::string arn = secrets_.set("falcon", "1").value();
  EXPECT_EQ(secrets_.set("falcon", "2"), arn);
  EXPECT_EQ(call("GetSecretValue", Json::object())["SecretString"], "2");
  EXPECT_EQ(call("GetSecretValue", {{"VersionStage", "AWSPREVIOUS"}})["SecretString"], "1");
  EXPECT_EQ(secrets_.set("falcon", "3"), arn);
  EXPECT_EQ(call("GetSecretValue", {{"VersionStage", "AWSPREVIOUS"}})["SecretString"], "2");
  EXPECT_EQ(call("DescribeSecret", Json::object())["VersionIdsToStages"].size(), 2U);
  for (const std::string& id : {arn, arn.substr(0, arn.size() - 7)})
    EXPECT_TRUE(secrets_.call("GetSecretValue", {{"SecretId", id}})) << id;
  EXPECT_FALSE(secrets_.call("GetSecretValue", {{"SecretId", arn.substr(0, arn.size() - 1)}}));
}

TEST_F(SecretsOfTheLab, a_repeated_call_makes_no_second_version) {
  const std::string token(32, 't');
  call("CreateSecret", {{"SecretString", "1"}});
  const Json put{{"SecretString", "2"}, {"ClientRequestToken", token}};
  EXPECT_EQ(call("PutSecretValue", put)["VersionId"], token);
  EXPECT_EQ(call("PutSecretValue", put)["VersionId"], token);
  EXPECT_EQ(call("PutSecretValue", {{"SecretString", "3"}, {"ClientRequestToken", token}})["error"],
            "ResourceExistsException");
  EXPECT_EQ(call("GetSecretValue", {{"VersionStage", "AWSPREVIOUS"}})["SecretString"], "1");
}

TEST_F(SecretsOfTheLab, a_deleted_secret_is_kept_for_a_while) {
  call("CreateSecret", {{"SecretString", "1"}});
  EXPECT_EQ(call("CreateSecret", {{"SecretString", "1"}})["error"], "ResourceExistsException");
  EXPECT_TRUE(call("DeleteSecret", {{"RecoveryWindowInDays", 7}}).contains("DeletionDate"));
  EXPECT_EQ(call("GetSecretValue", Json::object())["error"], "InvalidRequestException");
  EXPECT_EQ(call("CreateSecret", {{"SecretString", "1"}})["error"], "InvalidRequestException");
  EXPECT_TRUE(call("RestoreSecret", Json::object()).contains("ARN"));
  EXPECT_EQ(call("GetSecretValue", Json::object())["SecretString"], "1");
  call("DeleteSecret", {{"RecoveryWindowInDays", 7}});
  now_ += std::chrono::days(7);
  EXPECT_EQ(call("GetSecretValue", Json::object())["error"], "ResourceNotFoundException");
  call("CreateSecret", {{"SecretString", "1"}});
  EXPECT_TRUE(call("DeleteSecret", {{"ForceDeleteWithoutRecovery", true}}).contains("ARN"));
  EXPECT_EQ(call("DescribeSecret", Json::object())["error"], "ResourceNotFoundException");
}

TEST_F(SecretsOfTheLab, refusals) {
  EXPECT_EQ(call("CreateSecret", {{"SecretString", "1"}, {"SecretBinary", "AA=="}})["error"],
            "InvalidRequestException");
  EXPECT_TRUE(call("CreateSecret", Json::object()).contains("ARN")) << "a secret can wait for its value";
  EXPECT_EQ(call("GetSecretValue", Json::object())["error"], "ResourceNotFoundException");
  EXPECT_EQ(call("PutSecretValue", Json::object())["error"], "InvalidRequestException");
  EXPECT_EQ(call("PutSecretValue", {{"SecretBinary", "?"}})["error"], "SerializationException");
  EXPECT_EQ(call("PutSecretValue", {{"SecretString", std::string(65'537, 'x')}})["error"], "ValidationException");
  EXPECT_EQ(secrets_.call("CreateSecret", {{"Name", "a b"}}).error().name, "InvalidParameterException");
}

}  // namespace
}  // namespace intelwall::lab
