#include <gmock/gmock.h>

#include "findings/support.hpp"

namespace intelwall::findings {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* falcon_value = "ioc {} <- ProductFields['crowdstrike/crowdstrike-falcon/IOCValue']";
constexpr const char* command_line =
    "observed cdn.stage-two.example.net <- ProductFields['crowdstrike/crowdstrike-falcon/CommandLine']";

std::string falcon(std::string_view what) {
  return fmt::format(fmt::runtime(falcon_value), what);
}

ReadReport read(std::string_view name) {
  return read_findings(fixture(name));
}

std::vector<std::string> ids(const ReadReport& report) {
  std::vector<std::string> all;
  all.reserve(report.findings.size());
  for (const auto& finding : report.findings) all.push_back(finding.id);
  return all;
}

TEST(Formats, FalconGatewayFinding) {
  const auto report = read("falcon_asff.json");
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_EQ(report.records, 1U);
  EXPECT_FALSE(report.custom_action);
  const auto& finding = report.findings.front();
  EXPECT_EQ(finding.source, Source::security_hub);
  EXPECT_EQ(finding.id, "crowdstrike:crowdstrike-falcon:ldt:1");
  EXPECT_EQ(finding.product_arn, "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon");
  EXPECT_EQ(finding.product, "crowdstrike-falcon");
  EXPECT_EQ(finding.account, "111122223333");
  EXPECT_EQ(finding.region, "us-east-1") << "from the product ARN";
  EXPECT_EQ(finding.severity, "HIGH");
  EXPECT_EQ(finding.updated_at, "2026-11-24T14:05:00Z");
  EXPECT_FALSE(finding.sample);
  EXPECT_THAT(show(finding), ElementsAre(falcon("bad.evil.com"), command_line));
  EXPECT_EQ(finding.candidates[0].domain->scope, Scope::subdomains);
  EXPECT_EQ(finding.candidates[0].evidence.text, "bad.evil.com");
  EXPECT_EQ(finding.candidates[1].text, "http://cdn.stage-two.example.net/a.ps1");
  EXPECT_THAT(finding.candidates[1].evidence.text, HasSubstr("powershell -nop")) << "the text around it";
}

TEST(Formats, GuardDutyAsAsffKeepsTheActionsGrade) {
  const auto report = read("guardduty_asff.json");
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_EQ(report.findings[0].product, "guardduty");
  EXPECT_THAT(show(report.findings[0]), ElementsAre("ioc beacon.evil-c2.com <- Action.DnsRequestAction.Domain"));
}

TEST(Formats, EveryPlaceOfAsff) {
  const auto report = read("every_place_asff.json");
  ASSERT_THAT(report.findings, SizeIs(1));
  const auto& finding = report.findings[0];
  EXPECT_EQ(finding.severity, "CRITICAL") << "from FindingProviderFields";
  EXPECT_EQ(finding.region, "eu-west-1");
  EXPECT_THAT(
      show(finding),
      ElementsAre("ioc drop.zone.net <- Network.DestinationDomain", "ioc ti.bad.com <- ThreatIntelIndicators[0].Value",
                  "ioc url.bad.com <- ThreatIntelIndicators[1].Value",
                  "ioc refused '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' <- "
                  "ThreatIntelIndicators[2].Value",
                  "ioc refused '203.0.113.9' <- ThreatIntelIndicators[3].Value",
                  "ioc refused 'evil.com\"; sid:1; (' <- ThreatIntelIndicators[4].Value",
                  "observed seq.endpoint.net <- Detection.Sequence.Endpoints[0].Domain",
                  "observed seq.indicator.net <- Detection.Sequence.SequenceIndicators[0].Values[0]",
                  "observed seq.signal.net <- Detection.Sequence.Signals[0].SignalIndicators[0].Values[0]",
                  "observed fields.bad.net <- ProductFields['vendor/c2']", "observed login.phish.net <- Title",
                  "observed evil.org <- Description", "observed www.watering.co.uk <- Description",
                  "observed bucket-1.s3.amazonaws.com <- Description"));
  EXPECT_THAT(finding.candidates[3].why_not, HasSubstr("a hash"));
  EXPECT_THAT(finding.candidates[4].why_not, AllOf(HasSubstr("IPV4_ADDRESS"), HasSubstr("not a domain")));
  EXPECT_THAT(finding.candidates[5].why_not, Not(IsEmpty()));
}

TEST(Formats, BatchImportFindingsBody) {
  const auto report = read("batch_import.json");
  ASSERT_THAT(report.findings, SizeIs(3));
  EXPECT_EQ(report.records, 3U);
  EXPECT_THAT(
      show(report.findings[1]),
      ElementsAre(falcon("refused '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'"), command_line));
}

TEST(Formats, CustomActionGivesAllFindingsAndTheAction) {
  const auto report = read("custom_action.json");
  ASSERT_TRUE(report.custom_action);
  EXPECT_EQ(report.custom_action->arn, "arn:aws:securityhub:us-east-1:111122223333:action/custom/BlockDomain");
  EXPECT_EQ(report.custom_action->name, "Block domain");
  ASSERT_THAT(report.findings, SizeIs(2));
  EXPECT_THAT(show(report.findings[0]), ElementsAre(falcon("first.evil.com"), command_line));
  EXPECT_THAT(show(report.findings[1]), ElementsAre(falcon("second.evil.com"), command_line));
}

TEST(Formats, ImportedEvent) {
  const auto report = read("imported.json");
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_FALSE(report.custom_action);
  EXPECT_THAT(show(report.findings[0]), ElementsAre(falcon("imported.evil.com"), command_line));
}

TEST(Formats, NativeGuardDuty) {
  const auto report = read("guardduty_native.json");
  ASSERT_THAT(report.findings, SizeIs(1));
  const auto& finding = report.findings[0];
  EXPECT_EQ(finding.source, Source::guardduty);
  EXPECT_EQ(finding.id, "g1");
  EXPECT_EQ(finding.product, "guardduty");
  EXPECT_EQ(finding.product_arn, "");
  EXPECT_EQ(finding.account, "111122223333");
  EXPECT_EQ(finding.region, "us-east-1");
  EXPECT_EQ(finding.severity, "HIGH");
  EXPECT_EQ(finding.updated_at, "2026-11-24T14:05:00Z");
  EXPECT_THAT(show(finding), ElementsAre("ioc c2.evil.net <- service.action.dnsRequestAction.domain"));
}

TEST(Formats, GuardDutyEvent) {
  const auto report = read("guardduty_event.json");
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_THAT(show(report.findings[0]), ElementsAre("ioc event.evil.net <- service.action.dnsRequestAction.domain"));
}

TEST(Formats, GuardDutySdkSpelling) {
  const auto report = read("guardduty_get_findings_sdk.json");
  ASSERT_THAT(report.findings, SizeIs(2));
  EXPECT_THAT(show(report.findings[0]), ElementsAre("ioc sdk.evil.net <- Service.Action.DnsRequestAction.Domain"));
  EXPECT_EQ(report.findings[0].severity, "MEDIUM");
  EXPECT_FALSE(report.findings[0].sample);
  EXPECT_TRUE(report.findings[1].sample) << "said inside the JSON string of AdditionalInfo.Value";
}

TEST(Formats, GuardDutyWireAnswerAndSeverities) {
  const auto report = read("guardduty_get_findings.json");
  ASSERT_THAT(report.findings, SizeIs(2));
  EXPECT_EQ(report.findings[0].severity, "CRITICAL");
  EXPECT_FALSE(report.findings[0].sample);
  EXPECT_EQ(report.findings[1].severity, "LOW");
  EXPECT_TRUE(report.findings[1].sample);
  EXPECT_THAT(show(report.findings[1]), ElementsAre("ioc sample.evil.net <- service.action.dnsRequestAction.domain"))
      << "kept, so that the refusal can be told";
}

TEST(Formats, GuardDutySeverityBounds) {
  for (const auto& [number, label] : std::vector<std::pair<std::string, std::string>>{{"0", "INFORMATIONAL"},
                                                                                      {"0.9", "INFORMATIONAL"},
                                                                                      {"1", "LOW"},
                                                                                      {"3.9", "LOW"},
                                                                                      {"4.0", "MEDIUM"},
                                                                                      {"6.9", "MEDIUM"},
                                                                                      {"7", "HIGH"},
                                                                                      {"8.9", "HIGH"},
                                                                                      {"9.0", "CRITICAL"},
                                                                                      {"10", "CRITICAL"}}) {
    const auto report = read_findings(fmt::format(R"({{"id":"a","accountId":"1","severity":{}}})", number));
    ASSERT_THAT(report.findings, SizeIs(1)) << number;
    EXPECT_EQ(report.findings[0].severity, label) << number;
  }
}

TEST(Formats, SamplesInAsff) {
  const auto report = read("samples_asff.json");
  ASSERT_THAT(report.findings, SizeIs(4));
  EXPECT_THAT(report.findings, Each(Field(&Finding::sample, true)));
  EXPECT_THAT(report.findings, Each(Field(&Finding::candidates, SizeIs(1))));
}

TEST(Formats, MixedJsonLines) {
  const auto report = read("mixed.jsonl");
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_THAT(ids(report),
              ElementsAre("crowdstrike:crowdstrike-falcon:ldt:7", "g7", "crowdstrike:crowdstrike-falcon:ldt:6", "g2",
                          "arn:aws:guardduty:us-east-1:111122223333:detector/d1/finding/f1"));
}

TEST(Formats, ByteOrderMarkWindowsLinesAndConcatenation) {
  const auto one = fixture("falcon_asff.json");
  const auto two = fixture("guardduty_native.json");
  EXPECT_THAT(read_findings("\xEF\xBB\xBF" + one).findings, SizeIs(1));
  EXPECT_THAT(read_findings(one + two + one).findings, SizeIs(3)) << "pretty-printed, one after the other";
  EXPECT_THAT(ids(read_findings(asff("a") + asff("b") + " " + asff("c"))), ElementsAre("a", "b", "c")) << "one line";
  EXPECT_THAT(ids(read_findings(asff("a") + "\r\n\r\n" + asff("b") + "\r\n")), ElementsAre("a", "b"));
  EXPECT_THAT(ids(read_findings("[" + asff("a") + ",{\"Findings\":[" + asff("b") + "]}]")), ElementsAre("a", "b"));
}

TEST(Formats, AFindingWithoutADomainIsAnAnswer) {
  const auto report = read_findings(asff("a", R"(,"Title":"nothing here","ProductFields":null,"Network":{})"));
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_THAT(report.findings[0].candidates, IsEmpty());
  const auto none = read_findings("{\"Findings\":[]}");
  EXPECT_THAT(none.errors, IsEmpty());
  EXPECT_EQ(none.records, 0U);
}

TEST(Formats, StrongestEvidenceWinsOncePerName) {
  const std::string places[] = {
      R"("Description":"Evil.COM again evil.com")",
      R"("ProductFields":{"x/y":"hxxp://evil[.]com/p","b/a":"evil.com"})",
      R"("Detection":{"Sequence":{"Endpoints":[{"Domain":"evil.com"}]}})",
      R"("ThreatIntelIndicators":[{"Type":"DOMAIN","Value":"EVIL.com."}])",
      R"("Network":{"DestinationDomain":"evil.com"})",
  };
  const std::string winners[] = {
      "observed evil.com <- Description",
      "observed evil.com <- ProductFields['b/a']",
      "observed evil.com <- Detection.Sequence.Endpoints[0].Domain",
      "ioc evil.com <- ThreatIntelIndicators[0].Value",
      "ioc evil.com <- Network.DestinationDomain",
  };
  std::string rest;
  for (std::size_t i = 0; i < std::size(places); ++i) {
    rest += "," + places[i];
    const auto report = read_findings(asff("a", rest));
    ASSERT_THAT(report.findings, SizeIs(1)) << dump(report);
    EXPECT_THAT(show(report.findings[0]), ElementsAre(winners[i]));
  }
}

TEST(Formats, TheTypeOfAFalconIndicatorDecides) {
  const auto of_type = [](std::string_view type, std::string_view value) {
    const auto report =
        read_findings(asff("a", fmt::format(R"(,"ProductFields":{{"crowdstrike/crowdstrike-falcon/IOCType":"{}",)"
                                            R"("crowdstrike/crowdstrike-falcon/IOCValue":"{}"}})",
                                            type, value)));
    return report.findings.empty() ? std::vector<std::string>{dump(report)} : show(report.findings[0]);
  };
  EXPECT_THAT(of_type("Domain", "evil.com"), ElementsAre(falcon("evil.com")));
  EXPECT_THAT(of_type("domain_name", "*.evil.com"), ElementsAre(falcon("evil.com")));
  EXPECT_THAT(of_type("domain", "localhost"), ElementsAre(falcon("refused 'localhost'")));
  EXPECT_THAT(of_type("hash_md5", "evil.com"), ElementsAre(falcon("refused 'evil.com'")));
  EXPECT_THAT(of_type("filename", "setup.com"), ElementsAre(falcon("refused 'setup.com'")));
  EXPECT_THAT(of_type("", "evil.com"),
              ElementsAre("observed evil.com <- ProductFields['crowdstrike/crowdstrike-falcon/IOCValue']"));
  EXPECT_THAT(of_type("domain", ""), IsEmpty());
}

}  // namespace
}  // namespace intelwall::findings
