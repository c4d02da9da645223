// Lists on a Suricata of one's own, with the real one.
#include "firewalls/suricata_lists.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "firewalls/suricata_socket.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "support/suricata_sensor.hpp"

namespace intelwall::firewalls {
namespace {

using How = SuricataLists::Done::How;
using ::testing::HasSubstr;

class SuricataListsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "a live Suricata needs root";
    if (!os::run({"suricata", "-V"})) GTEST_SKIP() << "there is no suricata on this machine";
    directory_ = std::filesystem::temp_directory_path() / fmt::format("iw-lists-{}", ::getpid());
    std::filesystem::create_directories(directory_);
    ASSERT_TRUE(os::replace_file(directory_ / "intelwall-hunts.rules", ""));
    sensor_.emplace(directory_ / "one", "[intelwall-hunts.rules]");
  }
  void TearDown() override {
    sensor_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  static SuricataList list_of(const std::vector<std::string>& names, Action action = Action::alert) {
    rules::DomainTable table;
    for (const auto& name : names) table.add(*parse_domain(name));
    const auto compiled = rules::compile(
        table,
        {.format = rules::CompileFormat::dataset, .action = action, .dataset = std::string("iw_") + to_string(action)});
    IW_ASSERT(compiled.has_value());
    SuricataList list;
    for (const auto& group : compiled->groups) list.rules += group.file.content;
    list.sets = compiled->data_files;
    return list;
  }
  SuricataLists lists() const {
    return SuricataLists(
        {.rules_file = directory_ / "intelwall.rules", .config = sensor_->config(), .sockets = {sensor_->socket()}});
  }
  SuricataLists::Done apply(const SuricataList& list) const {
    const auto done = lists().apply(list);
    EXPECT_TRUE(done.has_value()) << done.error().to_text();
    return done.value_or(SuricataLists::Done{});
  }
  /// Whether the running engine has the name.
  bool has(const std::string& base64) const {
    return engine_commands(
               sensor_->socket(),
               {{{"command", "dataset-lookup"},
                 {"arguments", {{"setname", "iw_alert_domains"}, {"settype", "string"}, {"datavalue", base64}}}}},
               std::chrono::seconds{5})
        .has_value();
  }
  static constexpr const char* one = "b25lLmV4YW1wbGU=";  // one.example
  static constexpr const char* two = "dHdvLmV4YW1wbGU=";  // two.example

  std::filesystem::path directory_;
  std::optional<test::SuricataSensor> sensor_;
};

TEST_F(SuricataListsTest, NamesComeAndGoWithoutAReload) {
  EXPECT_EQ(apply(list_of({"one.example"})).how, How::reload);
  const auto rules = sensor_->rules();
  EXPECT_GT(rules, 0U);
  EXPECT_TRUE(has(one));
  EXPECT_FALSE(has(two));

  const auto more = apply(list_of({"one.example", "two.example"}));
  EXPECT_EQ(more.how, How::names);
  EXPECT_EQ(more.added, 1U);
  EXPECT_TRUE(has(two));
  EXPECT_EQ(apply(list_of({"two.example", "one.example"})).how, How::nothing);

  EXPECT_EQ(apply(list_of({"two.example"})).removed, 1U);
  EXPECT_FALSE(has(one));
  EXPECT_EQ(sensor_->rules(), rules);

  // What was told stands in the files too, for a start of the engine.
  sensor_.reset();
  sensor_.emplace(directory_ / "two", "[intelwall-hunts.rules]");
  EXPECT_EQ(sensor_->rules(), rules);
  EXPECT_TRUE(has(two));
  EXPECT_FALSE(has(one));
}

TEST_F(SuricataListsTest, ASensorThatReadsSomethingElseIsToldAndAllIsPutBack) {
  ASSERT_TRUE(os::replace_file(directory_ / "other.rules", ""));
  sensor_.reset();
  sensor_.emplace(directory_ / "two", "[other.rules]");
  const auto done = lists().apply(list_of({"one.example"}));
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message, HasSubstr("did not change"));
  EXPECT_EQ(os::read_file(directory_ / "intelwall-hunts.rules").value_or("(none)"), "");
}

TEST_F(SuricataListsTest, TwoListsStandSideBySide) {
  auto both = list_of({"one.example"});
  const auto drops = list_of({"two.example"}, Action::drop);
  both.rules += drops.rules;
  both.sets.insert(both.sets.end(), drops.sets.begin(), drops.sets.end());
  apply(both);
  EXPECT_TRUE(has(one));
  EXPECT_FALSE(has(two));
  const auto loaded = loaded_rules(sensor_->socket());
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->failed, 0U);
}

TEST_F(SuricataListsTest, NobodyThereChangesNothing) {
  apply(list_of({"one.example"}));
  sensor_->stop();
  const auto done = lists().apply(list_of({"two.example"}));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_THAT(os::read_file(directory_ / "iw_alert_domains.lst").value_or(""), HasSubstr(one));
}

}  // namespace
}  // namespace intelwall::firewalls
