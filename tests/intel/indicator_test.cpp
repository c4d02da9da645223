#include "intel/indicator.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace intelwall::intel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* whole = R"({"id":"domain_evil.example.com","indicator":"evil.example.com","type":"domain",
 "deleted":false,"published_date":1700547356,"last_updated":1700547361,"reports":["CSA-231234"],
 "actors":["SALTYSPIDER"],"malware_families":["Mofksys"],"kill_chains":["Installation","C2"],"ip_address_types":[],
 "domain_types":["ActorControlled"],"malicious_confidence":"High","_marker":"17005473618d17ae6353d123235e4158c5",
 "labels":[{"name":"MaliciousConfidence/High","created_on":1700547356,"last_valid_on":1700547360},
  {"name":"DomainType/ActorControlled","created_on":1700547359,"last_valid_on":1700547359}],
 "relations":[{"id":"ip_address_203.0.113.7","indicator":"203.0.113.7","type":"ip_address","created_date":1}],
 "targets":["Financial"],"threat_types":["Commodity","CredentialHarvesting"],"vulnerabilities":["CVE-2023-1234"]})";

Time at(std::int64_t seconds) {
  return Time(std::chrono::seconds(seconds));
}

TEST(ParseIndicator, TakesAllThatFalconGives) {
  const auto parsed = parse_indicator(whole);
  ASSERT_TRUE(parsed) << parsed.error().to_text();
  EXPECT_EQ(parsed->id, "domain_evil.example.com");
  EXPECT_EQ(parsed->value, "evil.example.com");
  EXPECT_EQ(parsed->type, "domain");
  EXPECT_EQ(parsed->source, "falcon");
  EXPECT_EQ(parsed->marker, "17005473618d17ae6353d123235e4158c5");
  EXPECT_FALSE(parsed->deleted);
  EXPECT_EQ(parsed->confidence, Confidence::high);
  EXPECT_EQ(parsed->published, at(1700547356));
  EXPECT_EQ(parsed->last_updated, at(1700547361));
  EXPECT_THAT(parsed->actors, ElementsAre("SALTYSPIDER"));
  EXPECT_THAT(parsed->malware_families, ElementsAre("Mofksys"));
  EXPECT_THAT(parsed->kill_chains, ElementsAre("Installation", "C2"));
  EXPECT_THAT(parsed->domain_types, ElementsAre("ActorControlled"));
  EXPECT_THAT(parsed->threat_types, ElementsAre("Commodity", "CredentialHarvesting"));
  EXPECT_THAT(parsed->targets, ElementsAre("Financial"));
  EXPECT_THAT(parsed->reports, ElementsAre("CSA-231234"));
  EXPECT_THAT(parsed->labels, ElementsAre("MaliciousConfidence/High", "DomainType/ActorControlled"));
}

TEST(ParseIndicator, NeedsOnlyThreeMembers) {
  const auto least = parse_indicator(R"({"id":"a","indicator":"b","type":"c"})");
  ASSERT_TRUE(least) << least.error().to_text();
  EXPECT_EQ(*least, (Indicator{.id = "a", .value = "b", .type = "c", .source = "falcon"}));
  for (const auto& [json, missing] :
       {std::pair{R"({"indicator":"b","type":"c"})", "'id'"}, std::pair{R"({"id":"a","type":"c"})", "'indicator'"},
        std::pair{R"({"id":"a","indicator":"b","type":7})", "'type'"}, std::pair{"{}", "'id'"}}) {
    const auto parsed = parse_indicator(json);
    ASSERT_FALSE(parsed) << json;
    EXPECT_THAT(parsed.error().message, HasSubstr(missing));
  }
}

TEST(ParseIndicator, PassesOverWhatIsOfAnotherKind) {
  const auto odd = parse_indicator(
      R"({"id":"a","indicator":"b","type":"c","actors":null,"targets":"Financial","labels":[null,{"x":1},{"name":7},"l"],)"
      R"("reports":{"0":"r"},"last_updated":"yesterday","published_date":-3,"deleted":"no","malicious_confidence":4,"_marker":9,"new":[[]]})");
  ASSERT_TRUE(odd) << odd.error().to_text();
  EXPECT_EQ(*odd, (Indicator{.id = "a", .value = "b", .type = "c", .source = "falcon", .labels = {"l"}}));
}

