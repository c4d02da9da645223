#include "intel/traffic_log.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "intel/line_reader.hpp"

namespace intelwall::intel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Line = TrafficLogReader::Line;
using Protocol = Contact::Protocol;

/// A contact with texts of its own.
struct Kept {
  Contact contact;
  std::string name, workload, destination, signature, firewall;
};

struct Read {
  Line line;
  std::vector<Kept> contacts;
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& each : contacts) names.push_back(each.name);
    return names;
  }
};

Read read(const std::string& text, TrafficLogReader& reader) {
  std::string padded = text;
  padded.append(LineReader::padding, '\0');
  Read result{};
  result.line = reader.read({padded.data(), text.size()}, LineReader::padding, [&](const Contact& each) {
    result.contacts.push_back({each, std::string(each.name), std::string(each.workload), std::string(each.destination),
                               std::string(each.signature), std::string(each.firewall)});
  });
  return result;
}
Read read(const std::string& text) {
  TrafficLogReader reader;
  return read(text, reader);
}

const std::string alert =
    R"({"timestamp":"2026-11-24T14:03:04.598481+0000","flow_id":1111,"in_iface":"eth0","event_type":"alert","src_ip":"10.94.0.10",)"
    R"("src_port":49157,"dest_ip":"198.51.100.80","dest_port":443,"proto":"TCP","app_proto":"tls",)"
    R"("alert":{"action":"blocked","gid":1,"signature_id":2,"rev":0,"signature":"intelwall \"x\"","category":"","severity":3,"metadata":{"a":["b"]}},)"
    R"("tls":{"sni":"c2.badcdn.example","version":"TLS 1.3","ja3":{"hash":"ab"}}})";

TEST(TrafficLog, AnAlertOfSuricata) {
  const auto result = read(alert);
  ASSERT_EQ(result.line, Line::contacts);
  ASSERT_THAT(result.names(), ElementsAre("c2.badcdn.example"));
  const Kept& each = result.contacts[0];
  EXPECT_EQ(each.contact.at, *parse_time("2026-11-24T14:03:04Z"));
  EXPECT_EQ(each.contact.protocol, Protocol::tls);
  EXPECT_EQ(each.contact.event, Contact::Event::alert);
  EXPECT_EQ(each.contact.action, Contact::Action::blocked);
  EXPECT_EQ(each.contact.signature_id, 2);
  EXPECT_EQ(each.signature, "intelwall \"x\"");
  EXPECT_EQ(each.workload, "10.94.0.10");
  EXPECT_EQ(each.destination, "198.51.100.80");
}

TEST(TrafficLog, RecordsOfNetworkFirewall) {
  for (const char* stamp : {R"("1601074865")", "1601074865"}) {
    const auto result =
        read(std::string(R"({"firewall_name":"inspection","availability_zone":"us-east-1a","event_timestamp":)") +
             stamp + R"(,"event":)" + alert + "}");
    ASSERT_THAT(result.names(), ElementsAre("c2.badcdn.example"));
    EXPECT_EQ(result.contacts[0].firewall, "inspection");
    EXPECT_EQ(result.contacts[0].contact.action, Contact::Action::blocked);
  }
  // The TLS log: ports are texts, the name stands in the event itself.
  const auto tls = read(
      R"({"firewall_name":"NetworkFirewall","availability_zone":"us-east-1a","event_timestamp":1727451885,"event":{"timestamp":"2024-09-27T15:44:45.321222Z",)"
      R"("src_ip":"10.2.1.145","src_port":"39038","dest_ip":"44.193.128.70","dest_port":"443","sni":"spoofedsni.com","tls_error":{"error_message":"SNI: spoofedsni.com"}}})");
  ASSERT_THAT(tls.names(), ElementsAre("spoofedsni.com"));
  EXPECT_EQ(tls.contacts[0].contact.event, Contact::Event::traffic);
  EXPECT_EQ(tls.contacts[0].contact.at, *parse_time("2024-09-27T15:44:45Z"));
  const auto without_time =
      read(R"({"event_timestamp":"1727451885","event":{"event_type":"alert","tls":{"sni":"a.example"}}})");
  EXPECT_EQ(without_time.contacts.at(0).contact.at, *parse_time("2024-09-27T15:44:45Z"));
}

