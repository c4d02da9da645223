#include "hunt/log_parser.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>

#include "hunt/log_scanner.hpp"
#include "hunt/log_subscription.hpp"

namespace intelwall::hunt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// What a line names, as "kind name source:port > destination:port outcome sid".
std::vector<std::string> read(std::string line) {
  std::vector<std::string> out;
  const auto size = line.size();
  line.resize(size + 64, '\0');
  LogParser parser;
  const auto parsed = parser.parse(std::string_view(line).substr(0, size), 64, [&](const Contact& c) {
    out.push_back(fmt::format("{} {} {}:{} > {}:{} {} {}", to_string(c.kind), c.name, c.source, c.source_port,
                              c.destination, c.destination_port, to_string(c.outcome), c.sid));
  });
  if (!parsed) out.push_back("error: " + parsed.error().message);
  return out;
}

TEST(LogParser, SuricataAlertsWithTheirName) {
  EXPECT_THAT(
      read(
          R"({"timestamp":"2026-11-24T10:00:00.123456+0000","flow_id":1,"event_type":"alert","src_ip":"10.0.0.5","src_port":49157,"dest_ip":"198.51.100.80","dest_port":443,"proto":"TCP","alert":{"action":"blocked","gid":1,"signature_id":1200000001,"rev":1,"signature":"intelwall","category":"","severity":3,"metadata":{"iw_id":["abc"]}},"tls":{"sni":"C2.Evil.Example.","version":"TLS 1.3"},"app_proto":"tls"})"),
      ElementsAre("tls c2.evil.example 10.0.0.5:49157 > 198.51.100.80:443 blocked 1200000001"));
  EXPECT_THAT(
      read(
          R"({"event_type":"alert","src_ip":"10.0.0.5","dest_ip":"10.0.0.2","alert":{"action":"allowed","signature_id":5},"dns":{"query":[{"type":"query","rrname":"a.example"},{"type":"query","rrname":"b.example"}]}})"),
      ElementsAre("dns a.example 10.0.0.5:0 > 10.0.0.2:0 allowed 5",
                  "dns b.example 10.0.0.5:0 > 10.0.0.2:0 allowed 5"));
  EXPECT_THAT(
      read(R"({"event_type":"alert","alert":{"action":"allowed"},"http":{"hostname":"evil.example:8080","url":"/x"}})"),
      ElementsAre("http evil.example :0 > :0 allowed 0"));
}

TEST(LogParser, SuricataEventsOfEachProtocol) {
  EXPECT_THAT(read(R"({"event_type":"tls","src_ip":"fe80::1","tls":{"subject":"CN=x","sni":"e.example"}})"),
              ElementsAre("tls e.example fe80::1:0 > :0 untold 0"));
  EXPECT_THAT(read(R"({"event_type":"quic","quic":{"version":"1","sni":"e.example"}})"),
              ElementsAre("quic e.example :0 > :0 untold 0"));
  EXPECT_THAT(read(R"({"event_type":"dns","dns":{"type":"query","id":1,"rrname":"e.example","rrtype":"A"}})"),
              ElementsAre("dns e.example :0 > :0 untold 0"));
  EXPECT_THAT(read(R"({"event_type":"dns","dns":{"version":3,"type":"request","queries":[{"rrname":"e.example"}]}})"),
              ElementsAre("dns e.example :0 > :0 untold 0"));
  // The answer says again what the query said.
  EXPECT_THAT(read(R"({"event_type":"dns","dns":{"type":"answer","rrname":"e.example"}})"), ElementsAre());
  EXPECT_THAT(read(R"({"event_type":"flow","src_ip":"10.0.0.1","tls":{"sni":"e.example"}})"), ElementsAre());
  EXPECT_THAT(read(R"({"event_type":"stats","stats":{"uptime":8}})"), ElementsAre());
}

