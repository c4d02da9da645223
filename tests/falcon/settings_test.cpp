#include "falcon/settings.hpp"

#include <gmock/gmock.h>

#include "aws/support.hpp"

namespace intelwall::falcon {
namespace {

using testing::HasSubstr;
using testing::Not;

std::map<std::string, std::string> keys(std::map<std::string, std::string> more = {}) {
  more.insert({{"FALCON_CLIENT_ID", "id"}, {"FALCON_CLIENT_SECRET", "top-secret"}});
  return more;
}

Result<Settings> read(std::map<std::string, std::string> variables) {
  return settings_from(aws::environment(std::move(variables)));
}

TEST(Settings, CloudsAreNamedAsPeopleWriteThem) {
  EXPECT_EQ(cloud_named("us-1")->text(), "https://api.crowdstrike.com");
  EXPECT_EQ(cloud_named("US2")->text(), "https://api.us-2.crowdstrike.com");
  EXPECT_EQ(cloud_named(" eu-1 ")->text(), "https://api.eu-1.crowdstrike.com");
  EXPECT_EQ(cloud_named("us-gov-1")->text(), "https://api.laggar.gcw.crowdstrike.com");
  EXPECT_EQ(cloud_named("gov1"), cloud_named("USGov1"));
  EXPECT_EQ(cloud_named("us-gov-2")->text(), "https://api.us-gov-2.crowdstrike.mil");
  for (const auto* wrong : {"", "us", "us-9", "api.crowdstrike.com", "us-1.evil.com"}) EXPECT_FALSE(cloud_named(wrong));
  EXPECT_EQ(name_of_cloud(*cloud_named("eu1")), "eu-1");
}

TEST(Settings, TheAddressWinsOverTheCloudAndDiscoveryIsTheDefault) {
  auto settings = read(keys({{"FALCON_BASE_URL", "http://127.0.0.1:4567/"}, {"FALCON_CLOUD", "eu-1"}}));
  ASSERT_TRUE(settings) << settings.error().to_text();
  EXPECT_EQ(settings->origin.text(), "http://127.0.0.1:4567");
  EXPECT_EQ(settings->discovery, Discovery::off);

  settings = read(keys({{"FALCON_CLOUD_REGION", "us-gov-1"}, {"FALCON_MEMBER_CID", "child"}}));
  ASSERT_TRUE(settings) << settings.error().to_text();
  EXPECT_EQ(settings->origin.host, "api.laggar.gcw.crowdstrike.com");
  EXPECT_EQ(settings->member_cid, "child");

  for (auto variables : {keys(), keys({{"FALCON_CLOUD", "autodiscover"}})}) {
    settings = read(variables);
    ASSERT_TRUE(settings) << settings.error().to_text();
    EXPECT_EQ(settings->origin.host, "api.crowdstrike.com");
    EXPECT_EQ(settings->discovery, Discovery::on);
  }
  EXPECT_EQ(read(keys({{"FALCON_BASE_URL", "api.eu-1.crowdstrike.com"}}))->origin.scheme, "https");
}

TEST(Settings, WhatIsWrongIsSaidWithoutTheSecret) {
  const struct {
    std::map<std::string, std::string> variables;
    const char* says;
  } cases[] = {
      {{{"FALCON_CLIENT_ID", "id"}}, "FALCON_CLIENT_SECRET is not set"},
      {{{"FALCON_CLIENT_SECRET", "top-secret"}}, "FALCON_CLIENT_ID is not set"},
      {keys({{"FALCON_CLOUD", "us-7"}}), "\"us-7\" is no Falcon cloud"},
      {keys({{"FALCON_BASE_URL", "http://api.crowdstrike.com"}}), "in clear"},
      {keys({{"FALCON_BASE_URL", "http://127.0.0.1.evil.com"}}), "in clear"},
      {keys({{"FALCON_BASE_URL", "https://me:top-secret@api.crowdstrike.com"}}), "user name or password"},
      {keys({{"FALCON_BASE_URL", "https://api.crowdstrike.com/v1"}}), "path"},
      {keys({{"FALCON_BASE_URL", "ftp://api.crowdstrike.com"}}), "scheme"},
  };
  for (const auto& item : cases) {
    const auto settings = read(item.variables);
    ASSERT_FALSE(settings) << item.says;
    EXPECT_THAT(settings.error().to_text(), HasSubstr(item.says));
    EXPECT_THAT(settings.error().to_text(), Not(HasSubstr("top-secret")));
    EXPECT_FALSE(settings.error().hint.empty());
  }
}

TEST(Urls, PartsAreDecodedAndStrict) {
  const auto url = parse_url("https://Firehose.US-2.crowdstrike.com:443/sensors/a%20b?appId=x-1&empty&q=a%2Bb%26c");
  ASSERT_TRUE(url) << url.error().to_text();
  EXPECT_EQ(url->origin.host, "firehose.us-2.crowdstrike.com");
  EXPECT_EQ(url->path, "/sensors/a b");
  const std::vector<std::pair<std::string, std::string>> query{{"appId", "x-1"}, {"empty", ""}, {"q", "a+b&c"}};
  EXPECT_EQ(url->query, query);
  EXPECT_EQ(parse_url("http://[::1]:8080")->origin.name(), "[::1]");
  EXPECT_EQ(parse_url("http://[::1]")->origin.name(), "[::1]");
  EXPECT_TRUE(is_loopback(parse_url("http://[::1]:8080")->origin));
  EXPECT_EQ(parse_url("http://127.0.0.1:80")->origin.host, "127.0.0.1");

  for (const auto* wrong :
       {"", "x", "//a.com", "https://", "https:///p", "https://a.com:0/", "https://a.com:99999", "https://a.com:8a",
        "https://u@a.com", "https://a.com@evil.com/", "https://a.com\\@evil.com", "https://a.com/#f", "https://a b.com",
        "https://a.com/%zz", "https://a.com/?q=%1", "https://a.com/\r\nX: y", "javascript://a.com", "https://[::1",
        "https://:443"}) {
    EXPECT_FALSE(parse_url(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace intelwall::falcon
