#include "findings/falcon_asff.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>

#include "findings/support.hpp"

namespace intelwall::findings {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string prefix = "crowdstrike/crowdstrike-falcon/";

FalconAsffWriter writer() {
  return {{"aws", "us-east-1", "111122223333"}, [] { return *parse_time("2026-11-24T14:03:04Z"); }};
}

Json write_event(const Json& event, const Json& device = nullptr, std::uint64_t offset = 7) {
  auto write = writer();
  auto draft = write.event(event.dump(), offset);
  EXPECT_TRUE(draft.has_value()) << draft.error().to_text();
  return draft ? write.finish(*std::move(draft), device) : Json();
}

Json epp(Json event,
         Json metadata = {{"eventType", "EppDetectionSummaryEvent"}, {"eventCreationTime", 1764079385123}}) {
  event.emplace("CompositeId", "c0ffee:ind:aid:1-2-3");
  return {{"metadata", std::move(metadata)}, {"event", std::move(event)}};
}

/// Domain → how much it weighs.
std::map<std::string, std::string> domains_of(const Finding& finding) {
  std::map<std::string, std::string> found;
  for (const auto& each : finding.candidates)
    if (each.domain)
      found[each.domain->name.text() + " " + to_string(each.domain->scope)] = to_string(each.evidence.grade);
  return found;
}
std::map<std::string, std::string> domains_in(const std::string& json) {
  const auto report = read_findings(json);
  EXPECT_EQ(report.findings.size(), 1U) << json.substr(0, 400);
  return report.findings.empty() ? std::map<std::string, std::string>{} : domains_of(report.findings.front());
}

TEST(FalconAsff, IsWhatTheGatewayWritesAndMore) {
  const auto finding = write_event(epp({{"Hostname", "h1"},
                                        {"AgentId", "a1d"},
                                        {"Name", "IntelDomainHigh"},
                                        {"Description", "A lookup matched."},
                                        {"Severity", 70},
                                        {"SeverityName", "High"},
                                        {"Tactic", "Command and Control"},
                                        {"Technique", "DNS/Application Layer"},
                                        {"FileName", "curl"},
                                        {"FilePath", "/usr/bin/curl"},
                                        {"ProcessStartTime", 1764079380},
                                        {"CommandLine", "curl -s evil"},
                                        {"FalconHostLink", "https://falcon.crowdstrike.com/x"},
                                        {"IOCType", "domain"},
                                        {"IOCValue", "evil[.]example[.]com"},
                                        {"DnsRequests", {{{"DomainName", "other.example.net"}}}},
                                        {"NetworkAccesses",
                                         {{{"ConnectionDirection", 0},
                                           {"Protocol", "TCP"},
                                           {"LocalAddress", "10.0.0.1"},
                                           {"LocalPort", 53517},
                                           {"RemoteAddress", "2001:db8::7"},
                                           {"RemotePort", "443"}}}}}),
                                   {{"device_id", "a1d"},
                                    {"service_provider", "AWS_EC2_V2"},
                                    {"service_provider_account_id", "444455556666"},
                                    {"instance_id", "i-0a1b"},
                                    {"zone_group", "eu-central-1b"},
                                    {"tags", {"one", "two"}}});
  EXPECT_EQ(finding["Id"], "crowdstrike:crowdstrike-falcon:c0ffee:ind:aid:1-2-3");
  EXPECT_EQ(finding["ProductArn"], "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon");
  EXPECT_EQ(finding["AwsAccountId"], "111122223333");
  EXPECT_EQ(finding["GeneratorId"], "Falcon Host");
  EXPECT_EQ(finding["Title"], "Falcon Alert. Instance: i-0a1b");
  EXPECT_EQ(finding["Description"], "A lookup matched. | AWS Account: 444455556666");
  EXPECT_EQ(finding["CreatedAt"], "2025-11-25T14:03:05.123000007Z");
  EXPECT_EQ(finding["UpdatedAt"], finding["CreatedAt"]);
  EXPECT_EQ(finding["Severity"], (Json{{"Label", "HIGH"}, {"Original", "High"}}));
  EXPECT_EQ(finding["FindingProviderFields"]["Severity"], finding["Severity"]);
  EXPECT_EQ(finding["Types"], (Json{"TTPs/Command and Control/DNS Application Layer", "Namespace: TTPs",
                                    "Category: Command and Control", "Classifier: DNS/Application Layer"}));
  EXPECT_EQ(finding["Process"],
            (Json{{"Name", "curl"}, {"Path", "/usr/bin/curl"}, {"LaunchedAt", "2025-11-25T14:03:00Z"}}));
  EXPECT_EQ(finding["Network"], (Json{{"Direction", "OUT"},
                                      {"Protocol", "TCP"},
                                      {"SourceIpV4", "10.0.0.1"},
                                      {"SourcePort", 53517},
                                      {"DestinationIpV6", "2001:db8::7"},
                                      {"DestinationPort", 443},
                                      {"DestinationDomain", "evil.example.com"}}));
  EXPECT_EQ(finding["ThreatIntelIndicators"],
            (Json::array({{{"Type", "DOMAIN"}, {"Value", "evil.example.com"}, {"Source", "CrowdStrike Falcon"}}})));
  const auto& resource = finding["Resources"][0];
  EXPECT_EQ(resource["Type"], "AwsEc2Instance");
  EXPECT_EQ(resource["Id"], "i-0a1b");
  EXPECT_EQ(resource["Region"], "eu-central-1");
  EXPECT_EQ(resource["Details"]["Other"]["DeviceTags"], "one, two");
  EXPECT_EQ(resource["Details"]["Other"]["Hostname"], "h1");
  EXPECT_EQ(finding["SourceUrl"], "https://falcon.crowdstrike.com/x");
  EXPECT_EQ(finding["ProductFields"][prefix + "IOCValue"], "evil[.]example[.]com");
  EXPECT_EQ(finding["ProductFields"][prefix + "ObservedDomains"], "other.example.net");
}

TEST(FalconAsff, HostsOutsideOfAwsAreOther) {
  const auto finding = write_event(epp({{"AgentId", "a1d"}}), {{"device_id", "a1d"}, {"service_provider", "GCP"}});
  EXPECT_EQ(finding["Resources"][0]["Type"], "Other");
  EXPECT_EQ(finding["Resources"][0]["Id"], "a1d");
  EXPECT_EQ(finding["Title"], "Falcon Alert. Host: a1d");
  EXPECT_THAT(finding["Description"].get<std::string>(), HasSubstr("detection"));
  const auto bare = write_event(epp(Json::object()));
  EXPECT_EQ(bare["Resources"][0]["Id"], "UnknownInstanceId:crowdstrike:crowdstrike-falcon:c0ffee:ind:aid:1-2-3");
  EXPECT_FALSE(bare.contains("Network"));
}

TEST(FalconAsff, SeverityOnBothScales) {
  const auto label = [](Json event, const char* type) {
    return write_event(epp(std::move(event), {{"eventType", type}}))["Severity"]["Label"];
  };
  EXPECT_EQ(label({{"Severity", 4}}, "DetectionSummaryEvent"), "HIGH");
  EXPECT_EQ(label({{"Severity", 70}}, "EppDetectionSummaryEvent"), "HIGH");
  EXPECT_EQ(label({{"Severity", "30"}}, "EPPDetectionSummaryEvent"), "LOW");
  EXPECT_EQ(label({{"SeverityName", "Informational"}, {"Severity", 99}}, "EppDetectionSummaryEvent"), "INFORMATIONAL");
  auto write = writer();
  const auto untold = write.event(epp(Json::object()).dump(), 0);
  ASSERT_TRUE(untold.has_value());
  EXPECT_EQ(untold->severity, 5);
  EXPECT_EQ(untold->asff["Severity"]["Label"], "MEDIUM");
}

TEST(FalconAsff, ALaterEventOfTheSameMillisecondIsNewer) {
  const auto first = write_event(epp(Json::object()), nullptr, 999'998),
             next = write_event(epp(Json::object()), nullptr, 999'999);
  EXPECT_LT(first["UpdatedAt"].get<std::string>(), next["UpdatedAt"].get<std::string>());
  EXPECT_EQ(write_event(epp(Json::object()), nullptr, 999'998), first);
}

TEST(FalconAsff, TimesThatLieAheadOrAreMissingAreNow) {
  for (const Json& metadata :
       {Json{{"eventType", "EppDetectionSummaryEvent"}},
        Json{{"eventType", "EppDetectionSummaryEvent"}, {"eventCreationTime", 253'402'300'799'000}},
        Json{{"eventType", "EppDetectionSummaryEvent"}, {"eventCreationTime", "x"}}})
    EXPECT_EQ(write_event(epp(Json::object(), metadata))["UpdatedAt"], "2026-11-24T14:03:04.000000007Z");
}

TEST(FalconAsff, InboundAccessesHaveTheRemoteSideAsSource) {
  const auto network = write_event(epp({{"NetworkAccesses",
                                         {{{"ConnectionDirection", "1"},
                                           {"LocalAddress", "10.0.0.1"},
                                           {"LocalPort", 70'000},
                                           {"RemoteAddress", "203.0.113.7"},
                                           {"RemotePort", 1.5}}}}}))["Network"];
  EXPECT_EQ(network, (Json{{"Direction", "IN"}, {"SourceIpV4", "203.0.113.7"}, {"DestinationIpV4", "10.0.0.1"}}));
}

TEST(FalconAsff, AlertsKeepTheirTimesAndConfidence) {
  const auto alerts = Json::parse(fixture("falcon_alerts.json"))["resources"];
  auto write = writer();
  auto draft = write.alert(alerts[0].dump());
  ASSERT_TRUE(draft.has_value()) << draft.error().to_text();
  EXPECT_EQ(cloud_of(draft->device), HostCloud::aws);
  const auto finding = write.finish(*std::move(draft), nullptr);
  EXPECT_EQ(finding["CreatedAt"], "2026-11-24T14:03:04.973070837Z");
  EXPECT_EQ(finding["UpdatedAt"], "2026-11-24T14:04:04.973070837Z");
  EXPECT_EQ(finding["Confidence"], 80);
  EXPECT_EQ(finding["Title"], "Falcon Alert. Instance: i-0123");
  EXPECT_EQ(finding["ProductFields"][prefix + "ParentCommandLine"], "bash run.sh");
}

TEST(FalconAsff, RefusesWhatIsNoDetection) {
  auto write = writer();
  EXPECT_FALSE(write.event("{", 0).has_value());
  EXPECT_FALSE(
      write.event(R"({"metadata":{"eventType":"AuthActivityAuditEvent"},"event":{"CompositeId":"a"}})", 0).has_value());
  EXPECT_FALSE(write.event(epp({{"CompositeId", ""}}).dump(), 0).has_value());
  const auto long_id = write.event(epp({{"CompositeId", std::string(500, 'i')}}).dump(), 0);
  ASSERT_FALSE(long_id.has_value());
  EXPECT_THAT(long_id.error().message, HasSubstr("481"));
  EXPECT_FALSE(write.event(epp({{"CompositeId", "a\nb"}}).dump(), 0).has_value());
}

TEST(FalconAsff, FixturesReadBackToTheirDomains) {
  for (const auto* name : {"falcon_detection_event.json", "falcon_epp_event.json"})
    EXPECT_EQ(domains_in(write_event(Json::parse(fixture(name))).dump()), domains_in(fixture(name))) << name;
  const auto answer = Json::parse(fixture("falcon_alerts.json"));
  for (const auto& alert : answer["resources"]) {
    auto write = writer();
    auto draft = write.alert(alert.dump());
    ASSERT_TRUE(draft.has_value());
    EXPECT_EQ(domains_in(write.finish(*std::move(draft), nullptr).dump()), domains_in(alert.dump()));
  }
}

/// Detections made of names, near-names, hostile and long texts in every place where Falcon may have them.
class Generated {
 public:
  explicit Generated(unsigned seed) : random_(seed) {}

  Json event() {
    Json event{{"CompositeId", "c:ind:" + std::to_string(random_())}, {"Severity", number(110)}};
    const auto maybe = [&](const char* key, auto&& make) {
      if (number(3) != 0) event[key] = make();
    };
    for (const auto* key : {"Description", "CommandLine", "ParentCommandLine", "GrandParentCommandLine"})
      maybe(key, [&] { return text(); });
    for (const auto* key : {"FileName", "FilePath", "AssociatedFile", "Hostname", "Name", "Tactic", "SeverityName",
                            "AgentId", "FalconHostLink", "LogonDomain"})
      maybe(key, [&] { return word(); });
    maybe("IOCType", [&] { return pick({"domain", "domain", "url", "hash_sha256", "", "Domain"}); });
    maybe("IOCValue",
          [&] { return number(9) == 0 ? "http://" + name() + "/" + std::string(number(4000), 'p') : word(); });
    maybe("IOCValues", [&] { return list(number(4) == 0 ? 40 : 3, [&] { return Json(word()); }); });
    maybe("DnsRequests", [&] { return list(number(5) == 0 ? 250 : 4, [&] { return Json{{"DomainName", word()}}; }); });
    maybe("NetworkAccesses", [&] {
      return list(3, [&] {
        return Json{{"RemoteAddress", number(2) == 0 ? word() : "203.0.113.7"}, {"ConnectionDirection", number(3)}};
      });
    });
    maybe("MitreAttack", [&] { return list(7, [&] { return Json{{"Tactic", word()}, {"TechniqueID", "T1"}}; }); });
    return epp(std::move(event));
  }

 private:
  std::size_t number(std::size_t below) { return below == 0 ? 0 : random_() % below; }
  std::string pick(std::initializer_list<const char*> all) { return all.begin()[number(all.size())]; }
  Json list(std::size_t most, const std::function<Json()>& make) {
    Json out = Json::array();
    for (auto n = number(most + 1); n > 0; --n) out.push_back(make());
    return out;
  }
  std::string name() {
    std::string out;
    for (auto n = 1 + number(3); n > 0; --n) {
      for (auto c = 1 + number(number(20) == 0 ? 60 : 8); c > 0; --c) out += static_cast<char>('a' + number(26));
      out += '.';
    }
    return out + pick({"com", "org", "example", "co.uk", "xyz", "io", "internal"});
  }
  std::string word() {
    switch (number(12)) {
      case 0:
        return pick({"co.uk", "10.0.0.1", "evil.com\"; sid:1; (", "a b", "", "*.evil.org", "printer", "update.exe"});
      case 1:
        return "hxxps://" + name() + "/a?b=" + name();
      case 2:
        return std::string("bücher.") + name();
      case 3:
        return "\x01\n\t" + name() + "\x7f";
      case 4:
        return std::string(number(3000), '\\') + "\"";
      default:
        return name();
    }
  }
  std::string text() {
    std::string out;
    for (auto n = number(number(6) == 0 ? 300 : 12); n > 0; --n)
      out += word() + pick({" ", " ", ", ", "|", " -x ", "\n", "é"});
    return out;
  }
  std::mt19937 random_;
};

TEST(FalconAsff, EveryDetectionReadsBackToItsDomains) {
  int overflowed = 0;
  for (unsigned seed = 0; seed < 600; ++seed) {
    const auto event = Generated(seed).event();
    const auto finding = write_event(event);
    const auto expected = domains_in(event.dump()), found = domains_in(finding.dump());
    // An event with more candidates than are kept leaves some out; its finding, without the refused ones, may have
    // room.
    const bool full = read_findings(event.dump()).findings.front().candidates.size() >= 200;
    overflowed += full ? 1 : 0;
    ASSERT_TRUE(std::ranges::includes(found, expected)) << "seed " << seed << "\n" << event.dump(1);
    std::string more;
    for (const auto& [name, grade] : found) more += expected.contains(name) ? "" : name + " ";
    ASSERT_TRUE(full || found == expected) << "more: " << more << "seed " << seed << "\n" << event.dump(1);
  }
  EXPECT_GT(overflowed, 0);
  EXPECT_LT(overflowed, 200);
}

TEST(FalconAsff, EveryTextIsWithinItsLimit) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const auto finding = write_event(Generated(seed).event());
    const auto text = finding.dump();  // throws on text that was cut inside a character
    ASSERT_LE(text.size(), 240U * 1024) << seed;
    const auto within = [&](const char* place, std::size_t limit) {
      const auto value = finding.value(Json::json_pointer(place), std::string("x"));
      ASSERT_FALSE(value.empty()) << place;
      ASSERT_LE(value.size(), limit) << place << " seed " << seed;
    };
    within("/Id", 512);
    within("/Title", 256);
    within("/Description", 1024);
    within("/Process/Name", 64);
    within("/Process/Path", 512);
    within("/Severity/Original", 64);
    within("/Network/DestinationDomain", 128);
    within("/ThreatIntelIndicators/0/Value", 512);
    ASSERT_LE(finding["ProductFields"].size(), 50U);
    for (const auto& [key, value] : finding["ProductFields"].items()) {
      ASSERT_LE(key.size(), 128U);
      ASSERT_LE(value.get_ref<const std::string&>().size(), 2048U) << key;
      for (const char c : value.get_ref<const std::string&>()) ASSERT_GE(static_cast<unsigned char>(c), 0x20U) << key;
    }
    const auto other = finding.value(Json::json_pointer("/Resources/0/Details/Other"), Json::object());
    for (const auto& [key, value] : other.items()) ASSERT_LE(value.get_ref<const std::string&>().size(), 1024U) << key;
  }
}

TEST(FalconAsff, CloudsAreKnownByTheGatewaysNames) {
  for (const auto* name : {"AWS", "Azure", "GCP", "unrecognized", "aws", "azure"})
    EXPECT_TRUE(parse_host_cloud(name).has_value()) << name;
  EXPECT_EQ(parse_host_cloud("oracle").error().code, ErrorCode::usage);
  EXPECT_EQ(cloud_of({{"service_provider", "AZURE"}}), HostCloud::azure);
  EXPECT_EQ(cloud_of({{"service_provider", 7}}), HostCloud::unrecognized);
  EXPECT_EQ(cloud_of(nullptr), HostCloud::unrecognized);
}

TEST(FalconAsff, GovCloudHasAProductOfItsOwn) {
  EXPECT_THAT(falcon_product_arn("aws-us-gov", "us-gov-west-1"),
              HasSubstr("arn:aws-us-gov:securityhub:us-gov-west-1:358431324613:"));
}

}  // namespace
}  // namespace intelwall::findings