TEST(LogParser, NetworkFirewallsEnvelopes) {
  // Alert log: AWS's documented sample, with the name that its field list allows.
  EXPECT_THAT(
      read(
          R"({"firewall_name":"fw","availability_zone":"us-east-1a","event_timestamp":"1601074865","event":{"timestamp":"2020-09-25T23:01:05.598481+0000","flow_id":1111111111111111,"event_type":"alert","src_ip":"10.16.197.56","src_port":49157,"dest_ip":"10.16.197.55","dest_port":8883,"proto":"TCP","alert":{"action":"allowed","signature_id":2,"rev":0,"signature":"","category":"","severity":3},"tls":{"sni":"e.example"}}})"),
      ElementsAre("tls e.example 10.16.197.56:49157 > 10.16.197.55:8883 allowed 2"));
  // TLS log: AWS's documented sample.
  EXPECT_THAT(
      read(
          R"({"firewall_name":"NetworkFirewall","availability_zone":"us-east-1a","event_timestamp":1727451885,"event":{"timestamp":"2024-09-27T15:44:45.321222Z","src_ip":"10.2.1.145","src_port":"39038","dest_ip":"44.193.128.70","dest_port":"443","sni":"spoofedsni.com","tls_error":{"error_message":"SNI: spoofedsni.com Match Failed"}}})"),
      ElementsAre("tls spoofedsni.com 10.2.1.145:39038 > 44.193.128.70:443 untold 0"));
  EXPECT_THAT(
      read(R"({"firewall_name":"fw","event":{"event_type":"netflow","netflow":{"pkts":1},"tls":{"sni":"e.example"}}})"),
      ElementsAre());
}

TEST(LogParser, TheResolversQueries) {
  EXPECT_THAT(
      read(
          R"({"srcaddr":"10.0.64.102","vpc_id":"vpc-7","answers":[{"Rdata":"203.0.113.9","Type":"A","Class":"IN"}],"firewall_rule_action":"BLOCK","query_name":"Evil.example.","query_class":"IN","srcids":{"instance":"i-0d1"},"rcode":"NOERROR","query_type":"A","transport":"UDP","version":"1.100000","account_id":"111122223333","srcport":"56067","query_timestamp":"2021-02-04T17:51:55Z","region":"us-east-1"})"),
      ElementsAre("dns evil.example 10.0.64.102:56067 > :0 blocked 0"));
}

TEST(LogParser, HostileAndBrokenLines) {
  for (const char* line : {"", "nonsense", "[1,2]", "{\"event_type\":\"alert\"", "{\"a\":1}}", "\"text\"",
                           "{\"event_type\":\"tls\",\"tls\":{\"sni\":\"\\ud800\"}}"})
    for (const auto& each : read(line)) EXPECT_THAT(each, HasSubstr("error: ")) << line;
  EXPECT_THAT(read(R"({"event_type":"tls","tls":"no object"})"), ElementsAre());
  EXPECT_THAT(read(R"({"event_type":"tls","tls":{"sni":17},"src_port":-1,"dest_port":99999})"), ElementsAre());
  EXPECT_THAT(read(R"({"event_type":"tls","src_ip":["x"],"tls":{"sni":"e.example"}})"),
              ElementsAre("tls e.example :0 > :0 untold 0"));
  EXPECT_THAT(read(R"({"event":{"event":{"event_type":"tls","tls":{"sni":"e.example"}}}})"), ElementsAre());
  EXPECT_THAT(read("{\"event_type\":\"tls\",\"tls\":{\"sni\":\"" + std::string(300, 'a') + "\"}}"), ElementsAre());
  EXPECT_THAT(read(R"({"event_type":"http","http":{"hostname":":"}})"), ElementsAre());
}

std::unique_ptr<intel::ByteSource> source_of(const std::string& text) {
  auto source = intel::unpacked(text, "log");
  IW_ASSERT(source.has_value());
  return *std::move(source);
}

TEST(LogScanner, FindsNamesBelowWatchedOnesAndCountsTheRest) {
  const std::vector<DomainSet::Entry> entries = {{"evil.example", Scope::subdomains, 7}};
  const auto watched = DomainSet::build(entries);
  ASSERT_TRUE(watched.has_value());
  std::string log;
  for (const char* name : {"good.example", "www.EVIL.example", "notevil.example", "evil.example."})
    log += fmt::format(R"({{"event_type":"tls","tls":{{"sni":"{}"}}}})", name) + "\n";
  log += "broken\n\r\n";
  log += std::string(3u << 20, 'x') + "\n";
  log += R"({"event_type":"tls","tls":{"sni":"last.evil.example"}})";  // no line break
  std::vector<std::string> found;
  ScanReport report;
  const auto source = source_of(log);
  ASSERT_TRUE(LogScanner(*watched)
                  .scan(
                      *source, "eve.json",
                      [&](const Contact& contact, const DomainSet::Match& match) {
                        found.push_back(fmt::format("{} {} {}", contact.name, match.name, match.payload));
                      },
                      report)
                  .has_value());
  EXPECT_THAT(found, ElementsAre("www.evil.example evil.example 7", "evil.example evil.example 7",
                                 "last.evil.example evil.example 7"));
  EXPECT_EQ(report.lines, 8U);
  EXPECT_EQ(report.names, 5U);
  EXPECT_EQ(report.hits, 3U);
  EXPECT_EQ(report.unreadable, 2U);
  EXPECT_THAT(report.unreadable_lines, ElementsAre(HasSubstr("eve.json:5: "), HasSubstr("eve.json:7: is longer")));
}

