#include "core/domain_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace intelwall {
namespace {

using testing::HasSubstr;

enum class Kind { plain, wildcard };
constexpr Kind wildcard = Kind::wildcard;

struct Understood {
  std::string text;
  std::string name;
  Kind kind = Kind::plain;
  friend void PrintTo(const Understood& row, std::ostream* out) { *out << printable(row.text); }
};

class Accepts : public testing::TestWithParam<Understood> {};

TEST_P(Accepts, WhatPeopleAndFeedsWrite) {
  const auto spec = parse_domain(GetParam().text);
  ASSERT_TRUE(spec) << spec.error().to_text();
  EXPECT_EQ(spec->name.text(), GetParam().name);
  EXPECT_EQ(spec->scope, Scope::subdomains);
  // A plain name takes the caller's scope, a wildcard never does.
  const auto exact = parse_domain(GetParam().text, Scope::exact);
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->scope, GetParam().kind == Kind::wildcard ? Scope::subdomains : Scope::exact);
}

INSTANTIATE_TEST_SUITE_P(
    DomainName, Accepts,
    testing::Values(
        Understood{"evil.com", "evil.com"}, Understood{"EVIL.Com.", "evil.com"},
        Understood{"  evil.com\r\n", "evil.com"}, Understood{"*.evil.com", "evil.com", wildcard},
        Understood{".evil.com", "evil.com", wildcard}, Understood{"hxxp://*.evil[.]com/x", "evil.com", wildcard},
        Understood{"hxxp://evil[.]com", "evil.com"}, Understood{"hXXps://evil[.]com/a?b#c", "evil.com"},
        Understood{"h**p://evil.com", "evil.com"}, Understood{"hxxp[:]//evil[.]com", "evil.com"},
        Understood{"hxxp[://]evil[.]com", "evil.com"}, Understood{"evil(.)com", "evil.com"},
        Understood{"evil{.}com", "evil.com"}, Understood{"a[dot]evil[DOT]com", "a.evil.com"},
        Understood{"evil(dot)com", "evil.com"}, Understood{"evil[.]com[:]8080", "evil.com"},
        Understood{"evil.com:443", "evil.com"}, Understood{"evil.com:443/path", "evil.com"},
        Understood{"//evil.com/x", "evil.com"},
        Understood{"https://user:pass@www.evil.com:8443/p?q=http://good.com/@x#f", "www.evil.com"},
        Understood{"https://good.com@evil.com/", "evil.com"}, Understood{"http://a@b@evil.com", "evil.com"},
        Understood{"http://evil.com?@good.com", "evil.com"}, Understood{"http://evil.com#@good.com", "evil.com"},
        Understood{"evil.com/?u=http://good.com", "evil.com"}, Understood{"http://evil.com/a;b='c'", "evil.com"},
        Understood{"http://evil.com:/", "evil.com"}, Understood{"ftp://evil.com", "evil.com"},
        Understood{"tcp://evil.com:4444", "evil.com"}, Understood{"<https://evil.com/>", "evil.com"},
        Understood{"_dmarc.evil_host.com", "_dmarc.evil_host.com"},
        Understood{"r3---sn-ab.evil.com", "r3---sn-ab.evil.com"}, Understood{"ab--cd.com", "ab--cd.com"},
        Understood{"1.2.3.4.in-addr.arpa", "1.2.3.4.in-addr.arpa"}, Understood{"163.com", "163.com"},
        Understood{"d41d8cd98f00b204e9800998ecf8427e.com", "d41d8cd98f00b204e9800998ecf8427e.com"},
        Understood{"dead.beef", "dead.beef"}, Understood{"пример.рф", "xn--e1afmkfd.xn--p1ai"},
        Understood{"ПРИМЕР.РФ", "xn--e1afmkfd.xn--p1ai"}, Understood{"straße.de", "xn--strae-oqa.de"},
        Understood{"раураӏ.com", "xn--80aa0cbo65f.com"}, Understood{"ｅｖｉｌ。ｃｏｍ", "evil.com"},
        Understood{"evil．com", "evil.com"}, Understood{"evil｡com", "evil.com"},
        Understood{"r3---sn.пример.рф", "r3---sn.xn--e1afmkfd.xn--p1ai"}, Understood{"xn--i-7iq.ws", "xn--i-7iq.ws"},
        Understood{"xn--zzzzzzzzzzzz.com", "xn--zzzzzzzzzzzz.com"}));