TEST(ParseIndicator, RefusesWhatIsNoObject) {
  for (const char* json :
       {"", "[]", "7", "{", R"({"id":"a","indicator":"b","type":"c")", R"({"id":"a","indicator":"b","type":"c"}{})",
        R"({"id":"a","indicator":"b","type":"c","actors":["x})"}) {
    const auto parsed = parse_indicator(json);
    ASSERT_FALSE(parsed) << json;
    EXPECT_THAT(parsed.error().message, HasSubstr("is no JSON object")) << json;
  }
}

TEST(Confidences, Words) {
  EXPECT_EQ(confidence_named("High"), Confidence::high);
  EXPECT_EQ(confidence_named("unverified"), Confidence::unverified);
  EXPECT_EQ(confidence_named("huge"), Confidence::unverified);
  for (const auto confidence : {Confidence::high, Confidence::medium, Confidence::low, Confidence::unverified})
    EXPECT_EQ(confidence_named(to_string(confidence)), confidence);
  EXPECT_EQ(confidence_of_percent(70), Confidence::high);
  EXPECT_EQ(confidence_of_percent(69), Confidence::medium);
  EXPECT_EQ(confidence_of_percent(29), Confidence::low);
  EXPECT_EQ(confidence_of_percent(0), Confidence::unverified);
  EXPECT_EQ(confidence_of_percent(-5), Confidence::unverified);
}

TEST(ReadPage, GivesEachIndicatorAndItsText) {
  IndicatorReader reader;
  IndicatorPage page;
  const std::string second = R"({"id":"x","indicator":"y","type":"url","malicious_confidence":"low"})";
  std::string answer =
      std::string(R"({"meta":{"query_time":0.1,"pagination":{"offset":0,"limit":2,"total":31093625}},)") +
      R"("resources":[ )" + whole + "\n , " + second + R"( ],"errors":[]})";
  const auto read = reader.read_page(answer, page);
  ASSERT_TRUE(read) << read.error().to_text();
  EXPECT_EQ(page.total, 31093625);
  EXPECT_FALSE(page.has_errors);
  ASSERT_EQ(page.indicators.size(), 2);
  EXPECT_THAT(page.lines, ElementsAre(whole, second));
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(*parse_indicator(page.lines[i]), page.indicators[i]);

  // The next page is read into the same places: nothing of this one stays.
  std::string next = R"({"resources":[{"id":"x","indicator":"y","type":"url"}],"errors":[{"code":1}]})";
  ASSERT_TRUE(reader.read_page(next, page));
  EXPECT_THAT(page.indicators, ElementsAre(Indicator{.id = "x", .value = "y", .type = "url", .source = "falcon"}));
  EXPECT_EQ(page.total, std::nullopt);
  EXPECT_TRUE(page.has_errors);
}

/// Members are looked for where the object before had them.
TEST(ReadPage, MembersStandAnywhere) {
  IndicatorReader reader;
  IndicatorPage page;
  std::string answer =
      R"({"resources":[{"id":"a","indicator":"b","type":"url","actors":["A"]},)"
      R"({"type":"url","x":{"id":"no"},"id":"a","actors":["A"],"indicator":"b"},)"
      R"({"i":"no","idx":"no","\u0069d":"a","indicator":"b","type":"url","a\"":7,"act\u006frs":["A"]},)"
      R"({"id":"a","indicator":"b","\u0069d":"a","a\"":8,"type":"url","actors":["A"]}]})";
  ASSERT_TRUE(reader.read_page(answer, page));
  const Indicator all{.id = "a", .value = "b", .type = "url", .source = "falcon", .actors = {"A"}};
  EXPECT_THAT(page.indicators, ElementsAre(all, all, all, all));
}

