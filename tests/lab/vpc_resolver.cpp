// What the VPC's resolver answers and writes down: rules of DNS Firewall against messages of the tests' own.
#include "lab/vpc_resolver.hpp"

#include <gmock/gmock.h>

#include "lab/cloud_dns_firewall.hpp"
#include "lab/dns_message.hpp"

namespace intelwall::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string query(std::initializer_list<std::string> labels, char type = 1) {
  std::string out("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  for (const auto& label : labels) out += static_cast<char>(label.size()) + label;
  return out + std::string("\0\0", 2) + type + std::string("\0\1", 2);
}
/// The answer of the internet: a CNAME to the end of the question's own name, then an address.
std::string answer_to(std::string message) {
  message[2] = static_cast<char>(0x81);
  message[3] = static_cast<char>(0x80);
  message[7] = 2;
  return message + std::string("\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x11", 14) +
         std::string("\xc0\x11\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\x50", 16);
}
std::string nobody(std::string_view) {
  return {};
}

TEST(DnsMessageTest, AQuestionIsReadInOneSpelling) {
  const auto message = query({"WWW", "Evil", "com"}, 28);
  const auto question = read_question(message);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->name, "www.evil.com");
  EXPECT_EQ(dns_type_name(question->type), "AAAA");
  EXPECT_EQ(question->end, message.size());
  EXPECT_EQ(read_question(query({std::string("a.\0", 3), "x"}))->name, "a\\046\\000.x");
  EXPECT_EQ(dns_type_name(65280), "TYPE65280");
}

TEST(DnsMessageTest, WhatIsNoQueryIsNone) {
  const auto good = query({"evil", "com"});
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(read_question(std::string_view(good).substr(0, size)).has_value()) << size;
  EXPECT_FALSE(read_question(answer_to(good)).has_value());
  auto two = good;
  two[5] = 2;
  EXPECT_FALSE(read_question(two).has_value());
  // A pointer into the header, to itself, and ahead.
  EXPECT_FALSE(read_question(good.substr(0, 12) + std::string("\xc0\x02\0\1\0\1", 6)).has_value());
  EXPECT_FALSE(read_question(good.substr(0, 12) + std::string("\xc0\x0c\0\1\0\1", 6)).has_value());
  EXPECT_FALSE(read_question(good.substr(0, 12) + std::string("\xc0\x20\0\1\0\1", 6)).has_value());
  EXPECT_FALSE(
      read_question(query({std::string(63, 'a'), std::string(63, 'a'), std::string(63, 'a'), std::string(63, 'a')}))
          .has_value());
}

TEST(DnsMessageTest, RecordsAreReadUpToWhereTheAnswerBreaks) {
  const auto answer = answer_to(query({"evil", "com"}));
  const auto records = read_records(answer);
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].data, "com");
  EXPECT_EQ(records[1].data, "198.51.100.80");
  for (std::size_t size = 0; size < answer.size(); ++size)
    EXPECT_LE(read_records(std::string_view(answer).substr(0, size)).size(), 1U);
}

TEST(VpcResolverTest, ABlockAnswersWithoutAskingAnybody) {
  const auto message = query({"evil", "com"});
  const auto never = [](std::string_view) -> std::string {
    ADD_FAILURE() << "asked";
    return {};
  };
  DnsVerdict verdict{.action = DnsVerdict::Action::block, .group_id = "g", .list_id = "l"};
  EXPECT_EQ(code_of(resolve(message, verdict, never)), DnsCode::no_such_name);
  verdict.response = DnsVerdict::Response::no_data;
  EXPECT_EQ(code_of(resolve(message, verdict, never)), DnsCode::no_error);
  EXPECT_THAT(read_records(resolve(message, verdict, never)), IsEmpty());
  verdict.response = DnsVerdict::Response::other_name;
  verdict.other_name = "sink.example.";
  const auto records = read_records(resolve(message, verdict, never));
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].data, "sink.example");
}

TEST(VpcResolverTest, WhatIsNotBlockedIsAskedOn) {
  const auto message = query({"evil", "com"});
  for (const auto& verdict : {std::optional<DnsVerdict>(), std::optional(DnsVerdict{}),
                              std::optional(DnsVerdict{.action = DnsVerdict::Action::alert})}) {
    EXPECT_EQ(resolve(message, verdict, [](auto each) { return answer_to(std::string(each)); }), answer_to(message));
    EXPECT_EQ(code_of(resolve(message, verdict, nobody)), DnsCode::server_failure);
  }
  EXPECT_EQ(resolve("no message", std::nullopt, nobody), "");
}

