// Which firewall serves which findings.
#include <gmock/gmock.h>

#include "app/report.hpp"
#include "app/support.hpp"

namespace intelwall::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> faults(const std::string& yaml) {
  std::vector<std::string> out;
  for (const auto& error : check_configuration(yaml, "c.yaml")) out.push_back(error.to_text());
  return out;
}

TEST(TargetsSettings, AreReadAsWritten) {
  EXPECT_THAT(faults(R"(
targets:
  - firewall: inspection
    region: eu-central-1
    role_arn: arn:aws:iam::222233334444:role/intelwall
    external_id: hand-shake
    accounts: ["111122223333", "011122223333"]
    regions: [eu-central-1, eu-west-1]
  - firewall: arn:aws:network-firewall:us-east-1:222233334444:firewall/rest
)"),
              IsEmpty());
}

TEST(TargetsSettings, EachFaultNamesItsLineAndWhatToWrite) {
  const auto one = [](const std::string& yaml, const std::string& words) {
    const auto found = faults(yaml);
    ASSERT_THAT(found, SizeIs(1)) << yaml;
    EXPECT_THAT(found[0], HasSubstr(words));
    EXPECT_THAT(found[0], HasSubstr("c.yaml:"));
  };
  one("targets: inspection\n", "list of firewalls");
  one("targets: []\n", "list of firewalls");
  one("targets:\n  - inspection\n", "no mapping");
  one("targets:\n  - accounts: ['111122223333']\n", "names no firewall");
  one("targets:\n  - firewall: a b\n", "neither the name nor the ARN");
  one("targets:\n  - firewall: [a]\n", "one value");
  one("targets:\n  - firewall: a\n    accounts: [11112222333]\n", "no AWS account");
  one("targets:\n  - firewall: a\n    accounts: '111122223333'\n", "list with something in it");
  one("targets:\n  - firewall: a\n    regions: []\n", "list with something in it");
  one("targets:\n  - firewall: a\n    regions: [EU_West]\n", "not the name of an AWS region");
  one("targets:\n  - firewall: a\n    role_arn: intelwall\n", "not the ARN of a role");
  one("targets:\n  - firewall: a\n    external_id: hand-shake\n", "no role_arn");
  one("targets:\n  - firewall: a\n    role_arn: arn:aws:iam::222233334444:role/r\n    external_id: 'a b'\n",
      "external id");
  one("targets:\n  - firewall: a\n    vpc: b\n", "nothing that a target has");
  one("targets:\n  - firewall: a\n  - firewall: b\n", "never reached");
  one("role_arn: x\n", "not the ARN of a role");
}

TEST(TargetServes, ByAccountAndRegion) {
  const Target all{.firewall = "a", .region = {}, .role_arn = {}, .external_id = {}, .accounts = {}, .regions = {}};
  EXPECT_TRUE(all.serves("", ""));
  auto some = all;
  some.accounts = {"111122223333"};
  EXPECT_TRUE(some.serves("111122223333", "any"));
  EXPECT_FALSE(some.serves("", "any")) << "who says nothing of itself is not taken for somebody";
  some.regions = {"eu-west-1"};
  EXPECT_FALSE(some.serves("111122223333", "us-east-1"));
}

class TargetsTest : public AroundTest {
 protected:
  static Target target(const std::string& firewall, std::vector<std::string> accounts,
                       std::vector<std::string> regions = {}) {
    return {.firewall = firewall,
            .region = {},
            .role_arn = {},
            .external_id = {},
            .accounts = std::move(accounts),
            .regions = std::move(regions)};
  }
  static aws::Json from(aws::Json finding, const std::string& account, const std::string& region = "us-east-1") {
    finding["AwsAccountId"] = account;
    finding["Region"] = region;
    return finding;
  }
};

TEST_F(TargetsTest, EachFindingGoesToTheFirewallThatServesIt) {
  context_.settings.firewall.firewall.clear();
  context_.settings.targets = {target("missing", {"222233334444"}), target(lab::firewall_name, {lab::account_id})};
  const auto mine = finding("f-1", "evil-corp.com");
  import({mine});
  const auto outcome = press({mine, from(finding("f-2", "evil-two.com"), "222233334444"),
                              from(finding("f-3", "evil-three.com"), "333344445555")});
  ASSERT_THAT(outcome.findings, SizeIs(3));
  const auto by_id = [&](const std::string& id) {
    return *std::ranges::find_if(outcome.findings, [&](const auto& each) { return each.finding.id == id; });
  };
  EXPECT_EQ(by_id("f-1").target, lab::firewall_name);
  EXPECT_FALSE(by_id("f-1").unserved);
  EXPECT_THAT(names(), ElementsAre("evil-corp.com"));
  EXPECT_THAT(note("f-1"), HasSubstr("live"));
  EXPECT_EQ(by_id("f-2").target, "missing");
  ASSERT_TRUE(outcome.enforcement.failure.has_value()) << "a firewall that is not there stops no other, and is told";
  ASSERT_TRUE(by_id("f-3").unserved.has_value());
  EXPECT_THAT(note_for(by_id("f-3"), outcome),
              HasSubstr("no firewall serves account 333344445555 in Region us-east-1"));
  EXPECT_EQ(exit_code(outcome), 3);
  const auto json = to_json(outcome);
  EXPECT_EQ(json["findings"].size(), 3U);
}

TEST_F(TargetsTest, ARegionCanDecide) {
  context_.settings.targets = {target(lab::firewall_name, {}, {"us-east-1"})};
  const auto outcome =
      press({finding("f-1", "evil-corp.com"), from(finding("f-2", "evil-two.com"), lab::account_id, "eu-west-1")});
  EXPECT_EQ(std::ranges::count_if(outcome.findings, [](const auto& each) { return each.unserved.has_value(); }), 1);
  EXPECT_THAT(names(), ElementsAre("evil-corp.com"));
  EXPECT_EQ(exit_code(outcome), 3);
}

TEST_F(TargetsTest, APlanSaysWhoWouldServe) {
  context_.settings.targets = {target(lab::firewall_name, {lab::account_id})};
  const auto outcome = press({finding("f-1", "evil-corp.com")}, "intelwallblock", "intelwall block", Mode::plan);
  EXPECT_EQ(outcome.findings.at(0).target, lab::firewall_name);
  EXPECT_THAT(names(), IsEmpty());
}

}  // namespace
}  // namespace intelwall::app