TEST(LogScanner, AGlancePassesOverNothingThatParsingFinds) {
  std::mt19937 random(11);
  const auto pick = [&](auto&& list) { return *(std::begin(list) + random() % std::size(list)); };
  const std::vector<DomainSet::Entry> entries = {{"evil.example", Scope::subdomains, 0}, {"x.test", Scope::exact, 1}};
  const auto watched = DomainSet::build(entries);
  ASSERT_TRUE(watched.has_value());
  std::string log;
  std::size_t expected = 0;
  LogParser parser;
  for (int i = 0; i < 20'000; ++i) {
    const std::string name =
        pick(std::vector<std::string>{"evil.example", "EVIL.example.", "a.b.evil.example", "good.example", "x.test",
                                      "y.x.test", "evil.example:80", "e\\u0076il.example", "evil.example\\"});
    const std::string gap = pick(std::vector<std::string>{"", " ", "  "});
    const std::string key = pick(std::vector<std::string>{"sni", "hostname", "rrname", "name", "query_name", "SNI"});
    const std::string event = pick(std::vector<std::string>{"tls", "http", "dns", "quic", "alert", "flow"});
    const std::string part = pick(std::vector<std::string>{"tls", "http", "dns", "quic"});
    std::string line = fmt::format(
        R"({{{2}"event_type":{2}"{0}",{2}"{1}"{2}:{2}{{"x{5}":"\"sni\":\"evil.example\"",{2}"{3}"{2}:{2}"{4}"{2}}}}})",
        event, part, gap, key, name, std::string(random() % 40, 'y'));
    if (random() % 10 == 0) line = line.substr(0, random() % line.size());
    auto padded = line + std::string(64, '\0');
    static_cast<void>(parser.parse(std::string_view(padded).substr(0, line.size()), 64,
                                   [&](const Contact& contact) { expected += watched->find(contact.name) ? 1 : 0; }));
    log += line + "\n";
  }
  ScanReport report;
  const auto source = source_of(log);
  ASSERT_TRUE(LogScanner(*watched).scan(*source, "log", [](const auto&, const auto&) {}, report).has_value());
  EXPECT_EQ(report.hits, expected);
  EXPECT_GT(report.hits, 1'000U);
}

TEST(LogSubscription, ReadsBothForms) {
  const char* plain =
      R"({"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/fw/alert","logStream":"s","logEvents":[{"id":"1","timestamp":1,"message":"{\"a\":1}"},{"message":"two\nlines"},5]})";
  const auto batch = read_subscription(plain);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->lines, "{\"a\":1}\ntwo lines\n");
  EXPECT_EQ(batch->events, 2U);
  EXPECT_EQ(batch->group, "/fw/alert");
  EXPECT_EQ(read_subscription(R"({"messageType":"CONTROL_MESSAGE"})")->kind, LogBatch::Kind::control);

  // What Python's gzip and base64 make of {"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs"}.
  const auto packed = read_subscription(
      R"({"awslogs":{"data":"H4sIAAAAAAACA6tWyk0tLk5MTw2pLEhVslJy9vcLCfL3ifd1DQ52dHdV0lHKL89LLQLJ5OSXppQnliRn+OSnFyvVAgAstzhFOgAAAA=="}})");
  ASSERT_TRUE(packed.has_value()) << packed.error().to_text();
  EXPECT_EQ(packed->kind, LogBatch::Kind::control);
  EXPECT_EQ(packed->account, "CloudwatchLogs");

  for (const char* bad : {"", "[]", "{}", R"({"awslogs":{}})", R"({"awslogs":{"data":"!!!!"}})",
                          R"({"awslogs":{"data":"AAAA"}})", R"({"messageType":"DATA_MESSAGE"})"})
    EXPECT_FALSE(read_subscription(bad).has_value()) << bad;
}

}  // namespace
}  // namespace intelwall::hunt