struct Refused {
  std::string text;
  std::string reason;
  friend void PrintTo(const Refused& row, std::ostream* out) { *out << printable(row.text); }
};

class Refuses : public testing::TestWithParam<Refused> {};

TEST_P(Refuses, WithItsReason) {
  const auto spec = parse_domain(GetParam().text);
  ASSERT_FALSE(spec) << spec->name.text();
  EXPECT_EQ(spec.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(spec.error().message, HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    DomainName, Refuses,
    testing::Values(
        Refused{"", "is empty"}, Refused{"   ", "is empty"}, Refused{"http://", "is empty"}, Refused{"<>", "is empty"},
        Refused{".", "empty label"}, Refused{"evil..com", "empty label"}, Refused{"evil.com..", "empty label"},
        Refused{"..evil.com", "empty label"}, Refused{"*..evil.com", "empty label"}, Refused{"evil", "single label"},
        Refused{"localhost.", "single label"}, Refused{"*.com", "single label"}, Refused{".com", "single label"},
        Refused{"1.2.3.4", "IP address"}, Refused{"1[.]2[.]3[.]4", "IP address"}, Refused{"1.2.3.4:80", "IP address"},
        Refused{"http://u@1.2.3.4/evil.com", "IP address"}, Refused{"10.0.0.0/8", "IP address"},
        Refused{"::1", "IP address"}, Refused{"2001:db8::1%eth0", "IP address"},
        Refused{"[2001:db8::1]:443", "IP address"}, Refused{"http://[::ffff:1.2.3.4]/", "IP address"},
        Refused{"2130706433", "IP address"}, Refused{"0x7f.1", "IP address"}, Refused{"0x7f000001", "IP address"},
        Refused{"127.0x1", "IP address"}, Refused{"0177.0.0.1", "IP address"}, Refused{"１.２.３.４", "IP address"},
        Refused{"1.2.3.4.", "IP address"}, Refused{"evil.123", "ends in a number"},
        Refused{"evil.0x1f", "ends in a number"}, Refused{"d41d8cd98f00b204e9800998ecf8427e", "looks like a hash"},
        Refused{"DA39A3EE5E6B4B0D3255BFEF95601890AFD80709", "looks like a hash"},
        Refused{std::string(64, 'a'), "looks like a hash"}, Refused{std::string(128, '7'), "looks like a hash"},
        Refused{std::string(64, 'x') + ".com", "label of 64 bytes"},
        Refused{std::string(63, 'x') + "." + std::string(63, 'x') + "." + std::string(63, 'x') + "." +
                    std::string(58, 'x') + ".com",
                "is 254 bytes long"},
        Refused{std::string(20'000, 'x') + ".com", "bytes long"}, Refused{"evil.com\"; sid:1; (", "quote"},
        Refused{"'evil.com'", "quote"}, Refused{"\"evil.com\"", "quote"}, Refused{"http://evil.com/\"x", "quote"},
        Refused{"`id`.com", "quote"}, Refused{"evil.com;sid", "semicolon"}, Refused{"evil;.com", "semicolon"},
        Refused{"evil .com", "white space"}, Refused{"evil.com\nbad.com", "white space"},
        Refused{"http://evil.com/a b", "white space"}, Refused{"evil\xe3\x80\x80.com", "white space"},
        Refused{std::string("evil\0.com", 9), "control character"}, Refused{"evil\x1b[2J.com", "control character"},
        Refused{"evil\x7f.com", "control character"}, Refused{"http://evil.com/\x01", "control character"},
        Refused{"a*.evil.com", "wildcard elsewhere"}, Refused{"a.*.com", "wildcard elsewhere"},
        Refused{"**.evil.com", "wildcard elsewhere"}, Refused{"*.*.evil.com", "wildcard elsewhere"},
        Refused{"*evil.com", "wildcard elsewhere"}, Refused{"*", "wildcard elsewhere"}, Refused{"*.", "wildcard"},
        Refused{"-evil.com", "hyphen"}, Refused{"evil-.com", "hyphen"}, Refused{"a.-.com", "hyphen"},
        Refused{"user@evil.com", "e-mail address"}, Refused{"mailto:user@evil.com", "e-mail address"},
        Refused{"user[at]evil[.]com", "e-mail address"}, Refused{"evil.com:", "colon without a port"},
        Refused{"evil.com:99999999", "colon without a port"}, Refused{"javascript:alert(1)", "colon without a port"},
        Refused{"evil.com://good.com", "no scheme"}, Refused{"://evil.com", "no scheme"},
        Refused{"http://evil.com\\@good.com", "'\\'"}, Refused{"evil%2ecom.net", "'%'"}, Refused{"evil,com.net", "','"},
        Refused{"$HOME.com", "'$'"}, Refused{"evil.com|41|", "'|'"}, Refused{"\xff.com", "not valid UTF-8"},
        Refused{"http://evil.com/\xc3", "not valid UTF-8"}, Refused{"\xed\xa0\x80.com", "not valid UTF-8"},
        Refused{"☃.net", "no international name"}, Refused{"\xe2\x80\x8b.com", "IDNA drops"},
        Refused{"a\xef\xb9\x92\xd0\xb0.com", "no"}, Refused{"xn--пример.com", "no international name"}));

TEST(DomainName, TakesOnlyABareName) {
  EXPECT_EQ(DomainName::parse("Evil.COM.")->text(), "evil.com");
  EXPECT_EQ(DomainName::parse("пример.рф")->text(), "xn--e1afmkfd.xn--p1ai");
  for (const char* text : {"http://evil.com", "*.evil.com", ".evil.com", "evil[.]com", "evil.com:80", "evil.com/",
                           " evil.com", "evil.com\n", "evil.com.."}) {
    EXPECT_FALSE(DomainName::parse(text)) << text;
  }
}

TEST(DomainName, TakesTheLongestThatDnsAllows) {
  const std::string label(63, 'x');
  const std::string longest = label + "." + label + "." + label + "." + std::string(57, 'x') + ".com";
  ASSERT_EQ(longest.size(), 253U);
  EXPECT_EQ(DomainName::parse(longest + ".")->text(), longest);
}

TEST(DomainName, IsOneAsItStands) {
  for (const auto* name : {"evil.com", "a.b-c.d_e.com", "xn--bcher-kva.example", "evil.7z"})
    EXPECT_TRUE(DomainName::is_name(name)) << name;
  for (const auto* other : {"", "com", "Evil.com", "evil.com.", "*.evil.com", "bücher.example", "evil..com", "-a.com",
                            "10.0.0.1", "a b.com", "evil.com\n"})
    EXPECT_FALSE(DomainName::is_name(other)) << other;
}

TEST(DomainName, KnowsItsParents) {
  const DomainName name = DomainName::parse("a.b.evil.com").value();
  EXPECT_EQ(name.label_count(), 4U);
  EXPECT_EQ(name.parent_text(), "b.evil.com");
  EXPECT_EQ(DomainName::parse("evil.com")->parent_text(), "com");
  for (const char* above : {"a.b.evil.com", "b.evil.com", "evil.com", "com"})
    EXPECT_TRUE(name.is_within(above)) << above;
  for (const char* other : {"", ".com", "vil.com", "x.a.b.evil.com", "evil.org", "b.evil", "om"}) {
    EXPECT_FALSE(name.is_within(other)) << other;
  }
}

TEST(DomainSpec, CoversByLabelsOnly) {
  const auto name = [](const char* text) { return DomainName::parse(text).value(); };
  const DomainSpec all{.name = name("evil.com"), .scope = Scope::subdomains};
  const DomainSpec one{.name = name("evil.com"), .scope = Scope::exact};
  EXPECT_TRUE(all.covers(name("evil.com")) && all.covers(name("a.b.evil.com")));
  EXPECT_TRUE(one.covers(name("evil.com")));
  EXPECT_FALSE(one.covers(name("a.evil.com")));
  for (const DomainSpec& spec : {all, one}) {
    EXPECT_FALSE(spec.covers(name("notevil.com")));
    EXPECT_FALSE(spec.covers(name("evil.com.example.org")));
  }
}

TEST(ToUnicode, DecodesWhatDecodes) {
  EXPECT_EQ(to_unicode(DomainName::parse("a.xn--e1afmkfd.xn--p1ai").value()), "a.пример.рф");
  EXPECT_EQ(to_unicode(DomainName::parse("xn--zzzzzzzzzzzz.com").value()), "xn--zzzzzzzzzzzz.com");
  EXPECT_EQ(to_unicode(DomainName::parse("evil.com").value()), "evil.com");
}

}  // namespace
}  // namespace intelwall
