#include "policy/guardrails.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "support/real_data.hpp"

namespace intelwall::policy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<ListEntry> list(std::string_view text) {
  auto parsed = parse_list(text, "test");
  EXPECT_TRUE(parsed) << parsed.error().to_text();
  return *std::move(parsed);
}

Guardrails rails(std::string_view zones, std::string_view allowed = "", std::string_view warned = "") {
  return Guardrails::make({.protected_zones = list(zones), .allowed = list(allowed), .warned = list(warned)}).value();
}

DomainSpec spec(std::string_view name, Scope scope = Scope::subdomains) {
  return {.name = DomainName::parse(name).value(), .scope = scope};
}

std::vector<std::string> codes(const Judgement& judgement) {
  std::vector<std::string> all;
  for (const Reason& reason : judgement.reasons) all.push_back(reason.code);
  return all;
}

/// "verdict: code code" of a name that somebody asks to block.
std::string judged(const Guardrails& guardrails, std::string_view name, Scope scope = Scope::subdomains,
                   Insistence insistence = Insistence::normal) {
  const Judgement judgement = guardrails.judge(spec(name, scope), insistence);
  std::string text = std::string(to_string(judgement.verdict)) + ":";
  for (const Reason& reason : judgement.reasons) {
    EXPECT_FALSE(reason.text.empty());
    if (reason.code != "requested") text += " " + reason.code;
  }
  return text;
}

TEST(Guardrails, BlockAPlainName) {
  const Guardrails none = rails("");
  const Judgement judgement = none.judge(spec("evil.com"));
  EXPECT_EQ(judgement.verdict, Verdict::block);
  EXPECT_THAT(codes(judgement), ElementsAre("requested"));
}

TEST(Guardrails, RefusePublicSuffixesWhateverIsAsked) {
  const Guardrails none = rails("");
  for (const char* suffix : {"co.uk", "github.io", "s3.amazonaws.com", "cloudfront.net", "公司.cn", "x.kawasaki.jp"}) {
    for (const Scope scope : {Scope::exact, Scope::subdomains}) {
      for (const Insistence insistence : {Insistence::normal, Insistence::forced}) {
        EXPECT_EQ(judged(none, suffix, scope, insistence), "refuse: public-suffix") << suffix;
      }
    }
  }
  EXPECT_THAT(none.judge(spec("co.uk")).reasons.front().text, HasSubstr("ICANN section"));
  EXPECT_THAT(none.judge(spec("github.io")).reasons.front().text, HasSubstr("private section"));
  for (const char* below : {"evil.co.uk", "evil.github.io", "city.kawasaki.jp"}) {
    EXPECT_EQ(judged(none, below), "block:") << below;
  }
}

TEST(Guardrails, RefuseProtectedZonesAndTheirParents) {
  const Guardrails guardrails = rails("update.vendor.com # patches\n=only.example.org\n");
  EXPECT_EQ(judged(guardrails, "update.vendor.com"), "refuse: protected-zone");
  EXPECT_EQ(judged(guardrails, "a.b.update.vendor.com", Scope::exact), "refuse: protected-zone");
  EXPECT_EQ(judged(guardrails, "a.update.vendor.com", Scope::subdomains, Insistence::forced), "refuse: protected-zone");
  EXPECT_EQ(judged(guardrails, "vendor.com"), "refuse: protected-zone");
  EXPECT_EQ(judged(guardrails, "vendor.com", Scope::exact), "block:");
  EXPECT_EQ(judged(guardrails, "other.vendor.com"), "block:");
  EXPECT_EQ(judged(guardrails, "notupdate.vendor.com"), "block:");
  EXPECT_EQ(judged(guardrails, "update.vendor.com.evil.net"), "block:");
  EXPECT_EQ(judged(guardrails, "only.example.org"), "refuse: protected-zone");
  EXPECT_EQ(judged(guardrails, "example.org"), "refuse: protected-zone");
  EXPECT_EQ(judged(guardrails, "x.only.example.org"), "block:");
  EXPECT_THAT(guardrails.judge(spec("vendor.com")).reasons.front().text, HasSubstr("update.vendor.com (patches)"));
}

