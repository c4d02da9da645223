#include "aws/secrets_manager.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/support.hpp"

namespace intelwall::aws {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SecretsManager, AnswersTheTextAndNeverTellsItInAnError) {
  FakeSession fake;
  const SecretsManagerClient client(fake.session());
  fake.http->answer(200, R"({"ARN":"a","SecretString":"{\"client_id\":\"x\"}"})");
  EXPECT_EQ(client.secret_value("arn:s").value(), R"({"client_id":"x"})");
  EXPECT_EQ(header_of(fake.http->requests[0], "X-Amz-Target"), "secretsmanager.GetSecretValue");
  EXPECT_EQ(Json::parse(fake.http->requests[0].body), (Json{{"SecretId", "arn:s"}}));

  fake.http->answer(200, R"({"SecretBinary":"aHVudGVyMg=="})");
  EXPECT_EQ(client.secret_value("s").error().code, ErrorCode::invalid_input);
  for (const char* body : {R"({"SecretString":["hunter2"]})", R"({"SecretString":"hunter2")", "hunter2"}) {
    fake.http->answer(200, body);
    const auto got = client.secret_value("s");
    EXPECT_EQ(got.error().code, ErrorCode::protocol) << body;
    EXPECT_THAT(got.error().to_text(), Not(HasSubstr("hunter2")));
  }
  fake.http->answer(400, R"({"__type":"ResourceNotFoundException","Message":"no"})");
  EXPECT_EQ(client.secret_value("s").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace intelwall::aws
