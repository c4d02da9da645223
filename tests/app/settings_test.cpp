#include "app/settings.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "os/file.hpp"

namespace intelwall::app {
namespace {

using ::testing::HasSubstr;

aws::Environment variables(std::map<std::string, std::string> all) {
  return [all = std::move(all)](const std::string& name) -> std::optional<std::string> {
    const auto found = all.find(name);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  };
}

class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("iw-settings-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path write(const std::string& text) const {
    const auto path = directory_ / "intelwall.yaml";
    EXPECT_TRUE(os::replace_file(path, text).has_value());
    return path;
  }
  std::filesystem::path directory_;
};

TEST_F(SettingsTest, FlagsWinOverEnvironmentOverFile) {
  const auto file = write("firewall: from-file\nregion: eu-west-1\nexpires: 7d\nprotocols: [tls, dns]\n");
  const auto loaded = load_settings(variables({{"INTELWALL_FIREWALL", "from-env"}, {"INTELWALL_REGION", "us-east-2"}}),
                                    file, {{"firewall", "from-flag"}});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().to_text();
  EXPECT_EQ(loaded->settings.firewall.firewall, "from-flag");
  EXPECT_EQ(loaded->settings.region, "us-east-2");
  EXPECT_EQ(loaded->settings.lifetime, std::chrono::days{7});
  EXPECT_EQ(loaded->settings.protocols, (std::set{Protocol::tls, Protocol::dns}));
  EXPECT_EQ(loaded->origins.at("firewall"), "flag");
  EXPECT_EQ(loaded->origins.at("region"), "environment");
  EXPECT_EQ(loaded->origins.at("expires"), "file:3");
}

TEST_F(SettingsTest, EveryExampleIsValidAndEveryKeyComesFromTheEnvironmentToo) {
  for (const auto& key : setting_keys()) {
    std::string value = key.example;
    // The environment has no lists: their items stand there separated by commas.
    std::erase_if(value, [](char c) { return c == '[' || c == ']' || c == ' '; });
    std::string variable = "INTELWALL_";
    for (const char* c = key.name; *c != 0; ++c) variable += static_cast<char>(*c == '_' ? '_' : *c - 'a' + 'A');
    const auto loaded =
        load_settings(variables({{variable, value}}), write(std::string(key.name) + ": " + key.example + "\n"), {});
    EXPECT_TRUE(loaded.has_value()) << key.name << ": " << loaded.error().to_text();
    EXPECT_EQ(loaded->origins.at(key.name), "environment");
  }
}

struct Bad {
  std::string text, place, words;
};

TEST_F(SettingsTest, FaultsNameLineReasonAndHint) {
  const Bad bad[] = {
      {"firewall: a\nfirewal: b\n", ":2", "did you mean firewall?"},
      {"expires: soon\n", ":1", "expires"},
      {"firewall: [a, [b]]\n", ":1", "list of values"},
      {"\n\nregion: a\nregion: b\n", ":4", "first in line 3"},
      {"firewall: [a\n", ":", "not YAML"},
      {"- a\n- b\n", ":1", "no mapping"},
      {"firewall: \"bad name; rm\"\n", ":1", "neither the name"},
      {"max_removals: 20%\n", ":1", "0.2 is 20 %"},
      {"priority: 0\n", ":1", "whole number"},
      {"protocols: [tls, ftp]\n", ":1", "protocols"},
      {"prefix: a_b\n", ":1", "rule group"},
  };
  for (const auto& each : bad) {
    const auto errors = check_configuration(each.text, "intelwall.yaml");
    ASSERT_FALSE(errors.empty()) << each.text;
    EXPECT_THAT(errors[0].place, HasSubstr("intelwall.yaml" + each.place)) << each.text;
    EXPECT_THAT(errors[0].to_text(), HasSubstr(each.words)) << each.text;
  }
  EXPECT_EQ(check_configuration("a: 1\nb: 2\nexpires: x\n", "f").size(), 3U)
      << "all faults are told, not only the first";
}

TEST_F(SettingsTest, AnyBytesAreAnAnswer) {
  std::string text = "firewall: a\nregion: [x, y]\nexpires: 30d\n";
  for (std::size_t i = 0; i < text.size(); ++i)
    for (const char c : {'\0', '\xff', '{', '\n', '"', '*', '&', '%'}) {
      auto broken = text;
      broken[i] = c;
      for (const auto& error : check_configuration(broken, "f")) EXPECT_FALSE(error.message.empty());
    }
}

TEST_F(SettingsTest, MissingExplicitFileIsToldAndMissingUsualOnesAreNot) {
  EXPECT_FALSE(load_settings(variables({}), directory_ / "nope.yaml", {}).has_value());
  EXPECT_FALSE(
      load_settings(variables({{"INTELWALL_CONFIG", (directory_ / "nope.yaml").string()}}), {}, {}).has_value());
  EXPECT_TRUE(load_settings(variables({}), {}, {}).has_value());
}

TEST_F(SettingsTest, WrongFlagIsWrongUsage) {
  const auto loaded = load_settings(variables({}), {}, {{"expires", "tomorrow"}});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace intelwall::app
