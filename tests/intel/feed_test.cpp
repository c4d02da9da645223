#include "intel/feed.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "intel/stix_pattern.hpp"

namespace intelwall::intel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Time now = *parse_time("2026-11-24T14:03:04Z");

struct Read {
  Result<void> outcome;
  ListReport report;
  std::vector<Indicator> indicators;

  std::vector<std::string> values() const {
    std::vector<std::string> values;
    for (const auto& each : indicators) values.push_back(each.value);
    return values;
  }
};

Read read(const std::string& text, FeedOptions options = {}, const std::string& name = "feed") {
  options.source = "ours";
  options.now = now;
  Read result;
  const auto source = unpacked(text, name);
  EXPECT_TRUE(source);
  result.outcome = read_feed(**source, name, options, result.report, [&](Indicator&& indicator) -> Result<void> {
    EXPECT_EQ(indicator.id, indicator.type + '_' + indicator.value);
    result.indicators.push_back(std::move(indicator));
    return {};
  });
  return result;
}

std::string bundle(const std::string& objects) {
  return R"({"type":"bundle","id":"bundle--1","objects":[)" + objects + "]}";
}
std::string indicator(const std::string& id, const std::string& pattern, const std::string& more = "") {
  return fmt::format(
      R"({{"type":"indicator","spec_version":"2.1","id":"indicator--{}","created":"2026-01-02T03:04:05.678Z",)"
      R"("modified":"2026-02-03T04:05:06Z","pattern":"{}","pattern_type":"stix","valid_from":"2026-01-02T03:04:05Z"{}}})",
      id, pattern, more);
}

TEST(StixPattern, GivesTheAlternatives) {
  using Found = std::vector<StixObservable>;
  const std::pair<const char*, Found> patterns[] = {
      {"[domain-name:value = 'evil.example']", {{"domain", "evil.example"}}},
      {"[domain-name:value='a.example' OR domain-name:value = 'b.example']",
       {{"domain", "a.example"}, {"domain", "b.example"}}},
      {"[domain-name:value = 'a.example'] OR [url:value = 'http://b/']",
       {{"domain", "a.example"}, {"url", "http://b/"}}},
      {"([domain-name:value = 'a']) or ([domain-name:value = 'b'])", {{"domain", "a"}, {"domain", "b"}}},
      {"[(domain-name:value = 'a' OR (ipv4-addr:value = '198.51.100.0/24'))]",
       {{"domain", "a"}, {"ip_address_block", "198.51.100.0/24"}}},
      {"[domain-name:value IN ('a', 'b')]", {{"domain", "a"}, {"domain", "b"}}},
      {"[file:hashes.'SHA-256' = 'ab']", {{"hash_sha256", "ab"}}},
      {R"([file:hashes."MD5" = 'ab' OR file:hashes.SHA1 = 'cd'])", {{"hash_md5", "ab"}, {"hash_sha1", "cd"}}},
      {R"([mutex:name = 'it\'s \\ here'])", {{"mutex_name", "it's \\ here"}}},
      {"[process:name = 'x' OR network-traffic:dst_port = 443]", {{"", "x"}, {"", "443"}}},
      {"[email-addr:value = 'a@b.example']", {{"email_address", "a@b.example"}}},
      {"[ipv6-addr:value = '2001:db8::1']", {{"ip_address", "2001:db8::1"}}}};
  for (const auto& [pattern, found] : patterns) {
    const auto parsed = read_stix_pattern(pattern);
    ASSERT_TRUE(parsed) << pattern << ": " << parsed.error().to_text();
    EXPECT_EQ(*parsed, found) << pattern;
  }
}