TEST(VpcResolverTest, ARecordTellsOfDnsFirewallWhereItBlockedOrAlerted) {
  const auto message = query({"evil", "com"});
  ResolverQuery query{.name = "evil.com", .type = "A", .source = "10.94.0.10", .port = 40'000};
  query.answer = answer_to(message);
  const auto passed = Json::parse(query_record(query));
  EXPECT_EQ(passed["query_name"], "evil.com.");
  EXPECT_EQ(passed["rcode"], "NOERROR");
  EXPECT_EQ(passed["answers"][1]["Rdata"], "198.51.100.80");
  EXPECT_EQ(passed["srcport"], "40000");
  EXPECT_FALSE(passed.contains("firewall_rule_action"));
  query.verdict = DnsVerdict{.action = DnsVerdict::Action::alert, .group_id = "g", .list_id = "l"};
  EXPECT_EQ(Json::parse(query_record(query))["firewall_rule_action"], "ALERT");
  query.verdict->action = DnsVerdict::Action::block;
  query.answer = resolve(message, query.verdict, nobody);
  const auto blocked = Json::parse(query_record(query));
  EXPECT_EQ(blocked["firewall_rule_action"], "BLOCK");
  EXPECT_EQ(blocked["firewall_domain_list_id"], "l");
  EXPECT_EQ(blocked["rcode"], "NXDOMAIN");
}

class DnsVerdictTest : public ::testing::Test {
 protected:
  Json call(const std::string& operation, const Json& input) {
    auto answer = firewall_.call(operation, input);
    EXPECT_TRUE(answer.has_value()) << operation;
    return answer.value_or(Json());
  }
  std::string list(const std::string& name, const std::vector<std::string>& domains) {
    const auto made = call("CreateFirewallDomainList", {{"CreatorRequestId", name}, {"Name", name}});
    const auto id = made["FirewallDomainList"]["Id"].get<std::string>();
    call("UpdateFirewallDomains", {{"FirewallDomainListId", id}, {"Operation", "ADD"}, {"Domains", domains}});
    return id;
  }
  void rule(const std::string& list_id, const char* action, int priority, const Json& more = Json::object()) {
    Json input = {{"CreatorRequestId", list_id},
                  {"FirewallRuleGroupId", dns_rule_group_id},
                  {"Name", "r"},
                  {"FirewallDomainListId", list_id},
                  {"Action", action},
                  {"Priority", priority}};
    input.update(more);
    call("CreateFirewallRule", input);
  }
  std::string action(const std::string& name, const std::string& type = "A") {
    const auto verdict = firewall_.verdict(name, type);
    if (!verdict) return "";
    return verdict->action == DnsVerdict::Action::block   ? "block"
           : verdict->action == DnsVerdict::Action::alert ? "alert"
                                                          : "allow";
  }

  DnsFirewall firewall_{system_now};
};

TEST_F(DnsVerdictTest, TheLowestPriorityComesFirstAndAWildcardIsWhatIsBelow) {
  const auto blocked = list("block", {"evil.com", "*.evil.com", "only.example", "*.below.example"});
  rule(blocked, "BLOCK", 100, {{"BlockResponse", "NXDOMAIN"}});
  rule(list("alert", {"watched.example", "*.evil.com"}), "ALERT", 200);
  EXPECT_EQ(action("evil.com"), "block");
  EXPECT_EQ(action("a.b.evil.com"), "block");
  EXPECT_EQ(action("notevil.com"), "");
  EXPECT_EQ(action("only.example"), "block");
  EXPECT_EQ(action("www.only.example"), "");
  EXPECT_EQ(action("below.example"), "");
  EXPECT_EQ(action("x.below.example"), "block");
  EXPECT_EQ(action("watched.example"), "alert");
  rule(list("allow", {"good.evil.com"}), "ALLOW", 50);
  EXPECT_EQ(action("good.evil.com"), "allow");
  EXPECT_EQ(action("evil.com"), "block");
  EXPECT_EQ(firewall_.verdict("evil.com", "A")->list_id, blocked);
}

TEST_F(DnsVerdictTest, ARuleForATypeIsForThatType) {
  rule(list("txt", {"evil.com"}), "BLOCK", 100, {{"BlockResponse", "NODATA"}, {"Qtype", "TXT"}});
  EXPECT_EQ(action("evil.com", "TXT"), "block");
  EXPECT_EQ(action("evil.com", "A"), "");
  EXPECT_EQ(firewall_.verdict("evil.com", "TXT")->response, DnsVerdict::Response::no_data);
}

}  // namespace
}  // namespace intelwall::lab
