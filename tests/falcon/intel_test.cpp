#include "falcon/intel.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "falcon/support.hpp"

namespace intelwall::falcon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string item(const std::string& name, const std::string& marker) {
  return fmt::format(R"({{"id":"domain_{0}","indicator":"{0}","type":"domain","_marker":"{1}"}})", name, marker);
}

std::string answer_of(const std::vector<std::string>& items, std::optional<std::size_t> total = std::nullopt) {
  return fmt::format(R"({{"meta":{{{}}},"resources":[{}],"errors":[]}})",
                     total ? fmt::format(R"("pagination":{{"total":{}}})", *total) : "", fmt::join(items, ","));
}

std::string asked(const aws::HttpRequest& request, const std::string& name) {
  for (const auto& [key, value] : request.query)
    if (key == name) return value;
  return {};
}

class IntelPull : public testing::Test {
 protected:
  IntelPull() { falcon_.answer_token(); }

  void answer(const std::vector<std::string>& items, std::multimap<std::string, std::string> headers = {}) {
    falcon_.http->answer(200, answer_of(items), std::move(headers));
  }
  Result<PullReport> pull(const IndicatorQuery& query = {}, const IndicatorCursor& from = {}) {
    return Intel(falcon_.client()).pull(query, from, [this](const PulledPage& page) -> Result<void> {
      EXPECT_EQ(page.indicators.size(), page.lines.size());
      for (const auto& indicator : page.indicators) taken_.push_back(indicator.value);
      for (const auto line : page.lines) lines_.emplace_back(line);
      cursors_.push_back(page.cursor);
      if (fail_at_ && cursors_.size() == *fail_at_) return fail(ErrorCode::system, "the disk is full");
      return {};
    });
  }
  const aws::HttpRequest& call(std::size_t number) const { return falcon_.http->requests.at(number); }

  FakeFalcon falcon_;
  std::vector<std::string> taken_, lines_;
  std::vector<IndicatorCursor> cursors_;
  std::optional<std::size_t> fail_at_;
};

TEST_F(IntelPull, GoesByMarkerUntilNothingNewComes) {
  answer({item("a", "1"), item("b", "2")});
  answer({item("b", "2"), item("c", "3")});
  answer({item("c", "3")});
  const auto filter = fql::parse("type:'domain',type:'url'+last_updated:>'now-30d'");
  const auto report = pull({.filter = *filter, .page_size = 2});
  ASSERT_TRUE(report) << report.error().to_text();
  EXPECT_THAT(taken_, ElementsAre("a", "b", "c"));
  EXPECT_EQ(report->taken, 3);
  EXPECT_EQ(report->pages, 3);
  EXPECT_EQ(report->cursor, (IndicatorCursor{"3", {"domain_c"}}));
  EXPECT_EQ(call(1).path, "/intel/combined/indicators/v1");
  const std::string sent = "type:'domain',(type:'url'+last_updated:>'2026-10-25T14:03:04Z')";
  EXPECT_EQ(asked(call(1), "filter"), sent);
  EXPECT_EQ(asked(call(2), "filter"), "(" + sent + ")+_marker:>='2'");
  EXPECT_EQ(asked(call(3), "filter"), "(" + sent + ")+_marker:>='3'");
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(asked(call(i), "sort"), "_marker.asc");
    EXPECT_EQ(asked(call(i), "limit"), "2");
    EXPECT_EQ(asked(call(i), "offset"), "");
    EXPECT_EQ(asked(call(i), "include_deleted"), "false");
    EXPECT_EQ(asked(call(i), "include_relations"), "false");
  }
}

TEST_F(IntelPull, DoesNotEndAtAPageThatTheServerCut) {
  answer({item("a", "1")});
  answer({item("a", "1"), item("b", "2")});
  answer({item("b", "2")});
  ASSERT_TRUE(pull());
  EXPECT_THAT(taken_, ElementsAre("a", "b"));
}

