#pragma once

#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "store/ledger.hpp"

namespace intelwall::store {

inline constexpr Time noon{std::chrono::seconds{1'795'000'000}};

inline DomainName name_of(const std::string& text) {
  auto name = DomainName::parse(text);
  IW_ASSERT(name.has_value());
  return *std::move(name);
}

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "iw-store-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Ledger open() const {
    auto ledger = Ledger::open(directory_);
    IW_ASSERT(ledger.has_value());
    return *std::move(ledger);
  }
  static Hunt hunt(const std::string& name) {
    return {.name = name,
            .source = "falcon",
            .filter = "type:'domain'+malicious_confidence:'high'",
            .excluded_types = {"KnownGood", "Sinkholed"},
            .created_at = noon,
            .created_by = "tester"};
  }
  static Hunt add(Ledger& ledger, const std::string& name) {
    auto added = ledger.add_hunt(hunt(name));
    IW_ASSERT(added.has_value());
    return *std::move(added);
  }
  /// A hunt's names, as the ledger has them.
  static std::set<std::string> names(Ledger& ledger, const Hunt& hunt) {
    const auto roster = ledger.roster(hunt.id);
    EXPECT_TRUE(roster.has_value()) << roster.error().to_text();
    std::set<std::string> all;
    if (roster)
      for (const auto& entry : roster->entries())
        all.insert((entry.scope == Scope::exact ? "=" : "") + std::string(roster->name(entry)));
    return all;
  }
  static void keep(Ledger& ledger, const Hunt& hunt, const std::vector<std::string>& domains, Time now = noon) {
    auto roster = ledger.roster(hunt.id);
    ASSERT_TRUE(roster.has_value());
    for (const auto& domain : domains) roster->put(name_of(domain), Scope::subdomains, {}, now);
    const auto done = ledger.commit(*roster, {.cursor = "behind them"}, now);
    ASSERT_TRUE(done.has_value()) << done.error().to_text();
  }

  std::filesystem::path directory_;
};

}  // namespace intelwall::store
