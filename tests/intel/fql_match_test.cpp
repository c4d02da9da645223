#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "intel/fql_lines.hpp"
#include "intel/fql_reference.hpp"

namespace intelwall::fql {
namespace {

const Time now = parse_time("2023-11-24T12:00:00Z").value();  // 1700827200

bool matches(const std::string& text, const std::string& object) {
  const auto filter = read(text);
  EXPECT_TRUE(filter) << text << ": " << (filter ? "" : filter.error().message);
  if (!filter) return false;
  Matcher matcher(*filter, now);
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  EXPECT_EQ(parser.parse(object).get(element), simdjson::SUCCESS) << object;
  const bool first = matcher(element);
  EXPECT_EQ(matcher(element), first) << "by places: " << text << " " << object;
  EXPECT_EQ(reference::holds(filter->root, nlohmann::json::parse(object), now), first)
      << "the reference differs: " << text << " " << object;
  return first;
}

const std::string indicator = R"({"id":"domain_evil.example.com","indicator":"evil.example.com","type":"domain",
  "deleted":false,"published_date":1700547356,"last_updated":1700547361,"reports":["CSA-231234"],
  "actors":["SALTYSPIDER"],"malware_families":["Mofksys Loader"],"kill_chains":["Installation","C2"],"ip_address_types":[],
  "domain_types":["ActorControlled"],"malicious_confidence":"high","_marker":"17005473618d17ae6353d123235e4158c5c81f25f0",
  "labels":[{"name":"MaliciousConfidence/High","created_on":1700547356,"last_valid_on":1700547360},
            {"name":"DomainType/ActorControlled","created_on":1700547359,"last_valid_on":1700547359}],
  "relations":[{"id":"ip_address_203.0.113.7","indicator":"203.0.113.7","type":"ip_address"}],
  "targets":["Financial","Technology"],"threat_types":["Commodity"],"vulnerabilities":null})";

struct Case {
  std::string filter;
  bool expected;
};

TEST(FqlMatch, ReadsAnIndicatorAsFalconDoes) {
  const std::vector<Case> cases = {
      {R"("type:'domain'+malicious_confidence:'High'+targets:'Technology'+last_updated:>'{old_date}'")", true},
      {R"("type:'domain'+malicious_confidence:'High'+targets:'Technology'+last_updated:>'{now-2d}'")", false},
      {"type:'url'", false},
      {"type:!'url'", true},
      {"type:'DOMAIN'", true},
      {"type:'dom*'", true},
      {"type:'DOM*'", true},
      {"type:['url','domain']", true},
      {"type:!['url','domain']", false},
      {"type:['dom*']", false},
      {"type:*['dom*']", true},
      {"indicator:'Evil.example.com'", false},
      {"indicator:'*.example.com'", true},
      {"indicator:'*.example.org'", false},
      {"indicator:*'*EXAMPLE*'", false},
      {"indicator:*'example'", true},
      {"indicator:!*'*example*'", false},
      {"indicator:'e*example*m'", true},
      {"indicator:~'EXAMPLE evil'", true},
      {"indicator:~'evil-examp*'", true},
      {"indicator:~'exam'", false},
      {"indicator:!~'exam'", true},
      {"deleted:false", true},
      {"deleted:'FALSE'", true},
      {"deleted:true", false},
      {"deleted:!true", true},
      // Seconds in the object, any date in the filter.
      {"last_updated:1700547361", true},
      {"last_updated:'1700547361'", true},
      {"last_updated:'2023-11-21T06:16:01Z'", true},
      {"last_updated:'2023-11-21T07:16:01+01:00'", true},
      {"last_updated:'2023-11-21T06:16:01.5Z'", false},
      {"last_updated:'2023-11-21'", true},
      {"last_updated:'2023-11-20'", false},
      {"last_updated:>'2023-11-21'", false},
      {"last_updated:>'2023-11-20'", true},
      {"last_updated:>='2023-11-21'", true},
      {"last_updated:<'2023-11-21'", false},
      {"last_updated:<='2023-11-21'", true},
      {"last_updated:>'2023-11-21T06:16:00.999999999Z'", true},
      {"last_updated:>'now-4d'", true},
      {"last_updated:>'now-3d'", false},
      {"last_updated:<'now+1w'", true},
      {"last_updated:['2023-11-20','2023-11-21']", true},
      {"last_updated:>1700547360.5", true},
      {"labels.last_valid_on:>=1700547360", true},
      {"labels.created_on:'2023-11-21'", true},
      {"labels.name:'domaintype/actorcontrolled'", true},
      {"labels:'DomainType/*'", true},
      {"labels:'DomainType/DGA'", false},
      {"labels:!null", true},
      {"relations.type:'ip_address'", true},
      {"relations.indicator:'203.0.113.*'", true},
      {"_marker:>='1700000000'", true},
      {"_marker:>=1700000000", true},
      {"_marker:>'17005473618d17ae6353d123235e4158c5c81f25f0'", false},
      {"_marker:>='17005473618d17ae6353d123235e4158c5c81f25f0'", true},
      {"_MARKER:<'1800'", true},
      // Lists: any element; negated: none of them.
      {"targets:'technology'", true},
      {"targets:!'Technology'", false},
      {"targets:!'Energy'", true},
      {"kill_chains:['c2','delivery']", true},
      {"malware_families:~'loader'", true},
      // Nothing there.
      {"ip_address_types:null", true},
      {"ip_address_types:!null", false},
      {"ip_address_types:''", true},
      {"ip_address_types:'*'", false},
      {"ip_address_types:!'*'", true},
      {"ip_address_types:!'TorProxy'", true},
      {"ip_address_types:'TorProxy'", false},
      {"vulnerabilities:null", true},
      {"vulnerabilities:[null,'CVE-2023-1']", true},
      {"vulnerabilities:!['']", false},
      {"actors:!['']", true},
      {"actors:*", true},
      {"actors:!*", false},
      {"scope:null", true},
      {"scope:!'x'", true},
      {"scope.deeper.down:null", true},
      {"type.deeper:null", true},
      {"scope:>5", false},
      {"!scope:>5", true},
      // Precedence and groups.
      {"type:'url',type:'domain'+deleted:true", false},
      {"type:'domain',type:'url'+deleted:true", true},
      {"(type:'domain',type:'url')+deleted:true", false},
      {"!(type:'domain'+deleted:true)", true},
      {"!(type:'url',deleted:true)+!(!type:'domain')", true},
  };
  for (const auto& [filter, expected] : cases) EXPECT_EQ(matches(filter, indicator), expected) << filter;
}