TEST(StixPattern, RefusesWhatSaysLessThanARule) {
  const std::pair<const char*, const char*> patterns[] = {
      {"[domain-name:value = 'a' AND url:value = 'b']", "AND"},
      {"[domain-name:value = 'a'] FOLLOWEDBY [domain-name:value = 'b']", "FOLLOWEDBY"},
      {"[domain-name:value LIKE '%a%']", "LIKE"},
      {"[domain-name:value MATCHES '.*']", "MATCHES"},
      {"[domain-name:value != 'a']", "!="},
      {"[NOT domain-name:value = 'a']", "NOT"},
      {"[domain-name:value NOT IN ('a')]", "NOT"},
      {"[domain-name:value = 'a'] REPEATS 5 TIMES", "REPEATS"},
      {"[domain-name:value = 'a'] WITHIN 300 SECONDS", "WITHIN"},
      {"[domain-name:value = 'a'", "\"]\""},
      {"domain-name:value = 'a'", "\"[\""},
      {"[domain-name:value = 'a]", "does not close"},
      {"[domain-name:value = a]", "quotes"},
      {"[value = 'a']", "a path"},
      {"[domain-name:value = 'a'] [domain-name:value = 'b']", "the end"},
      {"[]", "a path"},
      {"", "\"[\""}};
  for (const auto& [pattern, reason] : patterns) {
    const auto parsed = read_stix_pattern(pattern);
    ASSERT_FALSE(parsed) << pattern;
    EXPECT_THAT(parsed.error().message, HasSubstr(reason)) << pattern;
  }
  EXPECT_THAT(read_stix_pattern(std::string(100, '(')).error().message, HasSubstr("too deep"));
  EXPECT_THAT(read_stix_pattern(std::string(70'000, ' ')).error().message, HasSubstr("longer than"));
}

TEST(Feed, StixTellsWhoseAnIndicatorIs) {
  const auto result = read(bundle(
      R"({"type":"relationship","relationship_type":"indicates","source_ref":"indicator--1","target_ref":"intrusion-set--1"},)"
      R"({"type":"relationship","relationship_type":"indicates","source_ref":"indicator--1","target_ref":"malware--1"},)"
      R"({"type":"relationship","relationship_type":"indicates","source_ref":"indicator--1","target_ref":"threat-actor--9"},)"
      R"({"type":"relationship","relationship_type":"based-on","source_ref":"indicator--1","target_ref":"malware--2"},)" +
      indicator(
          "1", "[domain-name:value = 'evil.example' OR domain-name:value = 'bad.example']",
          R"(,"confidence":85,"labels":["phishing"],"indicator_types":["malicious-activity"],)"
          R"("kill_chain_phases":[{"kill_chain_name":"lockheed","phase_name":"c2"}],"valid_until":"2027-01-01T00:00:00Z")") +
      R"(,{"type":"intrusion-set","id":"intrusion-set--1","name":"FANCYBEAR"},{"type":"malware","id":"malware--1","name":"X-Agent"},)"
      R"({"type":"malware","id":"malware--2","name":"Other"},{"type":"identity","id":"identity--1","name":"Us"})"));
  ASSERT_TRUE(result.outcome) << result.outcome.error().to_text();
  ASSERT_THAT(result.values(), ElementsAre("evil.example", "bad.example"));
  const Indicator& first = result.indicators[0];
  EXPECT_EQ(first.type, "domain");
  EXPECT_EQ(first.source, "ours");
  EXPECT_EQ(first.confidence, Confidence::high);
  EXPECT_THAT(first.actors, ElementsAre("FANCYBEAR"));
  EXPECT_THAT(first.malware_families, ElementsAre("X-Agent"));
  EXPECT_THAT(first.kill_chains, ElementsAre("c2"));
  EXPECT_THAT(first.labels, ElementsAre("phishing"));
  EXPECT_THAT(first.reports, ElementsAre("indicator--1"));
  EXPECT_EQ(first.published, *parse_time("2026-01-02T03:04:05Z"));
  EXPECT_EQ(first.last_updated, *parse_time("2026-02-03T04:05:06Z"));
  EXPECT_EQ(first.valid_until, *parse_time("2027-01-01T00:00:00Z"));
  EXPECT_FALSE(first.deleted);
  EXPECT_EQ(result.report.taken, 2);
}

TEST(Feed, StixSaysWhatIsNoLongerOrNeverBad) {
  const auto result = read(bundle(
      indicator("1", "[domain-name:value = 'revoked.example']", R"(,"revoked":true)") + "," +
      indicator("2", "[domain-name:value = 'over.example']", R"(,"valid_until":"2026-11-24T14:03:04Z")") + "," +
      indicator("3", "[domain-name:value = 'good.example']", R"(,"indicator_types":["benign"])") + "," +
      indicator("4", "[domain-name:value = 'old.example']") + "," +
      R"({"type":"indicator","id":"indicator--4","modified":"2026-03-03T00:00:00Z","pattern":"[domain-name:value = 'new.example']"},)" +
      R"({"type":"indicator","id":"indicator--5","pattern_type":"sigma","pattern":"title: x"},)" +
      indicator("6", "[domain-name:value = 'a' AND url:value = 'b']") + ",7"));
  ASSERT_TRUE(result.outcome) << result.outcome.error().to_text();
  ASSERT_THAT(result.values(), ElementsAre("revoked.example", "good.example", "new.example"));
  EXPECT_TRUE(result.indicators[0].deleted);
  EXPECT_THAT(result.indicators[1].domain_types, ElementsAre("KnownGood"));
  EXPECT_EQ(result.indicators[2].confidence, Confidence::medium) << "where the bundle says nothing";
  EXPECT_EQ(result.report.passed_over, 2) << "what is over, and the Sigma rule";
  ASSERT_EQ(result.report.refused_count, 2);
  EXPECT_THAT(result.report.refused[1].reason, testing::AllOf(HasSubstr("AND"), HasSubstr("indicator--6")));
}

TEST(Feed, MispTakesWhatIsForDetection) {
  const std::string event =
      R"({"Event":{"uuid":"e-1","threat_level_id":"1","Tag":[{"name":"misp-galaxy:threat-actor=\"Sofacy\""},{"name":"tlp:clear"}],)"
      R"("Attribute":[{"type":"domain","value":"evil.example","to_ids":true,"timestamp":"1700000000","Tag":[{"name":"misp-galaxy:malpedia=\"X-Agent\""}]},)"
      R"({"type":"domain","value":"victim.example","to_ids":false},{"type":"domain|ip","value":"pair.example|198.51.100.7","to_ids":true},)"
      R"({"type":"sha256","value":"ab","to_ids":true,"deleted":true},{"type":"comment","value":"x","to_ids":true},{"type":"url","to_ids":true}],)"
      R"("Object":[{"Attribute":[{"type":"hostname","value":"in.object.example","to_ids":true}]}]}})";
  for (const std::string& document : {event, R"({"response":[)" + event + "]}", "[" + event + "]"}) {
    const auto result = read(document);
    ASSERT_TRUE(result.outcome) << result.outcome.error().to_text();
    ASSERT_THAT(result.values(), ElementsAre("evil.example", "pair.example", "ab", "in.object.example"));
    EXPECT_EQ(result.indicators[0].confidence, Confidence::high);
    EXPECT_THAT(result.indicators[0].actors, ElementsAre("Sofacy"));
    EXPECT_THAT(result.indicators[0].malware_families, ElementsAre("X-Agent"));
    EXPECT_THAT(result.indicators[0].reports, ElementsAre("e-1"));
    EXPECT_EQ(result.indicators[0].last_updated, Time(std::chrono::seconds(1700000000)));
    EXPECT_THAT(result.indicators[1].malware_families, IsEmpty());
    EXPECT_TRUE(result.indicators[2].deleted);
    EXPECT_EQ(result.report.passed_over, 2);
    EXPECT_EQ(result.report.refused_count, 1);
  }
}