TEST(Guardrails, AskAboutCustomersInsideAZone) {
  const Guardrails guardrails = rails("amazonaws.com\ncloudfront.net\nmine.s3.amazonaws.com\n");
  EXPECT_EQ(judged(guardrails, "bucket.s3.amazonaws.com"), "ask: customer-name");
  EXPECT_EQ(judged(guardrails, "d111.cloudfront.net"), "ask: customer-name");
  EXPECT_EQ(judged(guardrails, "bucket.s3.amazonaws.com", Scope::exact, Insistence::forced),
            "block: customer-name forced");
  for (const char* name : {"bucket.s3.eu-west-1.amazonaws.com", "a.b.s3.dualstack.eu-west-1.amazonaws.com",
                           "x.s3-accelerate.amazonaws.com", "x.execute-api.eu-west-1.amazonaws.com"}) {
    EXPECT_EQ(judged(guardrails, name), "ask: customer-name") << name;
  }
  for (const char* name : {"ec2.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", "x.s3.a.b.amazonaws.com",
                           "execute-api.eu-west-1.amazonaws.com", "s3-accelerate.amazonaws.com"}) {
    EXPECT_EQ(judged(guardrails, name), "refuse: protected-zone") << name;
  }
  EXPECT_EQ(judged(guardrails, "s3.amazonaws.com"), "refuse: public-suffix protected-zone protected-zone");
  EXPECT_EQ(judged(guardrails, "a.mine.s3.amazonaws.com"), "refuse: protected-zone") << "the user's own bucket";
}

TEST(Guardrails, AllowlistHoldsInBothDirections) {
  const Guardrails guardrails = rails("", "good.partner.com # the partner's API\n=one.example.org\n");
  EXPECT_EQ(judged(guardrails, "good.partner.com"), "refuse: allowlisted");
  EXPECT_EQ(judged(guardrails, "a.good.partner.com", Scope::exact), "refuse: allowlisted");
  EXPECT_EQ(judged(guardrails, "partner.com"), "refuse: allowed-below");
  EXPECT_EQ(judged(guardrails, "partner.com", Scope::subdomains, Insistence::forced), "refuse: allowed-below");
  EXPECT_EQ(judged(guardrails, "partner.com", Scope::exact), "block:");
  EXPECT_EQ(judged(guardrails, "bad.partner.com"), "block:");
  EXPECT_EQ(judged(guardrails, "one.example.org"), "refuse: allowlisted");
  EXPECT_EQ(judged(guardrails, "a.one.example.org"), "block:");
  EXPECT_EQ(judged(guardrails, "example.org"), "refuse: allowed-below");
  EXPECT_THAT(guardrails.judge(spec("partner.com")).reasons.front().text,
              testing::AllOf(HasSubstr("good.partner.com (the partner's API)"), HasSubstr("--exact")));
}

TEST(Guardrails, AskAboutPopularNames) {
  const Guardrails guardrails =
      rails("", "", "popular.com\ngithub.io\n=apex.org\nwww.deep.net\nwindows.net\namazonaws.com\n");
  EXPECT_EQ(judged(guardrails, "popular.com"), "ask: popular");
  EXPECT_EQ(judged(guardrails, "a.popular.com"), "ask: popular");
  EXPECT_EQ(judged(guardrails, "popular.com", Scope::exact), "ask: popular");
  EXPECT_EQ(judged(guardrails, "popular.com", Scope::subdomains, Insistence::forced), "block: popular forced");
  EXPECT_EQ(judged(guardrails, "unpopular.com"), "block:");
  EXPECT_EQ(judged(guardrails, "apex.org"), "ask: popular");
  EXPECT_EQ(judged(guardrails, "a.apex.org"), "block:");
  EXPECT_EQ(judged(guardrails, "deep.net"), "ask: popular");
  EXPECT_EQ(judged(guardrails, "deep.net", Scope::exact), "block:");
  EXPECT_EQ(judged(guardrails, "evil.github.io"), "block:") << "a customer's page is nobody's popular name";
  EXPECT_EQ(judged(guardrails, "github.io"), "refuse: public-suffix popular");
  EXPECT_EQ(judged(guardrails, "bucket.s3.eu-west-1.amazonaws.com"), "block:");
  EXPECT_EQ(judged(guardrails, "login.windows.net"), "ask: popular");
}

