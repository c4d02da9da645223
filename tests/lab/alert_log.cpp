#include "lab/alert_log.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "lab/engine.hpp"

namespace intelwall::lab {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

std::optional<CompiledPolicy::Origin> origin(std::uint32_t sid) {
  if (sid != 3'000'001) return std::nullopt;
  return CompiledPolicy::Origin{"arn:x/mine", 77, "intelwall drop evil.example"};
}

const std::string event =
    R"({"timestamp":"2026-11-24T14:46:49.443037+0000","flow_id":1,"in_iface":"iw-inside","event_type":"alert",)"
    R"("src_ip":"10.94.0.10","src_port":1,"dest_ip":"198.51.100.80","dest_port":443,"proto":"TCP",)"
    R"("metadata":{"flowbits":["iw.transaction","theirs"]},)"
    R"("alert":{"action":"blocked","signature_id":3000001,"signature":"x","metadata":{"iw_id":["abc"]}},)"
    R"("app_proto":"tls","tls":{"sni":"evil.example"}})";

TEST(AlertRecord, HasTheFirewallsEnvelopeAndTheGroupsSid) {
  const auto text = alert_record(event, origin);
  ASSERT_TRUE(text);
  const auto record = Json::parse(*text);
  EXPECT_EQ(record["firewall_name"], "lab");
  EXPECT_EQ(record["availability_zone"], "us-east-1a");
  EXPECT_EQ(record["event_timestamp"], "1795531609");
  EXPECT_EQ(record["event"]["alert"]["signature_id"], 77);
  EXPECT_EQ(record["event"]["alert"]["signature"], "intelwall drop evil.example");
  EXPECT_EQ(record["event"]["alert"]["metadata"]["iw_id"][0], "abc");
  EXPECT_EQ(record["event"]["tls"]["sni"], "evil.example");
  EXPECT_EQ(record["event"]["metadata"]["flowbits"], Json::array({"theirs"}));
  EXPECT_FALSE(record["event"].contains("in_iface"));
}

TEST(AlertRecord, OtherEventsAndNoiseAreNoRecords) {
  for (const std::string line :
       {"", "{", "[]", "3", "{\"event_type\":\"flow\"}", "{\"event_type\":\"alert\"}",
        "{\"event_type\":\"alert\",\"alert\":3}", "{\"event_type\":7,\"alert\":{}}", "\xff\xfe"}) {
    EXPECT_FALSE(alert_record(line, origin)) << line;
  }
  for (const std::string line :
       {R"({"event_type":"alert","alert":{"signature_id":"x"},"timestamp":5,"metadata":{"flowbits":[1,"iw.a"]}})",
        R"({"event_type":"alert","alert":{},"timestamp":"never","metadata":{"flowbits":3}})"}) {
    EXPECT_TRUE(alert_record(line, origin)) << line;
  }
}

TEST(AlertLog, FollowsLinesThatComeInPiecesAndAFileThatIsMadeAnew) {
  const intelwall::testing::TemporaryDirectory directory;
  const auto events = directory.path / "eve.json";
  const auto log = directory.path / "alert.json";
  const auto lines = [&] {
    const auto text = os::read_file(log);
    return text ? std::ranges::count(*text, '\n') : 0;
  };
  const auto reaches = [&](long count) {
    for (int i = 0; i < 500 && lines() != count; ++i) std::this_thread::sleep_for(10ms);
    return lines() == count;
  };
  {
    const AlertLog follower(events, log, origin);
    {
      std::ofstream out(events);
      out << event << "\n" << event.substr(0, 100) << std::flush;
      EXPECT_TRUE(reaches(1));
      out << event.substr(100) << "\n" << std::flush;
      EXPECT_TRUE(reaches(2));
    }
    std::filesystem::remove(events);
    std::ofstream(events) << event << "\n";
    EXPECT_TRUE(reaches(3));
    std::ofstream(events, std::ios::app) << event << "\n" << event << "\n";
  }
  EXPECT_EQ(lines(), 5) << "what was written before the end is read to its end";
}

}  // namespace
}  // namespace intelwall::lab
