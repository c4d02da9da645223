#include "app/explain.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/expire.hpp"
#include "app/lists.hpp"
#include "app/support.hpp"
#include "os/file.hpp"

namespace intelwall::app {
namespace {

using aws::Json;
using std::chrono::days;
using std::chrono::hours;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

class ExplainTest : public AroundTest {
 protected:
  Explanation run(const std::string& domain, const std::optional<std::string>& log = {}) {
    auto out = explain(context_, domain, log);
    EXPECT_TRUE(out.has_value()) << out.error().to_text();
    IW_ASSERT(out.has_value());
    EXPECT_NO_THROW(static_cast<void>(to_json(*out).dump()));
    EXPECT_FALSE(to_text(*out).empty());
    return *std::move(out);
  }
  static std::vector<std::string> codes(const Explanation& explanation) {
    std::vector<std::string> out;
    for (const auto& reason : explanation.why_not) out.push_back(reason.code);
    return out;
  }
  std::string write_log(const std::string& text) const {
    const auto path = (directory_ / "alert.json").string();
    EXPECT_TRUE(os::replace_file(path, text).has_value());
    return path;
  }
  static std::string record(const std::string& name, const std::string& action, const std::string& seconds,
                            const char* protocol = "tls") {
    Json event = {{"timestamp", "2026-11-24T23:01:05.598481+0000"},
                  {"event_type", "alert"},
                  {"src_ip", "10.94.0.10"},
                  {"src_port", 49157},
                  {"dest_ip", "198.51.100.80"},
                  {"dest_port", 443},
                  {"alert", {{"action", action}, {"signature", "intelwall x"}, {"signature_id", 1'200'000'001}}}};
    if (std::string_view(protocol) == "tls") event["tls"] = {{"sni", name}};
    if (std::string_view(protocol) == "http") event["http"] = {{"hostname", name}};
    if (std::string_view(protocol) == "dns") event["dns"] = {{"query", Json::array({Json{{"rrname", name}}})}};
    return Json{{"firewall_name", "lab"}, {"availability_zone", "a"}, {"event_timestamp", seconds}, {"event", event}}
               .dump() +
           "\n";
  }
};

TEST_F(ExplainTest, TheWholeChainOfABlock) {
  const auto each = finding("f-1", "evil-corp.com");
  import({each, finding("f-2", "unrelated.example")});
  press({each});
  const auto log = write_log(record("goodbank.example", "allowed", "1790000000") +
                             record("WWW.Evil-Corp.com", "blocked", "1790000005"));
  const auto out = run("hxxps://www.evil-corp[.]com/x", log);
  EXPECT_EQ(out.state, Explanation::State::blocked);
  EXPECT_TRUE(out.why_not.empty());
  ASSERT_EQ(out.rules.size(), 1U);
  EXPECT_EQ(out.rules[0].decision.domain.name.text(), "evil-corp.com");
  EXPECT_EQ(out.rules[0].group, "intelwall-blocks-1");
  ASSERT_EQ(out.findings.size(), 1U) << "only the one that names it";
  EXPECT_EQ(out.findings[0].id, "f-1");
  ASSERT_TRUE(out.findings[0].evidence.has_value());
  EXPECT_EQ(out.findings[0].evidence->grade, findings::Grade::ioc);
  EXPECT_EQ(out.findings[0].judgement.verdict, policy::Verdict::block);
  EXPECT_THAT(out.findings[0].note, HasSubstr(out.rules[0].decision.id));
  ASSERT_TRUE(out.log.has_value());
  EXPECT_EQ(out.log->records, 2U);
  ASSERT_EQ(out.log->last.size(), 1U);
  EXPECT_EQ(out.log->last[0].name, "WWW.Evil-Corp.com");
  EXPECT_EQ(out.log->last[0].from, "10.94.0.10:49157");
  EXPECT_EQ(exit_code(out), 0);
  const auto json = to_json(out);
  EXPECT_EQ(json["state"], "blocked");
  EXPECT_EQ(json["rules"][0]["actor"], "action:intelwall block");
  EXPECT_EQ(json["findings"][0]["evidence"]["verdict"], "block");
  EXPECT_EQ(json["log"]["last"][0]["at"], "2026-09-21T14:13:25Z");
  const auto text = to_text(out);
  for (const auto& part :
       {"f-1", "evil-corp.com and its subdomains", out.rules[0].decision.id.c_str(), "198.51.100.80:443"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(ExplainTest, WhyANameIsNotBlocked) {
  block_names({"www.below.example"}, days{1});
  block_names({"parent.example"}, days{1}, Scope::exact);
  ASSERT_TRUE(add_to_list(context_, *context_.settings.allow_list, {*parse_domain("partner.example")}, "").has_value());
  ASSERT_TRUE(load_guardrails(context_).has_value());
  const std::vector<std::pair<std::string, std::string>> expected = {{"www.partner.example", "allowlisted"},
                                                                     {"s3.amazonaws.com", "protected-zone"},
                                                                     {"co.uk", "public-suffix"},
                                                                     {"google.com", "popular"},
                                                                     {"below.example", "only-below"},
                                                                     {"x.parent.example", "only-parent"},
                                                                     {"never-heard-of.example", "undecided"}};
  for (const auto& [name, code] : expected) {
    const auto out = run(name);
    EXPECT_EQ(out.state, Explanation::State::not_blocked) << name;
    EXPECT_THAT(codes(out), Contains(code)) << name;
    EXPECT_THAT(to_text(out), HasSubstr("[" + code + "]"));
    EXPECT_EQ(exit_code(out), 0) << "that it is not blocked is an answer";
  }
}

TEST_F(ExplainTest, ARuleThatOnlyAlertsDoesNotBlock) {
  context_.settings.action = Action::alert;
  block_names({"evil-corp.com"}, days{1});
  auto out = run("evil-corp.com");
  EXPECT_EQ(out.state, Explanation::State::alerted);
  EXPECT_THAT(codes(out), Contains("alert-only"));
  context_.settings.action = Action::drop;
  block_names({"www.evil-corp.com"}, days{1});
  EXPECT_EQ(run("www.evil-corp.com").state, Explanation::State::blocked) << "the stronger of two rules counts";
}

TEST_F(ExplainTest, WhatIsOverAndWhatWasLifted) {
  const auto over = finding("f-1", "evil-corp.com");
  const auto lifted = finding("f-2", "other-evil.com");
  import({over, lifted});
  context_.settings.lifetime = hours{1};
  press({over});
  context_.settings.lifetime = days{30};
  press({lifted});
  ahead_ += hours{2};
  auto out = run("evil-corp.com");
  EXPECT_EQ(out.state, Explanation::State::blocked) << "over, but it stands until somebody calls expire";
  EXPECT_THAT(to_text(out), HasSubstr("over since"));
  ASSERT_TRUE(expire(context_, Mode::write, Share::bounded).has_value());
  ASSERT_TRUE(unblock(context_, {"other-evil.com"}, Mode::write).has_value());
  EXPECT_THAT(codes(run("evil-corp.com")), Contains("expired"));
  EXPECT_THAT(codes(run("other-evil.com")), Contains("lifted"));
  EXPECT_THAT(codes(run("other-evil.com")), Not(Contains("undecided")));
}

TEST_F(ExplainTest, WhatWasOnlySeenAsksFirst) {
  auto seen = finding("f-1", "unused.example", "a process asked http://seen-only-evil.com/x for more");
  seen["ProductFields"] = Json::object({{"a", "b"}});
  import({seen, finding("f-2", "pressed-by-nobody.example")});
  press({seen});
  auto out = run("seen-only-evil.com");
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].evidence->grade, findings::Grade::observed);
  EXPECT_THAT(codes(out), Contains("observed-only"));
  EXPECT_THAT(codes(run("pressed-by-nobody.example")), testing::ElementsAre("undecided"));
}

TEST_F(ExplainTest, IndicatorsAreFoundByTheirOwnFilter) {
  auto each = finding("f-1", "unused.example");
  each["ProductFields"] = Json::object({{"a", "b"}});
  each["ThreatIntelIndicators"] = Json::array({{{"Type", "DOMAIN"}, {"Value", "indicator.example"}}});
  import({each});
  const auto out = run("indicator.example");
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_THAT(out.findings[0].evidence->path, HasSubstr("ThreatIntelIndicators"));
}

TEST_F(ExplainTest, AnotherNameInANoteIsNotThisOne) {
  import({finding("f-1", "x.example"), finding("f-2", "x.example"), finding("f-3", "x.example")});
  const auto write = [&](const std::string& id, const std::string& words) {
    ASSERT_TRUE(hub().batch_update_findings({{id, falcon}}, words, "intelwall", aws::WorkflowStatus::unchanged));
  };
  write("f-1", "intelwall: not blocked: notevil.example (x).");
  write("f-2", "intelwall: not blocked: evil.example.org (x).");
  write("f-3", "intelwall: not blocked: evil.example.");
  const auto out = run("evil.example");
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].id, "f-3");
}

TEST_F(ExplainTest, WhatCannotBeAskedIsToldAndTheRestStillAnswered) {
  block_names({"evil-corp.com"}, days{1});
  inject("GetFindings", "InvalidAccessException", 20);
  auto out = run("evil-corp.com", (directory_ / "missing.json").string());
  EXPECT_EQ(out.state, Explanation::State::blocked);
  EXPECT_EQ(exit_code(out), 3);
  EXPECT_GE(std::ranges::count_if(out.searched, [](const auto& each) { return each.failure.has_value(); }), 2);
  EXPECT_THAT(to_text(out), HasSubstr("NOT READ"));
  inject("DescribeFirewall", "AccessDeniedException", 1);
  out = run("evil-corp.com");
  EXPECT_EQ(out.state, Explanation::State::unknown);
  EXPECT_EQ(exit_code(out), 1);
  EXPECT_THAT(codes(out), Contains("firewall-unknown"));
  EXPECT_FALSE(explain(context_, "not a name", {}).has_value());
}

TEST_F(ExplainTest, TheLogsNewestRecordsWhateverTheOrderAndWhateverElseIsInIt) {
  std::string text = "{broken alert\n\n[1]\nalert\n\xff\xfe alert\n";
  for (int i = 0; i < 20; ++i)
    text += record(i % 2 == 0 ? "evil-corp.com" : "a.evil-corp.com.", "blocked",
                   fmt::format("{}", 1'790'000'000 + i * 7 % 20),
                   i % 3 == 0   ? "tls"
                   : i % 3 == 1 ? "http"
                                : "dns");
  text +=
      record("notevil-corp.com", "blocked", "1790000100") + record("evil-corp.com.example", "blocked", "1790000100");
  // A plain eve.json, and a record with the wrong kinds of members.
  text +=
      R"({"event_type":"alert","timestamp":"2026-11-24T23:01:05.598481+0000","alert":{"action":"allowed"},"tls":{"sni":"evil-corp.com"}})"
      "\n";
  text +=
      R"({"event":{"event_type":"alert","alert":7,"tls":[],"http":{"hostname":9},"dns":{"query":"x"}},"event_timestamp":{}})"
      "\n";
  const auto part = read_alert_log(write_log(text), *DomainName::parse("evil-corp.com"));
  ASSERT_TRUE(part.has_value()) << part.error().to_text();
  EXPECT_EQ(part->matching, 21U);
  EXPECT_EQ(part->blocked, 20U);
  EXPECT_EQ(part->records, 24U);
  EXPECT_EQ(part->unreadable, 3U) << "lines that cannot hold an alert are no loss";
  ASSERT_EQ(part->last.size(), 5U);
  EXPECT_TRUE(std::ranges::is_sorted(part->last, {}, &LoggedAlert::at));
  EXPECT_EQ(format_time(part->last.back().at), "2026-11-24T23:01:05Z");
  EXPECT_EQ(part->last.front().at, Time{std::chrono::seconds{1'790'000'016}});
}

}  // namespace
}  // namespace intelwall::app
