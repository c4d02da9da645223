#include "findings/connections.hpp"

#include <gmock/gmock.h>

#include <random>
#include <set>

#include "support.hpp"

namespace intelwall::findings {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> connections(std::string_view bytes) {
  const auto report = read_findings(bytes);
  EXPECT_THAT(report.findings, SizeIs(1)) << bytes;
  for (const auto& error : report.errors) ADD_FAILURE() << error.to_text();
  return report.findings.empty() ? std::vector<std::string>{} : show_connections(report.findings[0]);
}

TEST(HostAddress, IsOfOneRemoteHost) {
  EXPECT_EQ(host_address("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(host_address("2001:DB8:0:0::7"), "2001:db8::7");
  EXPECT_EQ(host_address("::ffff:10.0.0.1"), "10.0.0.1");
  for (const char* none : {"", "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1",
                           "10.0.0.0/8", "10.0.0", "10.0.0.1 ", "evil.example", "fe80::1%eth0", "::ffff:127.0.0.1"})
    EXPECT_EQ(host_address(none), "") << none;
}

TEST(Connections, OfFalconDetections) {
  EXPECT_THAT(connections(fixture("falcon_detection_event.json")),
              ElementsAre("10.0.0.1:53517 203.0.113.7:443 <- event.NetworkAccesses[0]"));
  EXPECT_THAT(connections(fixture("falcon_epp_event.json")), IsEmpty()) << "one side only";
  EXPECT_THAT(connections(R"({"composite_id":"c:1","product":"epp","network_accesses":[
                {"local_address":"10.0.0.1","local_port":"40000","remote_address":"203.0.113.7","remote_port":"443"},
                {"local_address":"10.0.0.1","local_port":"40000","remote_address":"203.0.113.7","remote_port":443},
                {"local_address":"10.0.0.1","remote_address":"203.0.113.7","remote_port":"-1"},
                {"local_address":"fd00::1","remote_address":"203.0.113.7"},
                {"local_address":"203.0.113.7","remote_address":"203.0.113.7"},"203.0.113.9"]})"),
              ElementsAre("10.0.0.1:40000 203.0.113.7:443 <- network_accesses[0]",
                          "10.0.0.1:0 203.0.113.7:0 <- network_accesses[2]"));
}

TEST(Connections, OfSecurityHubFindings) {
  EXPECT_THAT(connections(asff("1", R"(,"Network":{"Direction":"OUT","Protocol":"TCP","SourceIpV4":"10.0.0.1",
                "SourcePort":40000,"DestinationIpV4":"203.0.113.7","DestinationPort":443})")),
              ElementsAre("10.0.0.1:40000 203.0.113.7:443 <- Network"));
  EXPECT_THAT(connections(asff("1", R"(,"Network":{"SourceIpV4":"fd00::1","DestinationIpV6":"2001:db8::7"})")),
              ElementsAre("fd00::1:0 2001:db8::7:0 <- Network"))
      << "the Falcon Integration Gateway puts IPv6 into the fields of IPv4";
  EXPECT_THAT(connections(asff("1", R"(,"Network":{"DestinationIpV4":"203.0.113.7","DestinationPort":443})")),
              IsEmpty())
      << "never a bare address: others are behind it too";
}

TEST(Connections, OfGuardDuty) {
  constexpr auto native = R"({{"schemaVersion":"2.0","accountId":"111122223333","id":"f","type":"t","severity":8,
    "service":{{"serviceName":"guardduty","action":{{"actionType":"NETWORK_CONNECTION","networkConnectionAction":{{
    "connectionDirection":"{}","localIpDetails":{{"ipAddressV4":"10.0.0.1"}},"localPortDetails":{{"port":40000}},
    "remoteIpDetails":{{"ipAddressV4":"203.0.113.7"}},"remotePortDetails":{{"port":443}}}}}}}}}})";
  EXPECT_THAT(connections(fmt::format(native, "OUTBOUND")),
              ElementsAre("10.0.0.1:40000 203.0.113.7:443 <- service.action.networkConnectionAction"));
  EXPECT_THAT(connections(fmt::format(native, "INBOUND")),
              ElementsAre("203.0.113.7:443 10.0.0.1:40000 <- service.action.networkConnectionAction"));
  constexpr auto in_hub = R"(,"Action":{{"ActionType":"NETWORK_CONNECTION","NetworkConnectionAction":{{
    "ConnectionDirection":"OUTBOUND","RemoteIpDetails":{{"IpAddressV4":"203.0.113.7"}},"RemotePortDetails":{{"Port":443}},
    "LocalPortDetails":{{"Port":40000}}}}}}{})";
  EXPECT_THAT(connections(asff("1", fmt::format(in_hub, R"(,"ProductFields":{
    "aws/guardduty/service/action/networkConnectionAction/localIpDetails/ipAddressV4":"10.0.0.1"})"))),
              ElementsAre("10.0.0.1:40000 203.0.113.7:443 <- Action.NetworkConnectionAction"));
  EXPECT_THAT(connections(asff("1", fmt::format(in_hub, ""))), IsEmpty());
}

TEST(Connections, OddPartsHideNothing) {
  const auto report = read_findings(asff("1", R"(,"Network":{"SourceIpV4":7,"SourcePort":"x","DestinationIpV4":["a"],
    "DestinationPort":1e9},"ThreatIntelIndicators":[{"Type":"DOMAIN","Value":"evil.example"}])"));
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_THAT(report.findings[0].candidates, SizeIs(1));
  EXPECT_THAT(report.findings[0].connections, IsEmpty());
}

TEST(Connections, AreBoundedAndDistinctForAnyAccesses) {
  std::minstd_rand random{7};
  for (int round = 0; round < 50; ++round) {
    std::string accesses;
    const auto count = random() % 300;
    for (unsigned i = 0; i < count; ++i)
      accesses +=
          fmt::format("{}{{\"LocalAddress\":\"10.0.0.{}\",\"LocalPort\":{},\"RemoteAddress\":\"203.0.113.{}\"}}",
                      i == 0 ? "" : ",", random() % 5, random() % 70'000, random() % 9);
    const auto lines = connections(fmt::format(
        R"({{"metadata":{{"eventType":"EppDetectionSummaryEvent"}},"event":{{"CompositeId":"c","NetworkAccesses":[{}]}}}})",
        accesses));
    EXPECT_LE(lines.size(), Connections::limit);
    std::set<std::string> distinct;
    for (const auto& line : lines) distinct.insert(line.substr(0, line.find(" <-")));
    EXPECT_EQ(distinct.size(), lines.size());
  }
}

}  // namespace
}  // namespace intelwall::findings