TEST(Feed, ListsOfEveryForm) {
  for (const auto& [text, name] :
       {std::pair{"# names\nevil.example\n=exact.example\nnot a name\n", "a.txt"},
        std::pair{"127.0.0.1 localhost evil.example\n0.0.0.0 exact.example\n0.0.0.0 not*a*name\n", "hosts"},
        std::pair{"name,family\nevil.example,x\nexact.example,y\n\"not a name\",z\n", "a.csv"},
        std::pair{"evil.example\tx\nexact.example\ty\nnot a name\tz\n", "a.tsv"},
        std::pair{"{\"domain\":\"evil.example\"}\n{\"domain\":\"exact.example\"}\n{\"domain\":\"not a name\"}\n",
                  "a.jsonl"}}) {
    const auto result = read(text, {.confidence = Confidence::low}, name);
    ASSERT_TRUE(result.outcome) << result.outcome.error().to_text();
    EXPECT_THAT(result.values(), ElementsAre("evil.example", "exact.example")) << name;
    EXPECT_EQ(result.indicators[0].confidence, Confidence::low);
    EXPECT_EQ(result.indicators[0].source, "ours");
    EXPECT_EQ(result.report.refused_count, 1) << name;
    EXPECT_EQ(result.report.taken, 2);
  }
  EXPECT_EQ(read("=exact.example\n").indicators.at(0).scope, Scope::exact);
}

