#include "core/decision.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

namespace intelwall {
namespace {

DomainSpec spec(std::string_view name, Scope scope = Scope::subdomains) {
  return {.name = DomainName::parse(name).value(), .scope = scope};
}

TEST(Action, ReadsWhatWeMayWrite) {
  for (const Action action : {Action::drop, Action::reject, Action::alert}) {
    EXPECT_EQ(parse_action(to_string(action)), action);
  }
  for (const char* bad : {"", "pass", "DROP", "drop ", "allow"}) EXPECT_FALSE(parse_action(bad)) << bad;
}

TEST(Protocols, AreASet) {
  const std::set<Protocol> both{Protocol::tls, Protocol::http};
  EXPECT_EQ(parse_protocols("tls,http"), both);
  EXPECT_EQ(parse_protocols("http, tls,tls"), both);
  EXPECT_EQ(parse_protocols("dns"), std::set{Protocol::dns});
  EXPECT_EQ(parse_protocols("quic"), std::set{Protocol::quic});
  for (const char* bad : {"", ",", "tls,", ",tls", "tls,,http", "tls http", "TLS", "http2"}) {
    EXPECT_FALSE(parse_protocols(bad)) << bad;
  }
}

TEST(DecisionId, NeverChanges) {
  // Ids stand in live firewalls: other values here would make every rule a stranger.
  EXPECT_EQ(decision_id(spec("evil.com"), Action::drop), "txfu6x5onlmy");
}

TEST(DecisionId, DependsOnDomainScopeAndAction) {
  std::set<std::string> ids;
  for (const char* name : {"evil.com", "evil.org", "a.evil.com"}) {
    for (const Scope scope : {Scope::exact, Scope::subdomains}) {
      for (const Action action : {Action::drop, Action::reject, Action::alert}) {
        ids.insert(decision_id(spec(name, scope), action));
        EXPECT_EQ(decision_id(spec(name, scope), action), decision_id(spec(name, scope), action));
      }
    }
  }
  EXPECT_EQ(ids.size(), 18U);
}

TEST(DecisionId, SpreadsWell) {
  std::set<std::string> ids;
  constexpr std::size_t many = 50'000;
  std::array<std::array<std::size_t, 32>, 12> used{};
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  for (std::size_t i = 0; i < many; ++i) {
    const std::string id = decision_id(spec("host" + std::to_string(i) + ".evil.com"), Action::drop);
    ASSERT_EQ(id.size(), 12U);
    ids.insert(id);
    for (std::size_t place = 0; place < id.size(); ++place) {
      ASSERT_NE(alphabet.find(id[place]), std::string::npos);
      ++used[place][alphabet.find(id[place])];
    }
  }
  EXPECT_EQ(ids.size(), many);
  for (const auto& place : used) {
    for (const std::size_t count : place)
      EXPECT_THAT(count, testing::AllOf(testing::Gt(many / 48), testing::Lt(many / 22)));
  }
}

}  // namespace
}  // namespace intelwall
