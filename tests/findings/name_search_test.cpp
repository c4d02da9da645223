#include "findings/name_search.hpp"

#include <gmock/gmock.h>

namespace intelwall::findings {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> names(std::string_view text, BareNames bare = BareNames::take) {
  NameSearch search;
  std::vector<std::string> found;
  for (const auto& hit : search.in(text, bare)) found.push_back(hit.domain.name.text());
  return found;
}

TEST(NameSearch, FindsWhatPeopleWrite) {
  EXPECT_THAT(names("contacted evil.com."), ElementsAre("evil.com"));
  EXPECT_THAT(names("(see www.Evil.co.uk), then \"a.evil.org\""), ElementsAre("www.evil.co.uk", "a.evil.org"));
  EXPECT_THAT(names("hxxps://evil[.]com:8443/a?b=c and evil[dot]net or evil(.)org!"),
              ElementsAre("evil.com", "evil.net", "evil.org"));
  EXPECT_THAT(names("url=http://u:p@evil.com/x.exe;domain:bad.net dst=worse.net:443"),
              ElementsAre("evil.com", "bad.net", "worse.net"));
  EXPECT_THAT(names("evil.com/path/file.zip"), ElementsAre("evil.com"));
  EXPECT_THAT(names("*.evil.com"), ElementsAre("evil.com"));
  EXPECT_THAT(names("bücher.de"), ElementsAre("xn--bcher-kva.de"));
}

TEST(NameSearch, LeavesWhatOnlyLooksLikeAName) {
  for (const auto* text : {"cmd.exe",
                           "foo.dll",
                           "report.pdf",
                           "powershell.exe -File run.ps1",
                           "v1.2.3",
                           "Windows 10.0.19045",
                           "198.51.100.7",
                           "http://198.51.100.7/x",
                           "helper.sh",
                           "setup.py",
                           "archive.zip",
                           "readme.md",
                           "libc.so",
                           "alice@evil.com",
                           "C:\\Temp\\evil.com",
                           "/usr/lib/evil.com",
                           "arn:aws:s3:::evil.com",
                           "ec2.amazonaws.com",
                           "s3.amazonaws.com",
                           "docs.aws.amazon.com",
                           "https://console.aws.amazon.com/ec2",
                           "localhost",
                           "e.g. this",
                           "Mr. Smith",
                           "...",
                           "[.]",
                           "a..com",
                           "com.",
                           ".com",
                           "",
                           "host.internal",
                           "printer.local",
                           "http://intranet/x",
                           "://evil",
                           "//",
                           "[dot]"}) {
    EXPECT_THAT(names(text), IsEmpty()) << text;
  }
}

TEST(NameSearch, TellsFileEndingsFromNamesByLabels) {
  EXPECT_THAT(names("www.evil.sh"), ElementsAre("www.evil.sh"));
  EXPECT_THAT(names("http://evil.zip/"), ElementsAre("evil.zip"));
  EXPECT_THAT(names("evil[.]sh"), ElementsAre("evil.sh"));
}

TEST(NameSearch, TakesACustomersNameBelowAws) {
  EXPECT_THAT(names("bucket-1.s3.amazonaws.com"), ElementsAre("bucket-1.s3.amazonaws.com"));
}

TEST(NameSearch, CommandLinesGiveOnlyAddresses) {
  EXPECT_THAT(names("java -Dcom.example.name=x evil.com curl http://bad.com/x", BareNames::leave),
              ElementsAre("bad.com"));
  EXPECT_THAT(names("ping evil[.]com", BareNames::leave), ElementsAre("evil.com"));
}

TEST(NameSearch, LooksAtTheFirst16KiB) {
  const std::string filler(20'000, ' ');
  EXPECT_THAT(names("evil.com" + filler + "bad.com"), ElementsAre("evil.com"));
}

TEST(NameSearch, MayHoldName) {
  EXPECT_TRUE(may_hold_name("a.b"));
  EXPECT_TRUE(may_hold_name("evil[DOT]com"));
  EXPECT_TRUE(may_hold_name("(x) evil(dot)com"));
  EXPECT_FALSE(may_hold_name("evil (do"));
  EXPECT_FALSE(may_hold_name("[("));
}

}  // namespace
}  // namespace intelwall::findings
