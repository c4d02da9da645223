#include "intel/dstdomain_reader.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "os/file.hpp"

namespace intelwall::intel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class DstdomainReader : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, std::string_view text) const {
    const auto path = directory_ / name;
    EXPECT_TRUE(os::replace_file(path, text).has_value());
    return path.string();
  }
  static std::vector<std::string> names(const Result<AclNames>& read) {
    std::vector<std::string> out;
    if (!read) return {read.error().to_text()};
    for (const auto& each : read->names)
      out.push_back((each.domain.scope == Scope::exact ? "=" : "") + each.domain.name.text());
    return out;
  }

  std::filesystem::path directory_ = std::filesystem::path(testing::TempDir()) / "iw-dstdomain";
};

TEST_F(DstdomainReader, ADotIsWhatMakesTheSubdomains) {
  const auto read = read_dstdomains(file("bad.txt",
                                         "# what we never want\n"
                                         ".Evil.com\r\n"
                                         "www.worse.example   # only this one\n"
                                         "\n"
                                         ".a.example .b.example\n"),
                                    {});
  EXPECT_THAT(names(read), ElementsAre("evil.com", "=www.worse.example", "a.example", "b.example"));
  EXPECT_EQ(read->names[1].line, 3U);
  EXPECT_EQ(read->refused_count, 0U);
}

TEST_F(DstdomainReader, WhatIsNoNameIsToldWithItsLine) {
  const auto path = file("bad.txt", "good.example\n10.0.0.1\n.ru\nevil.com\";drop\n");
  const auto read = read_dstdomains(path, {});
  EXPECT_THAT(names(read), ElementsAre("=good.example"));
  ASSERT_THAT(read->refused, SizeIs(3));
  EXPECT_EQ(read->refused[0].line, 2U);
  EXPECT_EQ(read->refused[0].file, path);
  EXPECT_THAT(read->refused[0].reason, HasSubstr("IP address"));
  EXPECT_EQ(read->refused[2].line, 4U);
}

constexpr std::string_view squid_conf = R"(http_port 3128
acl localnet src 10.0.0.0/8
acl bad dstdomain .evil.com \
    .worse.com
acl bad dstdomain -n "lists/more.txt" parameters("lists/yet more.txt")
acl bad dstdom_regex ^ads?\.
acl good ssl::server_name --client-requested .partner.example
http_access deny bad   # .comment.example
)";

TEST_F(DstdomainReader, OneAclOfASquidConfWithTheFilesItNames) {
  std::filesystem::create_directories(directory_ / "lists");
  file("lists/more.txt", ".third.com\nnot a name?\n");
  file("lists/yet more.txt", "fourth.example\n");
  const auto path = file("squid.conf", squid_conf);
  const auto read = read_dstdomains(path, "bad");
  EXPECT_THAT(names(read), ElementsAre("evil.com", "worse.com", "third.com", "=fourth.example"));
  EXPECT_EQ(read->names[0].line, 3U);
  EXPECT_THAT(read->names[2].file, HasSubstr("lists/more.txt"));
  EXPECT_EQ(read->refused_count, 4U);  // three words of more.txt, and the regular expression
  EXPECT_EQ(read->refused.back().line, 6U);
  EXPECT_THAT(names(read_dstdomains(path, "good")), ElementsAre("partner.example"));
}

TEST_F(DstdomainReader, WhatSquidLetsPassIsNoListOfBlocks) {
  const std::string acl = "acl partners dstdomain .partner.example\n";
  const auto allowed = file("allow.conf", acl + "http_access allow partners\nhttp_access deny all\n");
  EXPECT_THAT(names(read_dstdomains(allowed, {})), ElementsAre(HasSubstr("is allowed and not denied")));
  EXPECT_THAT(names(read_dstdomains(allowed, "partners")), ElementsAre(HasSubstr("partner.example")));
  EXPECT_THAT(names(read_dstdomains(file("deny.conf", acl + "http_access deny CONNECT partners\n"), {})),
              ElementsAre(HasSubstr("partner.example")));
}

TEST_F(DstdomainReader, WhichAclIsAskedWhereThereAreSeveral) {
  const auto path = file("squid.conf", squid_conf);
  EXPECT_THAT(names(read_dstdomains(path, {})), ElementsAre(HasSubstr("bad, good")));
  EXPECT_THAT(names(read_dstdomains(path, "localnet")), ElementsAre(HasSubstr("no ACL of names is called")));
  // The file that it names is missing.
  EXPECT_THAT(names(read_dstdomains(path, "bad")), ElementsAre(HasSubstr("squid.conf:5 names it")));
  EXPECT_THAT(names(read_dstdomains(file("s.conf", "acl a src 10.0.0.0/8\n"), {})),
              ElementsAre(HasSubstr("no ACL of this squid.conf")));
  EXPECT_THAT(names(read_dstdomains(file("l.txt", ".evil.com\n"), "bad")), ElementsAre(HasSubstr("has no ACLs")));
  EXPECT_THAT(names(read_dstdomains(file("empty.txt", "# none\n"), {})), IsEmpty());
  EXPECT_THAT(names(read_dstdomains((directory_ / "gone.txt").string(), {})), ElementsAre(HasSubstr("gone.txt")));
}

}  // namespace
}  // namespace intelwall::intel