TEST_F(IntelPull, TellsApartThoseWithTheSameMarker) {
  answer({item("a", "1"), item("b", "1")});
  answer({item("c", "1"), item("a", "1"), item("b", "1"), item("d", "2")});
  answer({item("d", "2")});
  const auto report = pull();
  ASSERT_TRUE(report) << report.error().to_text();
  EXPECT_THAT(taken_, ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(cursors_,
              ElementsAre(IndicatorCursor{"1", {"domain_a", "domain_b"}}, IndicatorCursor{"2", {"domain_d"}}));
}

TEST_F(IntelPull, AsksForMoreWhenAPageHoldsOnlyWhatIsKnown) {
  answer({item("a", "1")});
  answer({item("a", "1")});
  answer({item("a", "1"), item("b", "2")});
  answer({item("b", "2")});
  const auto report = pull({.page_size = 1});
  ASSERT_TRUE(report) << report.error().to_text();
  EXPECT_THAT(taken_, ElementsAre("a", "b"));
  EXPECT_EQ(asked(call(2), "limit"), "1");
  EXPECT_EQ(asked(call(3), "limit"), "2");
}

TEST_F(IntelPull, SaysSoWhenMoreShareAMarkerThanAPageHolds) {
  falcon_.http->answer(200, answer_of({item("a", "1")}, 3));
  for (int i = 0; i < 2; ++i) falcon_.http->answer(200, answer_of({item("a", "1")}, 3));
  const auto report = pull({.page_size = 6'000});
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr("have the same _marker"));
}

TEST_F(IntelPull, ResumesBehindACursor) {
  answer({item("b", "2"), item("c", "2"), item("d", "3")});
  answer({item("d", "3")});
  const auto cursor = IndicatorCursor::parse(IndicatorCursor{"2", {"domain_b"}}.to_text());
  ASSERT_TRUE(cursor);
  ASSERT_TRUE(pull({}, *cursor));
  EXPECT_EQ(asked(call(1), "filter"), "_marker:>='2'");
  EXPECT_THAT(taken_, ElementsAre("c", "d"));
}

TEST_F(IntelPull, AnUnchangedTickIsOneCall) {
  answer({item("b", "2")});
  const auto report = pull({}, {"2", {"domain_b"}});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->pages, 1);
  EXPECT_EQ(report->taken, 0);
  EXPECT_EQ(report->cursor, (IndicatorCursor{"2", {"domain_b"}}));
  EXPECT_THAT(cursors_, IsEmpty());
}

TEST_F(IntelPull, KeepsTheCursorOfWhatWasTaken) {
  fail_at_ = 2;
  answer({item("a", "1")});
  answer({item("a", "1"), item("b", "2")});
  const auto report = pull();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message, "the disk is full");
  EXPECT_EQ(falcon_.http->requests.size(), 3);
}

TEST_F(IntelPull, SeesDeletionsWhenAsked) {
  answer({R"({"id":"i","indicator":"x","type":"domain","_marker":"1","deleted":true})"});
  answer({});
  ASSERT_TRUE(pull({.deleted = IndicatorQuery::Deleted::included, .relations = IndicatorQuery::Relations::included}));
  EXPECT_EQ(asked(call(1), "include_deleted"), "true");
  EXPECT_EQ(asked(call(1), "include_relations"), "true");
  EXPECT_EQ(deleted_as_asked(*fql::parse("type:'domain'+(deleted:true,actors:'X')")),
            IndicatorQuery::Deleted::included);
  EXPECT_EQ(deleted_as_asked(*fql::parse("type:'domain'")), IndicatorQuery::Deleted::hidden);
}

TEST_F(IntelPull, FollowsNextPageWhereItIsSent) {
  answer({item("a", "1")}, {{"next-page", "/intel/combined/indicators/v1?_marker=xyz%2B&limit=7"}});
  answer({item("b", "2")}, {{"next-page", "/intel/combined/indicators/v1?_marker=uvw"}});
  answer({});
  const auto report = pull();
  ASSERT_TRUE(report) << report.error().to_text();
  EXPECT_THAT(taken_, ElementsAre("a", "b"));
  const std::vector<std::pair<std::string, std::string>> as_told{{"_marker", "xyz+"}, {"limit", "7"}};
  EXPECT_EQ(call(2).query, as_told);
}

TEST_F(IntelPull, DoesNotFollowNextPageAnywhereElse) {
  for (const char* elsewhere :
       {"https://evil.example/intel/combined/indicators/v1", "/oauth2/token", "//evil.example/x",
        "/intel/combined/indicators/v1\\@evil.example", ".evil.example/intel/combined/indicators/v1"}) {
    FakeFalcon falcon;
    falcon.answer_token();
    falcon.http->answer(200, answer_of({item("a", "1")}), {{"next-page", elsewhere}});
    const auto report = Intel(falcon.client()).pull({}, {}, [](const PulledPage&) { return Result<void>{}; });
    ASSERT_FALSE(report) << elsewhere;
    EXPECT_THAT(report.error().message, HasSubstr("leads elsewhere"));
    EXPECT_EQ(falcon.http->requests.size(), 2);
  }
}

TEST_F(IntelPull, PutsEachIndicatorOnOneLine) {
  answer({"{\"id\":\"i\",\r\n \"indicator\":\"x\\n\",\n\"type\":\"domain\",\"_marker\":\"1\"}"});
  answer({});
  ASSERT_TRUE(pull());
  EXPECT_THAT(lines_, ElementsAre("{\"id\":\"i\",   \"indicator\":\"x\\n\", \"type\":\"domain\",\"_marker\":\"1\"}"));
}

TEST_F(IntelPull, CountsWhatIsNoIndicator) {
  answer({"{}", item("a", "1"), "3"});
  answer({item("a", "1")});
  const auto report = pull();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->unreadable, 2);
  EXPECT_THAT(report->unreadable_reason, HasSubstr("'id'"));
  EXPECT_EQ(report->taken, 1);
}