TEST(Guardrails, TellAllReasonsStrongestFirst) {
  const Guardrails guardrails = rails("zone.com\n", "a.zone.com\n", "zone.com\n");
  EXPECT_EQ(judged(guardrails, "zone.com"), "refuse: protected-zone allowed-below popular");
  EXPECT_EQ(judged(guardrails, "a.zone.com"), "refuse: protected-zone allowlisted popular");
}

TEST(Guardrails, BlockAHomographAsItself) {
  const Guardrails guardrails = rails("", "", "paypal.com\n");
  const Judgement judgement = guardrails.judge(spec("раураӏ.com"));  // all letters Cyrillic
  EXPECT_EQ(judgement.verdict, Verdict::block);
  ASSERT_THAT(codes(judgement), Contains("homograph"));
  EXPECT_THAT(judgement.reasons.front().text, testing::AllOf(HasSubstr("xn--80aa0cbo65f.com"), HasSubstr("раураӏ.com"),
                                                             HasSubstr("looks like paypal.com")));
  EXPECT_EQ(judged(guardrails, "пример.рф"), "block:") << "a foreign name that looks like no other";
  EXPECT_EQ(judged(guardrails, "xn--zzzzzzzzzzzz.com"), "block:");
}

findings::Candidate candidate(const char* name, findings::Grade grade) {
  return {.domain = spec(name), .text = name, .evidence = {.path = "", .text = name, .grade = grade}, .why_not = ""};
}

TEST(Guardrails, OnlyAnIndicatorBlocks) {
  const Guardrails guardrails = rails("zone.com\n", "", "popular.com\n");
  findings::Finding finding;
  finding.product = "crowdstrike-falcon";
  using findings::Grade;
  EXPECT_THAT(codes(guardrails.judge(finding, candidate("evil.com", Grade::ioc))), ElementsAre("ioc"));
  EXPECT_EQ(guardrails.judge(finding, candidate("evil.com", Grade::ioc)).verdict, Verdict::block);
  EXPECT_THAT(guardrails.judge(finding, candidate("evil.com", Grade::ioc)).reasons.front().text,
              HasSubstr("crowdstrike-falcon"));
  const Judgement seen = guardrails.judge(finding, candidate("evil.com", Grade::observed));
  EXPECT_EQ(seen.verdict, Verdict::ask);
  EXPECT_THAT(codes(seen), ElementsAre("observed-only"));
  EXPECT_EQ(guardrails.judge(finding, candidate("evil.com", Grade::observed), Insistence::forced).verdict,
            Verdict::block);
  EXPECT_EQ(guardrails.judge(finding, candidate("a.zone.com", Grade::observed), Insistence::forced).verdict,
            Verdict::refuse);
}

