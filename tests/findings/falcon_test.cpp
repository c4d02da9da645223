#include <gmock/gmock.h>

#include <random>

#include "findings/severity.hpp"
#include "support.hpp"

namespace intelwall::findings {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// An event with the given members in its "event".
std::string event(std::string_view members, std::string_view type = "EppDetectionSummaryEvent") {
  return fmt::format(R"({{"metadata":{{"eventType":"{}","offset":1}},"event":{{{}}}}})", type, members);
}

Finding only(std::string_view bytes) {
  const auto report = read_findings(bytes);
  EXPECT_THAT(report.findings, SizeIs(1)) << bytes;
  for (const auto& error : report.errors) ADD_FAILURE() << error.to_text();
  return report.findings.empty() ? Finding{} : report.findings[0];
}

TEST(Falcon, ReadsTheLegacyEvent) {
  const auto finding = only(fixture("falcon_detection_event.json"));
  EXPECT_STREQ(to_string(finding.source), "falcon");
  EXPECT_EQ(finding.id, "ldt:aid:123");
  EXPECT_EQ(finding.product, "crowdstrike-falcon");
  EXPECT_EQ(finding.product_arn, "");
  EXPECT_EQ(finding.title, "Intelligence Indicator - Domain");
  EXPECT_EQ(finding.severity, "HIGH");
  EXPECT_EQ(finding.updated_at, "2025-11-25T14:03:04Z");
  EXPECT_FALSE(finding.sample);
  EXPECT_THAT(show(finding), ElementsAre("ioc evil.example.com <- event.IOCValue",
                                         "observed cdn.goodbank.example <- event.DnsRequests[1].DomainName",
                                         "observed refused '203.0.113.7' <- event.NetworkAccesses[0].RemoteAddress",
                                         "observed stage.example.net <- event.DetectDescription",
                                         "observed loader.example.org <- event.ParentCommandLine"));
}

TEST(Falcon, ReadsTheRenamedEventWithItsTypesSwapped) {
  const auto finding = only(fixture("falcon_epp_event.json"));
  EXPECT_EQ(finding.id, "c0ffee:ind:aid:123-5728-1");
  EXPECT_EQ(finding.title, "IntelDomainHigh");
  EXPECT_EQ(finding.severity, "HIGH") << "70 of a hundred, without a SeverityName";
  EXPECT_EQ(finding.updated_at, "2025-11-25T14:03:05Z");
  EXPECT_THAT(show(finding), ElementsAre("ioc evil.example.com <- event.IOCValue",
                                         "observed other.example.net <- event.DnsRequests[1].DomainName",
                                         "observed refused '2001:db8::7' <- event.NetworkAccesses[0].RemoteAddress",
                                         "observed dropper.example.org <- event.GrandParentCommandLine"));
}

TEST(Falcon, ReadsAlerts) {
  const auto report = read_findings(fixture("falcon_alerts.json"));
  EXPECT_THAT(report.errors, IsEmpty());
  ASSERT_THAT(report.findings, SizeIs(2));
  const auto& finding = report.findings[0];
  EXPECT_EQ(finding.id, "c0ffee:ind:aid:123-5728-1");
  EXPECT_EQ(finding.account, "111122223333");
  EXPECT_EQ(finding.severity, "HIGH");
  EXPECT_EQ(finding.updated_at, "2026-11-24T14:04:04.973070837Z");
  EXPECT_THAT(
      show(finding),
      ElementsAre(
          "ioc evil.example.com <- ioc_value", "ioc evil2.example.com <- ioc_values[1]",
          "ioc context.example.org <- ioc_context[0].ioc_value",
          "ioc refused '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' <- ioc_context[1].ioc_value",
          "observed seen.example.net <- dns_requests[0].domain_name",
          "observed refused '203.0.113.7' <- network_accesses[0].remote_address",
          "observed stage.example.com <- cmdline"));
  EXPECT_EQ(report.findings[1].severity, "LOW");
  ASSERT_THAT(report.findings[1].candidates, SizeIs(1));
  EXPECT_THAT(report.findings[1].candidates[0].why_not, HasSubstr("a hash"));
}

TEST(Falcon, EverySpellingOfAMemberSaysTheSame) {
  const struct {
    const char *one, *other;
  } pairs[] = {
      {R"("DetectId":"d")", R"("CompositeId":"d")"},
      {R"("DetectId":"d")", R"("composite_id":"d")"},
      {R"("DetectId":"d")", R"("DetectId":"","CompositeId":"d")"},
      {R"("DetectId":"d")", R"("DetectId":null,"CompositeId":"d")"},
      {R"("DetectId":"d","DetectName":"n")", R"("DetectId":"d","Name":"n")"},
      {R"("DetectId":"d","DetectDescription":"go to evil.example.com")",
       R"("DetectId":"d","Description":"go to evil.example.com")"},
      {R"("DetectId":"d","GrandparentCommandLine":"hxxp://a[.]example[.]com")",
       R"("DetectId":"d","GrandParentCommandLine":"hxxp://a[.]example[.]com")"},
      {R"("DetectId":"d","IOCType":"domain","IOCValue":"a.example")",
       R"("DetectId":"d","IocType":"domain","iocValue":"a.example")"},
      {R"("DetectId":"d","DnsRequests":[{"DomainName":"a.example"}])",
       R"("DetectId":"d","dns_requests":[{"domain_name":"a.example"}])"},
      {R"("DetectId":"d","DnsRequests":[{"DomainName":"a.example"}])",
       R"("DetectId":"d","DnsRequests":{"DomainName":"a.example"})"},
      {R"("DetectId":"d","DnsRequests":[{"DomainName":"a.example"}])", R"("DetectId":"d","DnsRequests":["a.example"])"},
      {R"("DetectId":"d","Severity":70)", R"("DetectId":"d","Severity":"70")"},
      {R"("DetectId":"d","Severity":70)", R"("DetectId":"d","SeverityName":"high","Severity":1)"},
      {R"("DetectId":12345678901)", R"("DetectId":"12345678901")"},
  };
  for (const auto& pair : pairs) {
    const auto one = only(event(pair.one));
    const auto other = only(event(pair.other));
    EXPECT_EQ(one.id, other.id) << pair.other;
    EXPECT_EQ(one.title, other.title) << pair.other;
    EXPECT_EQ(one.severity, other.severity) << pair.other;
    ASSERT_EQ(one.candidates.size(), other.candidates.size()) << pair.other;
    for (std::size_t i = 0; i < one.candidates.size(); ++i) {
      EXPECT_EQ(one.candidates[i].domain, other.candidates[i].domain) << pair.other;
      EXPECT_EQ(one.candidates[i].evidence.grade, other.candidates[i].evidence.grade) << pair.other;
    }
  }
}

TEST(Falcon, EventTypesAreComparedWithoutCase) {
  for (const auto* type :
       {"DetectionSummaryEvent", "EppDetectionSummaryEvent", "EPPDetectionSummaryEvent", "eppdetectionsummaryevent"}) {
    EXPECT_EQ(only(event(R"("DetectId":"d")", type)).id, "d") << type;
  }
  for (const auto* type : {"AuthActivityAuditEvent", "IncidentSummaryEvent", "", "XdrDetectionSummaryEvent", "Epp"}) {
    const auto report = read_findings(event(R"("DetectId":"d")", type));
    EXPECT_THAT(report.findings, IsEmpty()) << type;
    ASSERT_THAT(report.errors, SizeIs(1)) << type;
    EXPECT_THAT(report.errors[0].to_text(), HasSubstr(*type == '\0' ? "no eventType" : "no detection")) << type;
  }
}

TEST(Falcon, SeverityIsOfTheScaleOfItsEvent) {
  const auto labels = [](FalconScale scale, std::initializer_list<double> values) {
    std::vector<std::string> out;
    for (const double value : values) out.emplace_back(falcon_severity_label(value, scale));
    return out;
  };
  EXPECT_THAT(labels(FalconScale::five, {1, 2, 3, 4, 5}),
              ElementsAre("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"));
  EXPECT_THAT(labels(FalconScale::hundred, {10, 30, 50, 70, 90, 100}),
              ElementsAre("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL", "CRITICAL"));
  EXPECT_THAT(labels(FalconScale::hundred, {1, 5, 19.9, 20, 39, 40, 59, 60, 79, 80}),
              ElementsAre("INFORMATIONAL", "INFORMATIONAL", "INFORMATIONAL", "LOW", "LOW", "MEDIUM", "MEDIUM", "HIGH",
                          "HIGH", "CRITICAL"));
  EXPECT_THAT(labels(FalconScale::five, {0, -3, 70, 1e300, std::nan("")}),
              ElementsAre("INFORMATIONAL", "INFORMATIONAL", "HIGH", "CRITICAL", "INFORMATIONAL"));
  EXPECT_EQ(only(event(R"("DetectId":"d","Severity":3)", "DetectionSummaryEvent")).severity, "MEDIUM");
  EXPECT_EQ(only(event(R"("DetectId":"d","Severity":3)")).severity, "INFORMATIONAL");
  EXPECT_EQ(only(event(R"("DetectId":"d","SeverityName":"Odd","Severity":"90")")).severity, "CRITICAL");
  EXPECT_EQ(only(event(R"("DetectId":"d")")).severity, "");
}

TEST(Falcon, WhatIsNoDomainIsRefusedInWords) {
  const auto finding = only(event(R"("DetectId":"d","IOCType":"hash_sha256","IOCValue":"9f86d081")"));
  ASSERT_THAT(finding.candidates, SizeIs(1));
  EXPECT_FALSE(finding.candidates[0].domain);
  EXPECT_EQ(finding.candidates[0].why_not, "its type is hash_sha256: a hash, not a domain");
  EXPECT_THAT(show(only(event(R"("DetectId":"d","IOCValue":"evil.example.com")"))),
              ElementsAre("observed evil.example.com <- event.IOCValue"));
  EXPECT_THAT(only(event(R"("DetectId":"d","IOCType":"domain","IOCValue":"")")).candidates, IsEmpty());
  EXPECT_THAT(only(event(R"("DetectId":"d","ComputerName":"a.example","MachineDomain":"b.example",
                            "LogonDomain":"c.example","Hostname":"d.example")"))
                  .candidates,
              IsEmpty())
      << "the own side is never a candidate";
}

TEST(Falcon, OddPartsAreCountedAndTheIndicatorIsStillRead) {
  const auto report = read_findings(event(
      R"("DetectId":"d","IOCType":"domain","IOCValue":"evil.example.com",
         "DnsRequests":[7,{"Other":1},{"DomainName":"a.example"},{"DomainName":9},[]],"NetworkAccesses":true)"));
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_THAT(show(report.findings[0]), ElementsAre("ioc evil.example.com <- event.IOCValue",
                                                    "observed a.example <- event.DnsRequests[2].DomainName"));
  ASSERT_THAT(report.errors, SizeIs(1));
  EXPECT_EQ(report.errors[0].place, "record 1 (line 1): event.DnsRequests[0]");
  EXPECT_THAT(report.errors[0].message, HasSubstr("5 of its parts"));
}

TEST(Falcon, RecordsThatCanNotBeReadSayWhy) {
  const struct {
    std::string bytes;
    const char* says;
  } cases[] = {
      {event(R"("IOCValue":"a.example")"), "neither a DetectId nor a CompositeId"},
      {R"({"metadata":{"eventType":"DetectionSummaryEvent"},"event":"x"})", "without metadata or event"},
      {R"({"metadata":7,"event":{}})", "without metadata or event"},
      {R"({"composite_id":""})", "neither a DetectId"},
      {R"({"meta":{},"resources":["c:ind:1"]})", "not a finding"},
      {R"({"meta":{},"resources":7})", "must be a list"},
  };
  for (const auto& item : cases) {
    const auto report = read_findings(item.bytes);
    EXPECT_THAT(report.findings, IsEmpty()) << item.bytes;
    ASSERT_THAT(report.errors, SizeIs(1)) << item.bytes;
    EXPECT_THAT(report.errors[0].to_text(), HasSubstr(item.says)) << item.bytes;
    EXPECT_FALSE(report.errors[0].hint.empty()) << item.bytes;
  }
}

TEST(Falcon, StreamsOfEventsReadAsLinesAndConcatenated) {
  const auto one = event(R"("DetectId":"a")"), two = event(R"("DetectId":"b")");
  for (const auto& bytes : {one + "\n" + two, one + two, one + "\r\n\r\n" + two + "\n", "[" + one + "," + two + "]"}) {
    const auto report = read_findings(bytes);
    EXPECT_THAT(report.errors, IsEmpty()) << bytes;
    ASSERT_THAT(report.findings, SizeIs(2)) << bytes;
    EXPECT_EQ(report.findings[1].id, "b");
  }
  const auto cut = read_findings(one.substr(0, 40) + "\n" + two);
  EXPECT_THAT(cut.findings, SizeIs(1));
  EXPECT_THAT(cut.errors, SizeIs(1));
}

/// Any change of any byte leaves a report, and never more findings than records.
TEST(Falcon, DamageNeverEndsTheReader) {
  std::mt19937 random(4);
  for (const auto* name : {"falcon_detection_event.json", "falcon_epp_event.json", "falcon_alerts.json"}) {
    const auto whole = fixture(name);
    for (int i = 0; i < 300; ++i) {
      auto bytes = whole;
      for (int j = 0; j < 3; ++j) bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
      bytes.resize(random() % 4 == 0 ? random() % bytes.size() : bytes.size());
      const auto report = read_findings(bytes);
      EXPECT_LE(report.findings.size(), report.records);
      EXPECT_FALSE(report.findings.empty() && report.errors.empty());
    }
  }
}

}  // namespace
}  // namespace intelwall::findings