TEST_F(IntelPull, RefusesPagesThatWouldLoseSomething) {
  for (const auto& [items, reason] :
       {std::pair{std::vector{item("b", "2"), item("a", "1")}, "not in the order of markers"},
        std::pair{std::vector<std::string>{R"({"id":"i","indicator":"x","type":"url"})"}, "has no _marker"}}) {
    FakeFalcon falcon;
    falcon.answer_token();
    falcon.http->answer(200, answer_of(items));
    const auto report = Intel(falcon.client()).pull({}, {}, [](const PulledPage&) { return Result<void>{}; });
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::protocol);
    EXPECT_THAT(report.error().message, HasSubstr(reason));
  }
  falcon_.http->answer(200, answer_of({}, 17));
  const auto nothing = pull();
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message, HasSubstr("17 indicators and gives none"));
}

TEST_F(IntelPull, NamesTheScope) {
  falcon_.http->answer(403, failure(403, "access denied, authorization failed"));
  const auto report = pull();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::denied);
  EXPECT_THAT(report.error().hint, HasSubstr("Indicators (Falcon Intelligence): Read"));
}

TEST_F(IntelPull, RefusesAnErrorPage) {
  falcon_.http->answer(200, "<html>maintenance</html>");
  const auto page = pull();
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::protocol);
  EXPECT_THAT(page.error().place, HasSubstr("GET /intel/combined/indicators/v1"));
  EXPECT_THAT(page.error().hint, HasSubstr("FALCON_BASE_URL"));
}

TEST_F(IntelPull, TakesErrorsInAGoodStatusAsErrors) {
  falcon_.http->answer(200, failure(400, "invalid filter"));
  const auto report = pull();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::invalid_input);
  EXPECT_THAT(report.error().message, HasSubstr("invalid filter"));
}

TEST_F(IntelPull, NeedsRoomForItsOwnCondition) {
  std::string twenty = "type:'a'";
  for (int i = 1; i < 20; ++i) twenty += ",type:'a'";
  const auto filter = fql::parse(twenty);
  ASSERT_TRUE(filter);
  const auto report = pull({.filter = *filter});
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().hint, HasSubstr("at most 19"));
  EXPECT_THAT(falcon_.http->requests, IsEmpty()) << "before any call";
  EXPECT_FALSE(pull({.page_size = 0}));
  EXPECT_FALSE(pull({.page_size = 10'001}));
}

TEST_F(IntelPull, SearchAsksForOnePage) {
  falcon_.http->answer(200, answer_of({item("a", "1")}, 31'093'625));
  const auto found = Intel(falcon_.client())
                         .search({.filter = *fql::parse("type:'domain'"),
                                  .text = "evil",
                                  .sort = "last_updated|desc",
                                  .limit = 5,
                                  .offset = 10});
  ASSERT_TRUE(found) << found.error().to_text();
  EXPECT_EQ(found->total, 31'093'625);
  EXPECT_THAT(found->lines, ElementsAre(item("a", "1")));
  EXPECT_EQ(found->indicators.at(0).value, "a");
  EXPECT_EQ(asked(call(1), "q"), "evil");
  EXPECT_EQ(asked(call(1), "sort"), "last_updated|desc");
  EXPECT_EQ(asked(call(1), "limit"), "5");
  EXPECT_EQ(asked(call(1), "offset"), "10");
}

TEST_F(IntelPull, SearchNeverReachesTheWindow) {
  for (const auto& [limit, offset] :
       {std::pair<std::size_t, std::size_t>{0, 0}, {10'001, 0}, {10'000, 40'000}, {1, 49'999}})
    EXPECT_FALSE(Intel(falcon_.client()).search({.limit = limit, .offset = offset})) << limit << ' ' << offset;
  EXPECT_THAT(falcon_.http->requests, IsEmpty());
}

TEST_F(IntelPull, EntitiesGoInPortions) {
  std::vector<std::string> ids(1'001, "domain_a");
  answer({item("a", "1")});
  answer({item("b", "1")});
  const auto found = Intel(falcon_.client()).entities(ids);
  ASSERT_TRUE(found) << found.error().to_text();
  EXPECT_EQ(found->total, 2);
  EXPECT_EQ(call(1).path, "/intel/entities/indicators/GET/v1");
  EXPECT_EQ(aws::parse_json(call(1).body)->at("ids").size(), 1'000);
  EXPECT_EQ(aws::parse_json(call(2).body)->at("ids").size(), 1);
}

TEST(IndicatorCursors, TextAndBack) {
  EXPECT_EQ(IndicatorCursor{}.to_text(), "");
  EXPECT_TRUE(IndicatorCursor::parse("")->empty());
  const IndicatorCursor odd{"17\"\n", {"file_name_a\nb", "domain_\"c"}};
  EXPECT_EQ(odd.to_text().find('\n'), std::string::npos);
  EXPECT_EQ(*IndicatorCursor::parse(odd.to_text()), odd);
  for (const char* text : {"17", "{", R"({"ids":[]})", R"({"marker":7})"})
    EXPECT_FALSE(IndicatorCursor::parse(text)) << text;
}

}  // namespace
}  // namespace intelwall::falcon
