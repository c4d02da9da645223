#include "core/public_suffix.hpp"

#include <gtest/gtest.h>

namespace intelwall {
namespace {

class PublicSuffixTest : public testing::Test {
 protected:
  static DomainName name(const char* text) { return DomainName::parse(text).value(); }
  PublicSuffixes suffixes_ = PublicSuffixes::load().value();
};

TEST_F(PublicSuffixTest, TellsTheSectionsApart) {
  EXPECT_EQ(suffixes_.kind_of(name("co.uk")), SuffixKind::icann);
  EXPECT_EQ(suffixes_.kind_of(name("公司.cn")), SuffixKind::icann);
  EXPECT_EQ(suffixes_.kind_of(name("kawasaki.jp")), SuffixKind::icann);
  EXPECT_EQ(suffixes_.kind_of(name("anything.kawasaki.jp")), SuffixKind::icann);  // *.kawasaki.jp
  EXPECT_EQ(suffixes_.kind_of(name("city.kawasaki.jp")), SuffixKind::none);       // !city.kawasaki.jp
  EXPECT_EQ(suffixes_.kind_of(name("github.io")), SuffixKind::private_domain);
  EXPECT_EQ(suffixes_.kind_of(name("s3.amazonaws.com")), SuffixKind::private_domain);
  EXPECT_EQ(suffixes_.kind_of(name("cloudfront.net")), SuffixKind::private_domain);
  for (const char* plain : {"evil.com", "amazonaws.com", "evil.github.io", "bbc.co.uk", "no.such-top-level"}) {
    EXPECT_EQ(suffixes_.kind_of(name(plain)), SuffixKind::none) << plain;
  }
}

TEST_F(PublicSuffixTest, FindsTheRegistrableName) {
  EXPECT_EQ(suffixes_.registrable(name("a.b.evil.com")), name("evil.com"));
  EXPECT_EQ(suffixes_.registrable(name("evil.com")), name("evil.com"));
  EXPECT_EQ(suffixes_.registrable(name("a.evil.github.io")), name("evil.github.io"));
  EXPECT_EQ(suffixes_.registrable(name("a.b.no.such-top-level")), name("no.such-top-level"));
  EXPECT_EQ(suffixes_.registrable(name("github.io")), std::nullopt);
  EXPECT_EQ(suffixes_.registrable(name("co.uk")), std::nullopt);
}

TEST_F(PublicSuffixTest, FindsTheSuffixAbove) {
  const auto expect = [&](const char* text, const char* suffix, SuffixKind kind) {
    const PublicSuffixes::Suffix found = suffixes_.suffix_above(name(text));
    EXPECT_EQ(found.text, suffix) << text;
    EXPECT_EQ(found.kind, kind) << text;
  };
  expect("a.b.evil.com", "com", SuffixKind::icann);
  expect("www.bbc.co.uk", "co.uk", SuffixKind::icann);
  expect("co.uk", "uk", SuffixKind::icann);
  expect("a.evil.github.io", "github.io", SuffixKind::private_domain);
  expect("github.io", "io", SuffixKind::icann);
  expect("bucket.s3.amazonaws.com", "s3.amazonaws.com", SuffixKind::private_domain);
  expect("ec2.amazonaws.com", "com", SuffixKind::icann);
  expect("a.no.such-top-level", "such-top-level", SuffixKind::none);
}

}  // namespace
}  // namespace intelwall