TEST(TrafficLog, SubscriptionMessagesHoldRecords) {
  const nlohmann::json message{{"messageType", "DATA_MESSAGE"},
                               {"logGroup", "/nfw/alert"},
                               {"logEvents",
                                {{{"id", "1"}, {"timestamp", 1}, {"message", R"({"event":)" + alert + "}"}},
                                 {{"id", "2"}, {"timestamp", 2}, {"message", "no JSON"}},
                                 {{"id", "3"}, {"timestamp", 3}, {"message", alert}}}}};
  EXPECT_THAT(read(message.dump()).names(), ElementsAre("c2.badcdn.example", "c2.badcdn.example"));
  EXPECT_EQ(read(R"({"messageType":"CONTROL_MESSAGE","logEvents":[]})").line, Line::nothing);
  EXPECT_EQ(read(R"({"logEvents":[{"message":"x"}]})").line, Line::unreadable);
  // A message in a message is none.
  const nlohmann::json nested{{"logEvents", {{{"message", message.dump()}}}}};
  EXPECT_EQ(read(nested.dump()).line, Line::nothing);
}

TEST(TrafficLog, EveryProtocolAndEveryVersion) {
  const std::pair<std::string, Protocol> records[] = {
      {R"({"event_type":"tls","tls":{"subject":"CN=x","sni":"a.example"}})", Protocol::tls},
      {R"({"event_type":"quic","quic":{"version":"1","sni":"a.example"}})", Protocol::quic},
      {R"({"event_type":"http","http":{"hostname":"a.example","url":"/"}})", Protocol::http},
      {R"({"event_type":"dns","dns":{"type":"query","id":1,"rrname":"a.example","rrtype":"A"}})", Protocol::dns},
      {R"({"event_type":"dns","dns":{"version":3,"type":"request","queries":[{"rrname":"a.example"}]}})",
       Protocol::dns},
      {R"({"event_type":"alert","dns":{"query":[{"type":"query","rrname":"a.example"}]}})", Protocol::dns}};
  for (const auto& [record, protocol] : records) {
    const auto result = read(record);
    ASSERT_THAT(result.names(), ElementsAre("a.example")) << record;
    EXPECT_EQ(result.contacts[0].contact.protocol, protocol);
    EXPECT_EQ(result.contacts[0].contact.action, Contact::Action::none);
  }
}

TEST(TrafficLog, PassesOverWhatIsNoContact) {
  for (const char* record :
       {R"({"event_type":"flow","tls":{"sni":"a.example"}})", R"({"event_type":"stats","stats":{"uptime":3}})",
        R"({"event_type":"dns","dns":{"type":"answer","rrname":"a.example"}})",
        R"({"event_type":"dns","dns":{"version":3,"type":"response","queries":[{"rrname":"a.example"}]}})",
        R"({"event_type":"tls","tls":{"sni":""}})", R"({"event_type":"tls","tls":null})",
        R"({"event_type":"alert","tls":{"sni":7}})", "{}"}) {
    EXPECT_EQ(read(record).line, Line::nothing) << record;
  }
  for (const char* record :
       {"", "[]", "7", "{", R"({"event_type":"tls","tls":{"sni":"a.example"})", R"({"event_type":"tls"} x)"})
    EXPECT_EQ(read(record).line, Line::unreadable) << record;
}

TEST(TrafficLog, SurvivesEveryCutAndEveryBrokenByte) {
  TrafficLogReader reader;
  const std::string good = R"({"event_timestamp":"1","event":)" + alert + "}";
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(read(good.substr(0, size), reader).line, Line::unreadable) << size;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'"', '\\', '{', ']', '\0', '\xff'}) {
      std::string broken = good;
      broken[at] = byte;
      const auto result = read(broken, reader);
      EXPECT_EQ(result.line == Line::contacts, !result.contacts.empty());
    }
  }
  EXPECT_THAT(read(alert, reader).names(), ElementsAre("c2.badcdn.example"));
  std::string many = R"({"event_type":"dns","dns":{"queries":[)";
  for (int i = 0; i < 100; ++i) many += R"({"rrname":"a.example"},)";
  many.back() = ']';
  EXPECT_EQ(read(many + "}}", reader).contacts.size(), 16) << "bounded";
}

}  // namespace
}  // namespace intelwall::intel
