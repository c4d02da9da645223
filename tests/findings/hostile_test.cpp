#include <gmock/gmock.h>

#include <chrono>

#include "findings/support.hpp"

namespace intelwall::findings {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

/// The only error of input that holds nothing readable.
Error only_error(std::string_view bytes) {
  const auto report = read_findings(bytes);
  EXPECT_THAT(report.findings, IsEmpty()) << dump(report);
  EXPECT_THAT(report.errors, SizeIs(1)) << dump(report);
  if (report.errors.empty()) return {};
  EXPECT_FALSE(report.errors[0].place.empty());
  EXPECT_FALSE(report.errors[0].hint.empty());
  return report.errors[0];
}

TEST(Hostile, NothingAtAll) {
  EXPECT_THAT(only_error("").message, HasSubstr("nothing"));
  EXPECT_THAT(only_error(" \n\t\r\n").message, HasSubstr("nothing"));
  EXPECT_THAT(only_error("\xEF\xBB\xBF").message, HasSubstr("nothing"));
  EXPECT_THAT(only_error(std::string_view("\xFF\xFE{\0}\0", 6)).message, HasSubstr("UTF-16"));
}

TEST(Hostile, PlacesNameRecordLineAndPath) {
  const auto missing_id = R"({"Findings":[)" + asff("a") + "," + asff("b") + R"(,{"ProductArn":"x"}]})";
  const auto report = read_findings("\n\n" + asff("0") + "\n" + missing_id + "\n" + asff("z"));
  ASSERT_THAT(report.errors, SizeIs(1)) << dump(report);
  EXPECT_EQ(report.errors[0].place, "record 4 (line 4): Findings[2].Id");
  EXPECT_EQ(report.records, 5U);
  EXPECT_THAT(report.findings, SizeIs(4)) << "the others are read";
}

TEST(Hostile, WrongTypesNameThemselves) {
  EXPECT_EQ(only_error(asff("a", R"(,"Title":7)")).place, "record 1 (line 1): Title");
  EXPECT_EQ(only_error(asff("a", R"(,"Title":7)")).message, "must be a string, but is a number");
  EXPECT_EQ(only_error(asff("a", R"(,"ProductFields":{"x/y":{}})")).place, "record 1 (line 1): ProductFields['x/y']");
  EXPECT_EQ(only_error(asff("a", R"(,"ThreatIntelIndicators":[{"Type":"DOMAIN","Value":[]}])")).place,
            "record 1 (line 1): ThreatIntelIndicators[0].Value");
  EXPECT_EQ(only_error(asff("a", R"(,"Action":{"DnsRequestAction":{"Domain":false}})")).place,
            "record 1 (line 1): Action.DnsRequestAction.Domain");
  EXPECT_EQ(only_error(R"({"id":7,"service":{}})").place, "record 1 (line 1): id");
  EXPECT_EQ(only_error(R"({"id":"","service":{}})").message, "has no Id");
  EXPECT_EQ(only_error(R"({"id":"a","service":{"action":[]}})").place, "record 1 (line 1): service.action");
  EXPECT_EQ(only_error(R"({"Findings":{}})").place, "record 1 (line 1): Findings");
  EXPECT_EQ(only_error(R"([[1]])").place, "record 1 (line 1): [0]");
  EXPECT_THAT(only_error("7").message, HasSubstr("a number"));
  EXPECT_THAT(only_error("{}").message, HasSubstr("neither"));
  EXPECT_THAT(only_error(R"({"metadata":{},"events":{}})").message, HasSubstr("neither"));
}

TEST(Hostile, OtherEventsAreNamed) {
  EXPECT_THAT(only_error(R"({"detail-type":"EC2 Instance State-change Notification","detail":{}})").message,
              HasSubstr("EC2 Instance State-change Notification"));
  EXPECT_THAT(only_error(R"({"detail-type":"Findings Imported V2","detail":{}})").hint, HasSubstr("GuardDuty Finding"));
  EXPECT_EQ(only_error(R"({"detail-type":4})").place, "record 1 (line 1): detail-type");
  EXPECT_THAT(only_error(R"({"detail-type":"GuardDuty Finding"})").message, HasSubstr("without a detail"));
  EXPECT_EQ(only_error(R"({"detail-type":"Security Hub Findings - Imported","detail":{}})").place,
            "record 1 (line 1): detail");
  EXPECT_THAT(
      only_error(R"({"detail-type":"Security Hub Findings - Custom Action","detail":{"findings":[{"Id":"a"}]}})")
          .message,
      HasSubstr("custom action"));
}

TEST(Hostile, ABadLineCostsOnlyItself) {
  for (const auto* bad : {R"({"Id":"x","ProductArn")", R"({"Id":"x)", "garbage", "}", "]", "{]", R"({"a":{"b":[)",
                          "\"\\", "{\"Id\":\"\xff\"}", "{\"Id\":\"\x01\"}", "nul", "{\"a\":1e999}", "{}{", "[1,"}) {
    const auto report = read_findings(asff("a") + "\n" + bad + "\n" + asff("b") + "\n" + asff("c") + "\n");
    EXPECT_THAT(report.findings, SizeIs(3)) << bad << "\n" << dump(report);
    ASSERT_THAT(report.errors, testing::Not(IsEmpty())) << bad;
    EXPECT_THAT(report.errors[0].place, HasSubstr("(line 2)")) << bad;
  }
}

TEST(Hostile, ABrokenPrettyDocumentIsOneError) {
  const auto whole = fixture("batch_import.json");
  const auto report = read_findings(whole.substr(0, whole.size() - 40));
  EXPECT_THAT(report.errors, SizeIs(1)) << dump(report);
  EXPECT_EQ(report.errors[0].place, "record 1 (line 1)");
  auto comma = whole;
  comma.replace(comma.find("\"SchemaVersion\""), 1, ",");
  const auto other = read_findings(comma + asff("after"));
  EXPECT_THAT(other.errors, SizeIs(1)) << dump(other);
  EXPECT_THAT(other.findings, SizeIs(1));
}

TEST(Hostile, NestingBombs) {
  EXPECT_THAT(only_error(std::string(1'000'000, '[') + std::string(1'000'000, ']')).hint, HasSubstr("64"));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"a":)";
  EXPECT_THAT(only_error(deep + "1" + std::string(100'000, '}')).hint, HasSubstr("64"));
  EXPECT_THAT(only_error(deep).message, HasSubstr("not valid JSON"));
  EXPECT_THAT(only_error(std::string(1'000'000, '[')).message, HasSubstr("not valid JSON"));
  const auto nested = [](int levels) {
    return asff("a", ",\"x\":" + std::string(static_cast<std::size_t>(levels), '[') + "1" +
                         std::string(static_cast<std::size_t>(levels), ']'));
  };
  EXPECT_THAT(read_findings(nested(60)).findings, SizeIs(1));
  EXPECT_THAT(read_findings(nested(70)).findings, IsEmpty());
}

TEST(Hostile, UnclosedLinesStayLinear) {
  std::string lines;
  for (int i = 0; i < 300'000; ++i) lines += i % 3 == 0 ? "{\n" : "[{}\n";
  const auto report = read_findings(lines);
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_LE(report.errors.size(), 1'001U);
  std::string same_line;
  for (int i = 0; i < 1'000'000; ++i) same_line += "{}";  // hours, if each looked at the whole line
  EXPECT_EQ(read_findings(same_line).records, 1'000'000U);
}

TEST(Hostile, TooMuch) {
  const std::string big(64 * 1024 * 1024 + 1, ' ');
  EXPECT_THAT(only_error(big).message, HasSubstr("64 MiB"));

  std::string many = "[1";
  for (int i = 0; i < 5'000; ++i) many += ",1";
  const auto numbers = read_findings(many + "]");
  EXPECT_EQ(numbers.records, 5'001U);
  ASSERT_THAT(numbers.errors, SizeIs(1'001));
  EXPECT_THAT(numbers.errors.back().message, StartsWith("4001 more"));

  std::string findings = "[";
  for (int i = 0; i < 100'010; ++i) findings += (i == 0 ? "" : ",") + asff("a");
  const auto report = read_findings(findings + "]");
  EXPECT_THAT(report.findings, SizeIs(100'000));
  ASSERT_THAT(report.errors, SizeIs(1));
  EXPECT_THAT(report.errors[0].message, HasSubstr("first 100000"));
}

TEST(Hostile, TooManyCandidatesAreCutAloud) {
  std::string list;
  for (int i = 0; i < 250; ++i)
    list += fmt::format("{}{{\"Type\":\"DOMAIN\",\"Value\":\"d{}.com\"}}", i == 0 ? "" : ",", i);
  const auto report = read_findings(asff("a", ",\"ThreatIntelIndicators\":[" + list + "]"));
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_THAT(report.findings[0].candidates, SizeIs(200));
  ASSERT_THAT(report.errors, SizeIs(1));
  EXPECT_THAT(report.errors[0].message, HasSubstr("200"));
}

TEST(Hostile, TextsAreBounded) {
  const std::string a_lot(9'000, 'x');
  const auto report =
      read_findings(asff(a_lot, fmt::format(R"(,"Title":"{0}","AwsAccountId":"{0}","Region":"{0}","UpdatedAt":"{0}",
        "Severity":{{"Label":"{0}"}},"ProductFields":{{"{0}":"evil.com"}},
        "ThreatIntelIndicators":[{{"Type":"{0}","Value":"{0}"}},{{"Type":"DOMAIN","Value":"a{0}"}}])",
                                            a_lot)));
  ASSERT_THAT(report.findings, SizeIs(1));
  const auto& finding = report.findings[0];
  for (const auto& text :
       {finding.id, finding.title, finding.account, finding.region, finding.updated_at, finding.severity})
    EXPECT_EQ(text.size(), 512U);
  ASSERT_THAT(finding.candidates, SizeIs(3)) << dump(report);
  for (const auto& candidate : finding.candidates) {
    EXPECT_LE(candidate.text.size(), 512U);
    EXPECT_LE(candidate.evidence.text.size(), 512U);
    EXPECT_LE(candidate.evidence.path.size(), 512U);
    EXPECT_LE(candidate.why_not.size(), 512U);
  }
  const auto umlauts = read_findings(asff(
      "a", R"(,"Title":"x)" + [] {
        std::string text;
        for (int i = 0; i < 400; ++i) text += "ü";
        return text;
      }() + "\""));
  ASSERT_THAT(umlauts.findings, SizeIs(1));
  EXPECT_EQ(umlauts.findings[0].title.size(), 511U) << "cut between characters";
}

TEST(Hostile, RuleSyntaxInEveryIndicatorIsRefused) {
  for (const auto* text :
       {R"(evil.com\"; sid:1; ()", R"(evil.com\ndrop)", R"(evil.com;)", R"(evil.com|00|)", R"(\u0000evil.com)",
        R"(evil com)", R"(http://[::1]/)", R"(198.51.100.7)", R"(d41d8cd98f00b204e9800998ecf8427e)", "com",
        R"(ev*l.com)", R"(a..com)", R"(evil.com$(id))"}) {
    const auto report = read_findings(asff("a", fmt::format(R"(,"Network":{{"DestinationDomain":"{}"}})", text)));
    ASSERT_THAT(report.findings, SizeIs(1)) << text;
    ASSERT_THAT(report.findings[0].candidates, SizeIs(1)) << text;
    EXPECT_FALSE(report.findings[0].candidates[0].domain) << text;
    EXPECT_FALSE(report.findings[0].candidates[0].why_not.empty()) << text;
  }
}

TEST(Hostile, ErrorsArePrintable) {
  const auto report = read_findings(asff("a", ",\"ProductFields\":{\"\\u001b[31m\\n'x\":1}"));
  ASSERT_THAT(report.errors, SizeIs(1));
  for (const char c : report.errors[0].to_text()) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

}  // namespace
}  // namespace intelwall::findings