TEST(Guardrails, RefuseSamplesAndWhatIsNoDomain) {
  const Guardrails guardrails = rails("");
  findings::Finding finding;
  findings::Candidate hash;
  hash.text = "d41d8cd98f00b204e9800998ecf8427e";
  hash.why_not = "looks like a \x1b[1mhash";
  const Judgement none = guardrails.judge(finding, hash, Insistence::forced);
  EXPECT_EQ(none.verdict, Verdict::refuse);
  EXPECT_THAT(codes(none), ElementsAre("no-domain"));
  EXPECT_EQ(none.reasons.front().text, "looks like a \\x1b[1mhash");
  finding.sample = true;
  const Judgement sample = guardrails.judge(finding, candidate("evil.com", findings::Grade::ioc), Insistence::forced);
  EXPECT_EQ(sample.verdict, Verdict::refuse);
  EXPECT_THAT(codes(sample), ElementsAre("sample", "ioc"));
  EXPECT_THAT(codes(guardrails.judge(finding, hash)), ElementsAre("sample", "no-domain"));
}

class Shipped : public testing::Test {
 protected:
  Guardrails guardrails_ = rails(shipped_protected_zones(), "", shipped_popular_names());
};

TEST_F(Shipped, ListsAreWellKept) {
  std::set<DomainSpec> seen;
  for (const ListEntry& zone : guardrails_.lists().protected_zones) {
    EXPECT_TRUE(seen.insert(zone.domain).second) << zone.domain.name.text() << " twice";
    const bool endpoint = zone.domain.name.is_within("us-east-1.amazonaws.com");
    EXPECT_TRUE(endpoint || !zone.note.empty()) << zone.domain.name.text() << " without a reason";
  }
  EXPECT_GT(seen.size(), 150U);
  EXPECT_GT(guardrails_.lists().warned.size(), 1'000U);
}

TEST_F(Shipped, ZonesKeepWhatTheBusinessStandsOn) {
  for (const char* name : {"amazonaws.com",
                           "network-firewall.us-east-1.amazonaws.com",
                           "sts.us-east-1.amazonaws.com",
                           "sts.eu-west-1.amazonaws.com",
                           "ssm.eu-central-1.amazonaws.com",
                           "console.aws.amazon.com",
                           "amazon.com",
                           "crowdstrike.com",
                           "api.us-2.crowdstrike.com",
                           "ts01-b.cloudsink.net",
                           "windowsupdate.com",
                           "microsoft.com",
                           "fe2.update.microsoft.com",
                           "apple.com",
                           "ubuntu.com",
                           "security.ubuntu.com",
                           "deb.debian.org",
                           "ocsp.digicert.com",
                           "r3.o.lencr.org",
                           "canonical.com"}) {
    EXPECT_EQ(guardrails_.judge(spec(name), Insistence::forced).verdict, Verdict::refuse) << name;
  }
  for (const char* name : {"bucket.s3.amazonaws.com", "d111.cloudfront.net", "bucket.s3.eu-west-1.amazonaws.com",
                           "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com", "x.execute-api.us-east-1.amazonaws.com"}) {
    EXPECT_EQ(guardrails_.judge(spec(name)).verdict, Verdict::ask) << name;
  }
  for (const char* name : {"youtube.com", "drive.google.com"}) {
    EXPECT_EQ(guardrails_.judge(spec(name)).verdict, Verdict::ask) << name;
  }
  EXPECT_EQ(guardrails_.judge(spec("raw.githubusercontent.com.evil.com")).verdict, Verdict::block);
}

TEST_F(Shipped, RealIndicatorsAreMostlyBlocked) {
  const auto names = testing_support::real_names("malicious-domains.tsv.zst");
  if (!names) GTEST_SKIP() << "no real data beside the source tree: " << names.error().to_text();
  std::map<std::string, std::size_t> held;
  for (const std::string& name : *names) {
    const Judgement judgement = guardrails_.judge(spec(name));
    if (judgement.verdict != Verdict::block) ++held[judgement.reasons.front().code];
  }
  std::size_t all = 0;
  for (const auto& [code, count] : held) {
    RecordProperty(code, std::to_string(count));
    all += count;
  }
  EXPECT_LT(all, names->size() / 50) << "guardrails that hold back more than 2% are in the way";
}

}  // namespace
}  // namespace intelwall::policy