TEST(ReadPage, CountsWhatIsNoIndicator) {
  IndicatorReader reader;
  IndicatorPage page;
  std::string answer =
      R"({"resources":[{"id":"x"},7,{"id":"x","indicator":"y","type":"url","actors":["A"]},null,[1]],"meta":{}})";
  ASSERT_TRUE(reader.read_page(answer, page));
  ASSERT_EQ(page.indicators.size(), 1);
  EXPECT_THAT(page.indicators[0].actors, ElementsAre("A"));
  EXPECT_EQ(page.lines.size(), 1);
  EXPECT_EQ(page.unreadable, 4);
  EXPECT_EQ(page.unreadable_reason, "it has no text in 'indicator'");
}

TEST(ReadPage, TakesAnEmptyAnswer) {
  IndicatorReader reader;
  IndicatorPage page;
  for (const char* text :
       {R"({"meta":{},"resources":[],"errors":null})", R"({"meta":{},"resources":null})", R"({"meta":{}})"}) {
    std::string filled = R"({"resources":[{"id":"x","indicator":"y","type":"url"}]})";
    ASSERT_TRUE(reader.read_page(filled, page));
    std::string answer = text;
    const auto read = reader.read_page(answer, page);
    ASSERT_TRUE(read) << text << read.error().to_text();
    EXPECT_THAT(page.indicators, IsEmpty()) << text;
    EXPECT_THAT(page.lines, IsEmpty());
    EXPECT_FALSE(page.has_errors);
  }
}

TEST(ReadPage, RefusesWhatIsNoAnswer) {
  IndicatorReader reader;
  IndicatorPage page;
  for (const char* text : {"", "<html>Service unavailable</html>", "[]", "{}", R"({"resources":7})",
                           R"({"resources":{"a":1}})", R"({"resources":[{"id":"x","indicator":"y","type":"url"})",
                           R"({"resources":[{"id":"x")", R"({"message":"hello"})"}) {
    std::string answer = text;
    const auto read = reader.read_page(answer, page);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::protocol) << text;
    EXPECT_THAT(read.error().hint, HasSubstr("FALCON_BASE_URL"));
  }
}

TEST(ReadPage, SurvivesEveryCutAndEveryBrokenByte) {
  IndicatorReader reader;
  IndicatorPage page;
  const std::string good =
      std::string(R"({"meta":{"pagination":{"total":1}},"resources":[)") + whole + R"(],"errors":[]})";
  for (std::size_t size = 0; size < good.size(); ++size) {
    std::string cut = good.substr(0, size);
    EXPECT_FALSE(reader.read_page(cut, page)) << size;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'"', '\\', '{', ']', '\0', '\xff'}) {
      std::string broken = good;
      broken[at] = byte;
      EXPECT_TRUE(!reader.read_page(broken, page) || page.lines.size() == page.indicators.size());
    }
  }
}

TEST(IndicatorReader, DecisiveMembersAreThoseAndNoMore) {
  std::string answer =
      R"({"resources":[{"id":"domain_a.example","indicator":"a.example","type":"domain","published_date":1,"last_updated":2,)"
      R"("_marker":"m","malicious_confidence":"high","reports":["R"],"labels":[{"name":"L"}],"targets":["T"],)"
      R"("actors":["A"],"malware_families":["F"],"kill_chains":["K"],"domain_types":["D"],"threat_types":["Y"]}]})";
  std::string again = answer;
  IndicatorReader all;
  IndicatorReader decisive(Members::decisive);
  IndicatorPage page;
  ASSERT_TRUE(all.read_page(answer, page));
  auto wanted = page.indicators.front();
  EXPECT_EQ(page.lines.size(), 1U);
  wanted.published = {};
  wanted.reports.clear();
  wanted.labels.clear();
  wanted.targets.clear();
  // Into the place that held all of it.
  ASSERT_TRUE(decisive.read_page(again, page));
  EXPECT_EQ(page.indicators.front(), wanted);
  EXPECT_TRUE(page.lines.empty());
}

}  // namespace
}  // namespace intelwall::intel
