#include "aws/credentials.hpp"

#include <gmock/gmock.h>

#include <random>

#include "aws/ini.hpp"
#include "support.hpp"

namespace intelwall::aws {
namespace {

using testing::HasSubstr;
using testing::Not;

class CredentialsTest : public testing::Test {
 protected:
  using Variables = std::map<std::string, std::string>;

  Environment with(Variables variables) const {
    variables.emplace("HOME", dir.path().string());
    return environment(std::move(variables));
  }
  /// "id/secret/token", or the error in words.
  std::string keys(Variables variables = {}, std::optional<std::string> profile = {}) const {
    const auto found = default_credentials(with(std::move(variables)), std::move(profile))->get();
    if (!found) return found.error().to_text();
    return found->access_key_id + '/' + found->secret_access_key + '/' + found->session_token;
  }
  std::string region(Variables variables = {}, std::optional<std::string> profile = {}) const {
    const auto found = resolve_region(with(std::move(variables)), std::move(profile));
    return found ? *found : found.error().to_text();
  }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(dir.path() / ".aws");
    static_cast<void>(dir.file(".aws/" + name, text));
  }

  TempDir dir;
  const Variables in_environment = {
      {"AWS_ACCESS_KEY_ID", "ENV"}, {"AWS_SECRET_ACCESS_KEY", "env-secret"}, {"AWS_SESSION_TOKEN", "env-token"}};
};

TEST_F(CredentialsTest, TheEnvironmentComesFirst) {
  write("credentials", "[default]\naws_access_key_id=FILE\naws_secret_access_key=file-secret\n");
  EXPECT_EQ(keys(in_environment), "ENV/env-secret/env-token");
  EXPECT_EQ(keys(), "FILE/file-secret/");
  // An empty variable is as good as none.
  EXPECT_EQ(keys({{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}}), "FILE/file-secret/");
}

TEST_F(CredentialsTest, AProfileNamedExplicitlyWinsOverTheEnvironment) {
  write("credentials", "[other]\naws_access_key_id=OTHER\naws_secret_access_key=s\naws_session_token=t\n");
  EXPECT_EQ(keys(in_environment, "other"), "OTHER/s/t");
  auto variables = in_environment;
  variables["AWS_PROFILE"] = "other";
  EXPECT_EQ(keys(variables), "ENV/env-secret/env-token") << "as in the AWS CLI, the variable does not";
  EXPECT_EQ(keys({{"AWS_PROFILE", "other"}}), "OTHER/s/t");
}

TEST_F(CredentialsTest, BothFilesAreRead) {
  write("credentials", "[p]\naws_access_key_id = FROM_CREDENTIALS\naws_secret_access_key = 1\n");
  write("config",
        "[profile p]\naws_access_key_id=FROM_CONFIG\naws_secret_access_key=2\naws_session_token=3\nregion=eu-west-1\n"
        "[profile c]\naws_access_key_id=C\naws_secret_access_key=2\n[d]\nregion=x\n"
        "[profile \"two words\"]\nregion=eu-west-3\n[profile   blanks ]\nregion=eu-west-2\n");
  EXPECT_EQ(keys({}, "p"), "FROM_CREDENTIALS/1/") << "one set of keys, never a mixture";
  EXPECT_EQ(keys({}, "c"), "C/2/");
  EXPECT_EQ(region({}, "p"), "eu-west-1");
  EXPECT_EQ(region({}, "two words"), "eu-west-3");
  EXPECT_EQ(region({}, "blanks"), "eu-west-2");
  EXPECT_THAT(region({}, "d"), HasSubstr("no AWS region")) << "in the config file a profile is [profile d]";
}

TEST_F(CredentialsTest, FilesCanBeElsewhere) {
  const std::string path = dir.file("my keys", "[default]\naws_access_key_id=A\naws_secret_access_key=B\n");
  EXPECT_EQ(keys({{"AWS_SHARED_CREDENTIALS_FILE", path}}), "A/B/");
  EXPECT_EQ(keys({{"AWS_SHARED_CREDENTIALS_FILE", "~/my keys"}}), "A/B/");
}

TEST_F(CredentialsTest, ReadsAnewEachTime) {
  write("credentials", "[default]\naws_access_key_id=OLD\naws_secret_access_key=1\n");
  const auto provider = default_credentials(with({}));
  EXPECT_EQ(provider->get()->access_key_id, "OLD");
  write("credentials", "[default]\naws_access_key_id=NEW\naws_secret_access_key=1\n");
  EXPECT_EQ(provider->get()->access_key_id, "NEW");
}

TEST_F(CredentialsTest, TheErrorNamesWhereItLooked) {
  const std::string none = keys();
  EXPECT_THAT(none, HasSubstr("AWS_ACCESS_KEY_ID"));
  EXPECT_THAT(none, HasSubstr((dir.path() / ".aws/credentials").string()));
  EXPECT_THAT(none, HasSubstr((dir.path() / ".aws/config").string()));
  EXPECT_THAT(keys({}, "nobody"), HasSubstr("no profile \"nobody\""));
  EXPECT_THAT(default_credentials(environment({}))->get().error().to_text(), HasSubstr("no home directory"));
  write("config", "[default]\nregion=us-east-1\n");
  EXPECT_THAT(keys(), HasSubstr("has no keys"));
}

TEST_F(CredentialsTest, HalfAPairIsTold) {
  EXPECT_THAT(keys({{"AWS_ACCESS_KEY_ID", "A"}}), HasSubstr("only one of"));
  write("credentials", "[default]\naws_secret_access_key=hunter2\n");
  EXPECT_THAT(keys(), HasSubstr("only one of"));
  EXPECT_THAT(keys(), Not(HasSubstr("hunter2")));
}

TEST_F(CredentialsTest, WhatIsNotSupportedSaysSo) {
  for (const std::string key :
       {"role_arn", "sso_session", "sso_start_url", "web_identity_token_file", "credential_process"}) {
    write("config", "[profile p]\n" + key + " = something\n");
    const auto found = default_credentials(with({}), "p")->get();
    ASSERT_FALSE(found) << key;
    EXPECT_EQ(found.error().code, ErrorCode::denied);
    EXPECT_THAT(found.error().message, HasSubstr(key));
    EXPECT_THAT(found.error().hint, HasSubstr("export-credentials"));
  }
  // The keys beside a role are those of somebody else.
  write("config", "[profile p]\nrole_arn=r\nsource_profile=p\n");
  write("credentials", "[p]\naws_access_key_id=A\naws_secret_access_key=B\n");
  EXPECT_THAT(keys({}, "p"), HasSubstr("role_arn"));
  // A process is only asked where there are no keys, as in the AWS CLI.
  write("config", "[profile p]\ncredential_process=x\n");
  EXPECT_EQ(keys({}, "p"), "A/B/");
}

TEST_F(CredentialsTest, RegionComesFromVariablesThenTheProfile) {
  write("config", "[default]\nregion = eu-central-1 # Frankfurt\n");
  EXPECT_EQ(region(), "eu-central-1");
  EXPECT_EQ(region({{"AWS_DEFAULT_REGION", "us-west-2"}}), "us-west-2");
  EXPECT_EQ(region({{"AWS_DEFAULT_REGION", "us-west-2"}, {"AWS_REGION", "us-west-1"}}), "us-west-1");
  EXPECT_THAT(region({{"AWS_REGION", "evil.example/"}}), HasSubstr("not the name of an AWS region"));
  EXPECT_THAT(region({}, "nobody"), HasSubstr("set AWS_REGION"));
}

TEST_F(CredentialsTest, ABrokenFileNamesTheLineAndNoSecret) {
  write("credentials", "[default]\naws_access_key_id = A\nhunter2\n");
  EXPECT_THAT(keys(), HasSubstr("credentials:3"));
  EXPECT_THAT(keys(), Not(HasSubstr("hunter2")));
  std::filesystem::remove(dir.path() / ".aws/credentials");
  std::filesystem::create_directories(dir.path() / ".aws/credentials");
  EXPECT_THAT(keys(), HasSubstr(".aws/credentials")) << "a directory in its place is an error, not an absence";
}

TEST(Ini, ReadsWhatTheCliWrites) {
  const auto ini = parse_ini(
      "\xEF\xBB\xBF# comment\r\n; comment\r\n[default]\r\nKey = value\r\n  spaced   =  a = b ; c #d\r\n"
      "\n[ two ]\ns3 =\n  max = 10\n  # nested\nafter=1\nafter=2\nempty=\n  [not.a.section]\n[indented]\n  a=1\n  "
      "b=2#x\n"
      "[two]\nmore=1",
      "f");
  ASSERT_TRUE(ini) << ini.error().to_text();
  const Ini expected = {{"default", {{"key", "value"}}},
                        {"two", {{"s3", ""}, {"after", "2"}, {"empty", ""}, {"more", "1"}}},
                        {"indented", {{"a", "1"}, {"b", "2#x"}}}};
  EXPECT_EQ(*ini, expected) << "lines indented under a key belong to it";
}

TEST(Ini, RefusesWithTheLine) {
  for (const auto& [text, line] : std::map<std::string, std::string>{
           {"[default\n", "f:1"}, {"\n\nkey=1\n", "f:3"}, {"[a]\nb\n", "f:2"}, {"[a]\n=x\n", "f:2"}}) {
    const auto ini = parse_ini(text, "f");
    ASSERT_FALSE(ini) << text;
    EXPECT_EQ(ini.error().place, line);
  }
}

TEST(Ini, SurvivesAnyBytes) {
  std::mt19937 random(7);
  const std::string alphabet = std::string("[]=#; \t\r\n\0ab\xff", 13);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto size = random() % 24; size > 0; --size) text += alphabet[random() % alphabet.size()];
    const auto ini = parse_ini(text, "f");
    accepted += ini ? 1 : 0;
    EXPECT_THAT(ini ? "f:" : ini.error().place, testing::StartsWith("f:"));
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace intelwall::aws