TEST(Feed, FalconsLinesKeepAllTheySay) {
  const auto result = read(
      "{\"id\":\"domain_evil.example\",\"indicator\":\"evil.example\",\"type\":\"domain\",\"actors\":[\"A\"],"
      "\"malicious_confidence\":\"low\"}\n"
      "{\"id\":\"x\"}\n\n{\"id\":\"url_u\",\"indicator\":\"u\",\"type\":\"url\",\"deleted\":true}\n");
  ASSERT_TRUE(result.outcome);
  EXPECT_THAT(result.values(), ElementsAre("evil.example", "u"));
  EXPECT_THAT(result.indicators[0].actors, ElementsAre("A"));
  EXPECT_EQ(result.indicators[0].confidence, Confidence::low);
  EXPECT_TRUE(result.indicators[1].deleted);
  ASSERT_EQ(result.report.refused_count, 1);
  EXPECT_EQ(result.report.refused[0].line, 2);
}

TEST(Feed, RefusesWhatIsNone) {
  for (const auto& [text, reason] :
       {std::pair{"<html><body>503</body></html>", "a web page"},
        std::pair{"  \n<?xml version=\"1.0\"?>", "a web page"},
        std::pair{R"({"message":"rate limit"})", "neither a STIX bundle nor a MISP export"},
        std::pair{"not a name\nneither is this\n", "none of its 2 entries"}, std::pair{"{", "cannot be read"},
        std::pair{R"([{"x":1}])", "no \"Event\""}, std::pair{R"({"type":"bundle"})", "no \"objects\""},
        std::pair{R"({"type":"bundle","objects":[{"type":"indicator"})", "cannot be read"},
        std::pair{R"({"type":"bundle","objects":[{"type":"indicator","pattern":"x"}]})", "none of its 1 entries"}}) {
    const auto result = read(text);
    ASSERT_FALSE(result.outcome) << text;
    EXPECT_EQ(result.outcome.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(result.outcome.error().place, "feed");
    EXPECT_THAT(result.outcome.error().message, HasSubstr(reason)) << text;
  }
  for (const char* nothing : {"", "\n\n# only a comment\n", R"({"type":"bundle","objects":[]})"}) {
    const auto result = read(nothing);
    EXPECT_TRUE(result.outcome) << nothing;
    EXPECT_THAT(result.indicators, IsEmpty());
  }
}

TEST(Feed, ADocumentIsBounded) {
  const auto result = read(bundle(indicator("1", "[domain-name:value = 'a.example']")), {.most_document_bytes = 100});
  ASSERT_FALSE(result.outcome);
  EXPECT_EQ(result.outcome.error().code, ErrorCode::quota);
  EXPECT_THAT(result.outcome.error().hint, HasSubstr("split it"));
}

TEST(Feed, EndsWithTheTakersError) {
  const std::string text = bundle(indicator("1", "[domain-name:value = 'a.example']"));
  const auto source = unpacked(text, "feed");
  ListReport report;
  const auto outcome = read_feed(**source, "feed", {.now = now}, report, [](Indicator&&) -> Result<void> {
    return fail(ErrorCode::system, "the disk is full");
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "the disk is full");
}

TEST(Feed, SurvivesEveryCutAndEveryBrokenByte) {
  const std::string good = bundle(indicator("1", "[domain-name:value = 'a.example' OR url:value IN ('b', 'c')]") +
                                  R"(,{"type":"malware","id":"malware--1","name":"M"})");
  for (std::size_t size = 0; size <= good.size(); ++size) {
    const auto result = read(good.substr(0, size));
    EXPECT_LE(result.indicators.size(), 3);
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'"', '\\', '{', ']', '\'', '\0', '\xff'}) {
      std::string broken = good;
      broken[at] = byte;
      const auto result = read(broken);
      EXPECT_EQ(result.report.taken, result.indicators.size());
    }
  }
}

TEST(ToJson, IsReadBack) {
  const auto whole = parse_indicator(
      R"({"id":"i","indicator":"x\"y","type":"domain","_marker":"17","deleted":true,"published_date":5,"last_updated":6,)"
      R"("malicious_confidence":"low","actors":["A","B"],"labels":["L"],"targets":["T"],"reports":["R"],"kill_chains":["C2"]})");
  ASSERT_TRUE(whole);
  EXPECT_EQ(*parse_indicator(to_json(*whole)), *whole);
}

}  // namespace
}  // namespace intelwall::intel
