#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "intel/fql.hpp"

namespace intelwall::fql {
namespace {

const Time now = parse_time("2026-11-24T12:00:00Z").value();

std::string canonical(const std::string& text) {
  const auto filter = read(text);
  return filter ? filter->to_text() : "error: " + filter.error().message;
}

struct Sample {
  std::string text;
  std::string canonical;
};

// What is published: samples of falconpy, gofalcon, PSFalcon, MISP-tools, falcon-mcp, caracara and others, as facts
// about the language. docs/fql.md says which spelling comes from where.
const std::vector<Sample> samples = {
    {"_marker:>='1700000000'+deleted:false", "_marker:>='1700000000'+deleted:false"},
    {"_marker:>='1700000000'+deleted:false+(type:'domain',type:'url')",
     "_marker:>='1700000000'+deleted:false+(type:'domain',type:'url')"},
    {"last_updated:>=1700000000+deleted:false", "last_updated:>=1700000000+deleted:false"},
    {R"(_marker:>"1234567890")", "_marker:>'1234567890'"},
    {R"(last_updated:>"2024-01-01T00:00:00Z")", "last_updated:>'2024-01-01T00:00:00Z'"},
    {"type:'url'+malicious_confidence:'Medium'", "type:'url'+malicious_confidence:'Medium'"},
    {"malicious_confidence:'high'+published_date:>'now-7d'", "malicious_confidence:'high'+published_date:>'now-7d'"},
    {"published_date:>=1588749630+type:!['hash_ion', 'hash_md5']",
     "published_date:>=1588749630+type:!['hash_ion','hash_md5']"},
    {"indicator:*'*search*'", "indicator:*'*search*'"},
    {R"(indicator:'http://evil.test/a\'b\\c')", R"(indicator:'http://evil.test/a\'b\c')"},
    {"animal_classifier:'BEAR',animal_classifier:'SPIDER'", "animal_classifier:'BEAR',animal_classifier:'SPIDER'"},
    {"created_date:>'2020-01-01T00:00:00Z'+(name:*'CSA-*',name:*'CSIT-*')",
     "created_date:>'2020-01-01T00:00:00Z'+(name:*'CSA-*',name:*'CSIT-*')"},
    {"(name:*'*BEAR')+(first_activity_date:>='2020-01-01T00:00:00Z',created_date:>='2020-01-01T00:00:00Z')",
     "name:*'*BEAR'+(first_activity_date:>='2020-01-01T00:00:00Z',created_date:>='2020-01-01T00:00:00Z')"},
    {"hostname:['ONE']", "hostname:['ONE']"},
    {"hostname:!'EXAMPLE-PC'", "hostname:!'EXAMPLE-PC'"},
    {"created_timestamp:=<'2024-01-01'", "created_timestamp:<='2024-01-01'"},
    {"created_timestamp:=>'2024-01-01'", "created_timestamp:>='2024-01-01'"},
    {"hostname:='x'", "hostname:'x'"},
    {"name:~'partial*'", "name:~'partial*'"},
    {"name:!~'partial'", "name:!~'partial'"},
    {"assigned_to_uid:null", "assigned_to_uid:null"},
    {"assigned_to_uid:!null", "assigned_to_uid:!null"},
    {"expiration_on:>'2021-11-02'+last_execution.status:'DONE'",
     "expiration_on:>'2021-11-02'+last_execution.status:'DONE'"},
    {"name: 'testname'", "name:'testname'"},
    {"platform_name: ['Windows','Linux']+last_seen: >='2019-12-31T23:31:13Z'",
     "platform_name:['Windows','Linux']+last_seen:>='2019-12-31T23:31:13Z'"},
    {"applied_globally: true", "applied_globally:true"},
    {"cve.id:!['']+status:!'closed'+status:!'expired'", "cve.id:!['']+status:!'closed'+status:!'expired'"},
    {"last_seen:<='2024-01-01T00:00:00Z' + tags:*'*web*' + platform_name:'Linux'",
     "last_seen:<='2024-01-01T00:00:00Z'+tags:*'*web*'+platform_name:'Linux'"},
    {"container_count:>'0'", "container_count:>'0'"},
    {"hostname:*'*'", "hostname:*'*'"},
    {"status:'new'+(severity:>=60+severity:<80)+product:'epp'",
     "status:'new'+severity:>=60+severity:<80+product:'epp'"},
    {"status:'new'+severity_name:'High',severity_name:'Critical'+product:'epp'",
     "(status:'new'+severity_name:'High'),(severity_name:'Critical'+product:'epp')"},
    {"a:'1' + b:'2', c:'3'", "(a:'1'+b:'2'),c:'3'"},
    {"assigned_to_name:!'*'", "assigned_to_name:!'*'"},
    {"assigned_to_name:!*", "assigned_to_name:!'*'"},
    {"assigned_to_name:*+b:'1'", "assigned_to_name:'*'+b:'1'"},
    {"property:!*'*sub*'", "property:!*'*sub*'"},
    {"FilePath:'*\\temp\\*'", "filepath:'*\\temp\\*'"},
    {R"(CommandLine:'it\'s fine')", R"(commandline:'it\'s fine')"},
    {R"(a:'ends in a backslash\\')", R"(a:'ends in a backslash\\')"},
    {R"(a:"it's")", R"(a:'it\'s')"},
    {R"(a:"say \"no\"")", R"(a:'say "no"')"},
    {"!UserName:'svc-scan'", "username:!'svc-scan'"},
    {"!(!UserName:'svc-scan')", "username:'svc-scan'"},
    {"!(a:'1'+b:!'2',c:>3)", "(a:!'1',b:'2')+!c:>3"},
    {"!!!!a:'b'", "a:'b'"},
    {"a:-1.5+b:TRUE+c:Null", "a:-1.5+b:true+c:null"},
    {"((a:'1',(b:'2',c:'3')))", "a:'1',b:'2',c:'3'"},
    {"a.b.c:1\r\n +\t_d:2", "a.b.c:1+_d:2"},
    {"targets:'Énergie'", "targets:'Énergie'"},
    // The figure of the integration's description, quotes round it and all.
    {R"("type:'domain'+malicious_confidence:'High'+targets:'Technology'+last_updated:>'{old_date}'")",
     "type:'domain'+malicious_confidence:'High'+targets:'Technology'+last_updated:>'now-30d'"},
    {"last_updated:>{now-90d}", "last_updated:>'now-90d'"},
    {"last_updated:>'{now-12h}'+published_date:<'{now}'", "last_updated:>'now-12h'+published_date:<'now'"},
    {"registry:'{FDD39AD0}'", "registry:'{FDD39AD0}'"},
};

TEST(FqlParse, TakesWhatIsPublished) {
  for (const auto& [text, expected] : samples) EXPECT_EQ(canonical(text), expected) << text;
}

TEST(FqlParse, CanonicalTextMeansTheSame) {
  for (const auto& [text, expected] : samples) {
    const auto first = read(text);
    ASSERT_TRUE(first) << text;
    const auto second = read(first->to_text());
    ASSERT_TRUE(second) << first->to_text();
    EXPECT_EQ(first->root, second->root) << text;
    EXPECT_EQ(first->to_text(), second->to_text());
  }
}

TEST(FqlParse, OldDateIsThirtyDaysUnlessSaid) {
  const std::string text = "last_updated:>'{old_date}'";
  EXPECT_EQ(read(text)->to_text(now), "last_updated:>'2026-10-25T12:00:00Z'");
  EXPECT_EQ(read(text, {.old_date = std::chrono::hours{36}})->to_text(), "last_updated:>'now-36h'");
  EXPECT_EQ(read(text, {.old_date = std::chrono::seconds{90}})->to_text(now), "last_updated:>'2026-11-24T11:58:30Z'");
}

TEST(FqlParse, RelativeDatesAreResolvedOnlyWhereADateIsCompared) {
  EXPECT_EQ(read("malware_families:'now'+seen:>'now-1d'+published_date:'now'")->to_text(now),
            "malware_families:'now'+seen:>'2026-11-23T12:00:00Z'+published_date:'2026-11-24T12:00:00Z'");
}

struct Wrong {
  std::string text;
  std::size_t column;
  std::string message;  ///< a part of it
  std::string hint;     ///< a part of it
};

const std::vector<Wrong> wrong = {
    {"", 1, "empty", "property:value"},
    {" \n ", 4, "empty", ""},
    {"\"\"", 2, "empty", ""},
    {"type:'domain' AND deleted:false", 15, "`AND` is not FQL", "use `+`"},
    {"type:'domain' and deleted:false", 15, "`and` is not FQL", "use `+`"},
    {"a:'1' OR b:'2'", 7, "`OR` is not FQL", "use `,`"},
    {"a:'1' && b:'2'", 7, "`&&` is not FQL", "use `+`"},
    {"a:'1'||b:'2'", 6, "`||` is not FQL", "use `,`"},
    {"a:'x' |", 7, "`|` is not FQL", "pipes"},
    {"NOT a:'1'", 4, "`NOT` is not FQL", ":!"},
    {"a:'1' b:'2'", 7, "expected `+`, `,` or the end", "%2B"},
    {"a:'1'(b:'2')", 6, "expected `+`, `,` or the end", ""},
    {"last_updated:< ='2024-01-01'", 14, "stand apart", "`=` belongs before the date: `:<='…'`"},
    {"last_updated:<'2024-01-01'=", 27, "`=` stands behind", "`=` belongs before the date: `:<='…'`"},
    {"last_updated<='2024-01-01'", 13, "expected `:` before `<=`", "last_updated:<='…'"},
    {"RemotePort>1024 + Duration<=300", 11, "expected `:` before `>`", "RemotePort:>'…'"},
    {"type='domain'", 5, "expected `:` before `=`", "type:'…'"},
    {"type!='domain'", 5, "expected `:` before `!=`", "type:!'…'"},
    {"type:!='domain'", 6, "`!=` is not FQL", ":!"},
    {"type:<>'domain'", 6, "`<>` is not FQL", ":!"},
    {"type:=='domain'", 6, "`==` is not FQL", ""},
    {"a:!>5", 3, "`!>` is not FQL", "`<=`"},
    {"a:>>5", 4, "`>` does not go behind `>`", "operators are"},
    {"type in ('domain')", 6, "`in` is not FQL", "['domain','url']"},
    {"type 'domain'", 6, "expected `:` behind `type`", ""},
    {"type", 5, "expected `:` behind `type`, but the filter ends", ""},
    {"a:", 3, "expected a value, but the filter ends", ""},
    {":b", 1, "expected a property", ""},
    {"!", 2, "expected a condition, but the filter ends", ""},
    {"a:'1'+", 7, "expected a condition, but the filter ends", ""},
    {"+a:'1'", 1, "expected a property, but `+` stands here", ""},
    {"a:'1',,b:'2'", 7, "expected a property", ""},
    {"1a:'1'", 1, "starts with a letter", ""},
    {"type:domain", 6, "`domain` needs quotes", "write 'domain'"},
    {"published_date:>now-30d", 17, "`now-30d` needs quotes", "'now-30d'"},
    {"published_date:<now+1h", 17, "`now+1h` needs quotes", "'now+1h'"},
    {"a:>2024-01-01", 4, "needs quotes", "'2024-01-01'"},
    {"ip:10.0.0.1", 4, "`10.0.0.1` needs quotes", ""},
    {"a:1e5", 3, "`1e5` needs quotes", ""},
    {"a:111111111111111111111111111111111", 3, "too long", "quote it"},
    {"hostname:'vp-*''", 16, "quote behind the value", "\\'"},
    {"CommandLine:'*enc", 13, "never closed", "add `'`"},
    {"a:'*\\temp\\'", 3, "never closed", "backslash"},
    {"(deleted_at:null", 1, "`(` is never closed", "add `)`"},
    {"a:'1')", 6, "`)` closes nothing", ""},
    {"(a:'1'", 1, "`(` is never closed", ""},
    {"()", 2, "expected a property, but `)` stands here", ""},
    {"a:[", 3, "`[` is never closed", ""},
    {"a:[]", 3, "list is empty", ""},
    {"a:['x'", 3, "`[` is never closed", ""},
    {"a:['x' 'y']", 8, "expected `,` or `]`", ""},
    {"a:[,,,]", 4, "expected a value", ""},
    {"a:['x',]", 8, "expected a value", ""},
    {"a:[['x']]", 4, "not lists", ""},
    {"a:'x']", 6, "`]` closes nothing", ""},
    {"tags.'key':'value'", 5, "in quotes", "a.b:'v'"},
    {"'type':'domain'", 6, "a quote stands here", "type:'domain'"},
    {"\"type:'domain'", 1, "does not end the filter", "both"},
    {"type%3A'domain'", 5, "encoded for a URL", "%3A"},
    {"type:\u2018domain\u2019", 6, "typographic quote", "word processor"},
    {"Énergie:'x'", 1, "expected a property", ""},
    {"targets:'É'+x", 14, "expected `:`", ""},
    {std::string("a:'\0'", 5), 4, "control character, code 0", ""},
    {"a:'\xff'", 4, "not valid UTF-8", ""},
    {"a:'\xc0\x80'", 4, "not valid UTF-8", ""},
    {"last_updated:>'Last week'", 15, "is a date", "now-7d"},
    {"last_updated:>'NOW-7d'", 15, "is a date", "lower case: 'now-7d'"},
    {"last_updated:>'now-7y'", 15, "is a date", "s, m, h, d, w"},
    {"last_updated:>'now-99999999999999999999d'", 15, "is a date", "50 years"},
    {"last_updated:>'2024-13-01'", 15, "is a date", ""},
    {"last_updated:>'2024-01-01T00:00:00'", 15, "is a date", "'2024-01-01T00:00:00Z'"},
    {"last_updated:>'{new_date}'", 15, "is a date", "{old_date}"},
    {"last_updated:>{new_date}", 15, "no placeholder `{new_date}`", "{now-30d}"},
    {"last_updated:>{old_date", 15, "`{` is never closed", ""},
    {"last_updated:*'2024*'", 15, "is a date", ""},
    {"last_updated:~'2024'", 15, "is a date", ""},
    {"deleted:'no'", 9, "true or false", "deleted:false"},
    {"deleted:>true", 10, "cannot compare", ""},
    {"a:>null", 4, "cannot compare with null", ""},
    {"a:>[1,2]", 4, "not with a list", ""},
    {"a:~'...'", 4, "has none", "letter or digit"},
    {"a:*null", 4, "needs text, not null", ""},
    {"a:*''", 4, "needs a pattern", ""},
};

TEST(FqlParse, SaysWhereAndWhyNot) {
  for (const auto& [text, column, message, hint] : wrong) {
    const auto filter = read(text);
    ASSERT_FALSE(filter) << text;
    EXPECT_EQ(filter.error().column, column) << text << ": " << filter.error().message;
    EXPECT_NE(filter.error().message.find(message), std::string::npos) << text << ": " << filter.error().message;
    EXPECT_NE(filter.error().hint.find(hint), std::string::npos) << text << ": " << filter.error().hint;
    EXPECT_FALSE(filter.error().hint.empty()) << text;
    const auto result = parse(text);
    EXPECT_EQ(result.error().place, "FQL column " + std::to_string(column));
  }
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(FqlParse, KeepsItsLimits) {
  const auto nested = [](std::size_t depth) { return repeated("(", depth) + "a:'1'" + repeated(")", depth); };
  EXPECT_TRUE(read(nested(max_depth)));
  EXPECT_EQ(read(nested(max_depth + 1)).error().column, max_depth + 1);
  EXPECT_FALSE(read(repeated("(", 100'000)));
  EXPECT_FALSE(read(repeated("(a:'1',", 500)));
  EXPECT_TRUE(read(repeated("!", 100'000) + "a:'1'"));

  EXPECT_TRUE(read(repeated("a:'1'+", max_conditions - 1) + "a:'1'"));
  const auto many = read(repeated("a:'1'+", max_conditions) + "a:'1'");
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().column, max_conditions * 6 + 1);
  EXPECT_NE(many.error().message.find("20 properties"), std::string::npos);

  EXPECT_TRUE(read("a:'" + std::string(max_bytes - 4, 'x') + "'"));
  EXPECT_FALSE(read("a:'" + std::string(max_bytes - 3, 'x') + "'"));
  EXPECT_TRUE(read("a:[" + repeated("1,", 50'000) + "1]"));
  EXPECT_FALSE(read("a" + repeated("+", 1'000)));
}

std::vector<std::string> warnings_of(const std::string& text) {
  std::vector<std::string> out;
  const auto filter = read(text).value();
  for (const auto& each : filter.warnings)
    out.push_back(std::to_string(each.column) + ": " + each.message + " / " + each.hint);
  return out;
}

TEST(FqlParse, WarnsOfWhatIsHardlyMeant) {
  using Warnings = std::vector<std::string>;
  EXPECT_EQ(warnings_of("type:'domain'+malicious_confidence:'HIGH'+targets:'Technology'"), Warnings{});
  EXPECT_EQ(warnings_of("type:'domain',type:'url'+deleted:false"),
            Warnings{"1: `+` binds tighter than `,`, and both stand here without parentheses / "
                     "a,b+c means a,(b+c): write the parentheses that you mean"});
  EXPECT_EQ(warnings_of("type:'domain',(type:'url'+deleted:false)"), Warnings{});
  EXPECT_EQ(warnings_of("(type:'domain',type:'url')+deleted:false"), Warnings{});
  EXPECT_EQ(warnings_of("deleted:false+(type:'domain',type:'url'+deleted:true)").at(0).substr(0, 4), "16: ");
  EXPECT_EQ(warnings_of("last_update:>'now-7d'"),
            Warnings{"1: indicators have no property last_update / did you mean last_updated?"});
  EXPECT_EQ(warnings_of("type:'domian'"), Warnings{"6: 'domian' is no known type / did you mean 'domain'?"});
  EXPECT_EQ(warnings_of("malicious_confidence:'critical'"),
            Warnings{"22: 'critical' is no known malicious_confidence / known are high, medium, low, unverified"});
  EXPECT_EQ(warnings_of("malicious_confidence:>='medium'"),
            Warnings{"24: `:>=` compares malicious_confidence by the alphabet / "
                     "name the levels: malicious_confidence:['high','medium']"});
  EXPECT_EQ(warnings_of("indicator:['*.evil.test']").size(), 1U);
  EXPECT_EQ(warnings_of("indicator:*'evil'").size(), 1U);
  EXPECT_EQ(warnings_of("!type:'domain'").size(), 1U);
}

TEST(FqlParse, PointsAtTheColumn) {
  EXPECT_EQ(caret_lines("type:'domain' AND x", 15), "  type:'domain' AND x\n                ^\n");
  EXPECT_EQ(caret_lines("a:'\n\x01É'", 6), "  a:' \\x01É'\n          ^\n");
  EXPECT_EQ(caret_lines("", 1), "  \n  ^\n");
  EXPECT_EQ(caret_lines("ab", 3), "  ab\n    ^\n");
  const auto far = caret_lines(std::string(1'000, 'x') + "!" + std::string(1'000, 'y'), 1'001);
  const auto end = far.find('\n');
  EXPECT_EQ(far[far.find('^') - end - 1 + 2], '!') << far;  // "…" has three bytes
}

TEST(FqlExplain, SaysItInWords) {
  const auto filter = read(
      "type:'domain'+malicious_confidence:!['low','unverified']+(indicator:'*.test',indicator:*'a*b')+"
      "last_updated:>'now-30d'+published_date:'2026-01-01'+actors:!''+deleted:false");
  ASSERT_TRUE(filter);
  EXPECT_EQ(explain(*filter, now),
            "all of\n"
            "  type: is 'domain' (case ignored)\n"
            "  malicious_confidence: no value is 'low' or is 'unverified' (case ignored)\n"
            "  at least one of\n"
            "    indicator: ends with '.test'\n"
            "    indicator: looks like 'a*b'\n"
            "  last_updated: is after 2026-10-25T12:00:00Z (now-30d)\n"
            "  published_date: is in the day 2026-01-01 (UTC)\n"
            "  actors: has a value that is not empty\n"
            "  deleted: is false\n");
}

TEST(FqlExplain, KeepsHostileTextOffTheTerminal) {
  const auto filter = read("indicator:'\u202Eevil\u2066'");
  ASSERT_TRUE(filter);
  EXPECT_EQ(explain(*filter, now).find("\u202E"), std::string::npos);
}

}  // namespace
}  // namespace intelwall::fql