struct OtherCase {
  std::string filter;
  std::string object;
  bool expected;
};

TEST(FqlMatch, ReadsOtherObjectsByTheirValues) {
  const std::vector<OtherCase> cases = {
      {"severity:>=60", R"({"severity":60})", true},
      {"severity:>'60'", R"({"severity":100})", true},
      {"severity:>9", R"({"severity":"10"})", true},
      {"severity:>'9'", R"({"severity":"10"})", false},
      {"severity:60", R"({"severity":60.0})", true},
      {"severity:60", R"({"severity":"60"})", true},
      {"severity:1.5", R"({"severity":1.5})", true},
      {"severity:'6*'", R"({"severity":60})", true},
      {"big:9007199254740993", R"({"big":9007199254740992})", false},
      {"big:>9223372036854775807", R"({"big":18446744073709551615})", true},
      {"running:'true'", R"({"running":true})", true},
      {"running:true", R"({"running":"True"})", true},
      {"running:1", R"({"running":true})", false},
      {"running:>0", R"({"running":true})", false},
      {"seen:>'2024-02-22T14:16:04.973070836Z'", R"({"seen":"2024-02-22T14:16:04.973070837Z"})", true},
      {"seen:'2024-02-22'", R"({"seen":"2024-02-22T14:16:04.973070837Z"})", true},
      {"seen:>'now-1d'", R"({"seen":1700827100})", true},
      {"seen:>'now-1d'", R"({"seen":"nowhere"})", false},
      {"seen:>1700000000", R"({"seen":"2023-11-24T12:00:00Z"})", true},
      {"name:'now'", R"({"name":"now"})", true},
      {"device.device_id:['a','b']", R"({"device":{"device_id":"b"}})", true},
      {"device.id:'b'", R"({"device":[{"id":"a"},{"id":["b"]},7,null]})", true},
      {"device:null", R"({"device":{}})", false},
      {"device:'x'", R"({"device":{}})", false},
      {"username:'a'", R"({"UserName":"a"})", true},
      {"a:'x'", R"(["a"])", false},
      {"a:'x'", R"({})", false},
      {"a:!'x'", R"({})", true},
      {"a:''", R"({"a":["",""]})", true},
      {"a:''", R"({"a":["b"]})", false},
      {"a:''", R"({"a":["b",""]})", true},
      {"a:null", R"({"a":[null,[]]})", true},
      {"a:'*'", R"({"a":""})", false},
      {"a:'*'", R"({"a":0})", true},
      {R"(a:'it\'s')", R"({"a":"it's"})", true},
      {R"(a:'c:\temp')", R"({"a":"c:\\temp"})", true},
      {"a:'É'", R"({"a":"\u00c9"})", true},
      {"a:~'É x'", R"({"a":"X-É"})", true},
      {"a:'a*a'", R"({"a":"a"})", false},
      {"a:'a**b*'", R"({"a":"ab"})", true},
  };
  for (const auto& [filter, object, expected] : cases)
    EXPECT_EQ(matches(filter, object), expected) << filter << " " << object;
}

TEST(FqlMatch, FindsMembersWhereverTheyStand) {
  const auto filter = read("type:'domain'+targets:'Energy'+malicious_confidence:'high'+scope:null");
  Matcher matcher(*filter, now);
  const std::vector<std::pair<std::string, bool>> objects = {
      {R"({"type":"domain","malicious_confidence":"high","targets":["Energy"]})", true},
      {R"({"type":"domain","malicious_confidence":"high","targets":["Energy"]})", true},
      {R"({"targets":["Energy"],"x":1,"type":"domain","y":{"type":"url"},"malicious_confidence":"high"})", true},
      {R"({"targets":["Energy"],"x":1,"type":"domain","y":{"type":"url"},"malicious_confidence":"low"})", false},
      {R"({"type":"domain","malicious_confidence":"high"})", false},
      {R"({"type":"domain","malicious_confidence":"high","targets":["Energy"],"scope":"x"})", false},
      {R"({"Targets":["Energy"],"TYPE":"domain","malicious_confidence":"high"})", true},
      {R"({})", false},
      {R"({"type":"domain","malicious_confidence":"high","targets":["Energy"]})", true},
  };
  simdjson::dom::parser parser;
  for (const auto& [object, expected] : objects) EXPECT_EQ(matcher(parser.parse(object).value()), expected) << object;
}

TEST(FqlMatch, LooksUpLongLists) {
  std::string list, words;
  for (int i = 0; i < 5'000; ++i) list += "'host" + std::to_string(i) + ".test',";
  for (int i = 0; i < 100; ++i) words += "'Actor" + std::to_string(i) + "',";
  EXPECT_TRUE(matches("indicator:[" + list + "'x']", R"({"indicator":"host4999.test"})"));
  EXPECT_FALSE(matches("indicator:[" + list + "'x']", R"({"indicator":"host5000.test"})"));
  EXPECT_FALSE(matches("indicator:[" + list + "'x']", R"({"indicator":"HOST1.test"})"));
  EXPECT_TRUE(matches("actors:[" + words + "'x']", R"({"actors":["none","ACTOR99"]})"));
  EXPECT_TRUE(matches("other:[" + list + "'x',7]", R"({"other":7})"));
  EXPECT_TRUE(matches("other:[" + list + "'x','7']", R"({"other":7})"));
}

TEST(FqlLines, KeepsMatchingLinesAndNamesBadOnes) {
  std::string text =
      "\xef\xbb\xbf{\"a\":1}\r\n\n  \n{ \"a\" : 1.0 , \"b\" : \"\\u00e9\" }\n{\"a\":2}\n{\"a\":1\n[1]\n\"x\"\nnope\n";
  text += "{\"a\":1,\"b\":\"" + std::string(2u << 20, 'x') + "\"}\n";
  text += std::string("{\"a\":\"\0\"}\n", 10);
  text += "{\"a\":\"\xff\"}\n" + std::string(100'000, '[') + "\n{\"a\":1}";
  auto source = intel::unpacked(std::span<const char>(text.data(), text.size()), "test");
  ASSERT_TRUE(source);
  const auto filter = read("a:1");
  Matcher matcher(*filter, now);
  std::vector<std::string> lines;
  std::vector<std::uint64_t> bad;
  const auto report = match_lines(
      **source, matcher,
      [&](std::string_view line) {
        lines.emplace_back(line);
        return Next::go_on;
      },
      [&](std::uint64_t number, const std::string& reason) {
        EXPECT_FALSE(reason.empty());
        bad.push_back(number);
      });
  ASSERT_TRUE(report);
  EXPECT_EQ(lines, (std::vector<std::string>{"{\"a\":1}", "{ \"a\" : 1.0 , \"b\" : \"\\u00e9\" }", "{\"a\":1}"}));
  EXPECT_EQ(bad, (std::vector<std::uint64_t>{6, 7, 8, 9, 10, 11, 12, 13}));
  EXPECT_EQ(report->objects, 4U);
  EXPECT_EQ(report->matched, 3U);
  EXPECT_EQ(report->unreadable, 8U);
}

}  // namespace
}  // namespace intelwall::fql
