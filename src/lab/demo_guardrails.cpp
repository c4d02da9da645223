#include <fmt/format.h>

#include "core/time.hpp"
#include "lab/cloud.hpp"
#include "lab/demo_steps.hpp"

namespace intelwall::lab {
namespace {

constexpr const char* falcon_product =
    "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon";
constexpr const char* homograph_unicode = "g\u043e\u043edbank.example";

/// A finding as anybody with access to Security Hub may make one.
Json falcon_finding(const std::string& id, const std::string& title, const std::string& ioc_type,
                    const std::string& ioc_value) {
  const auto now = format_time(system_now());
  const std::string prefix = "crowdstrike/crowdstrike-falcon/";
  return {{"SchemaVersion", "2018-10-08"},
          {"Id", "crowdstrike:crowdstrike-falcon:" + id},
          {"ProductArn", falcon_product},
          {"GeneratorId", "Falcon Host"},
          {"AwsAccountId", account_id},
          {"CreatedAt", now},
          {"UpdatedAt", now},
          {"Severity", {{"Label", "HIGH"}, {"Original", "High"}}},
          {"Types", {"Namespace: TTPs", "Category: Command and Control", "Classifier: Application Layer Protocol"}},
          {"Title", title},
          {"Description", "A process contacted a domain that CrowdStrike Intelligence attributes to an adversary."},
          {"Resources", Json::array({{{"Type", "AwsEc2Instance"}, {"Id", "i-0a1b2c3d4e5f60718"}, {"Region", region}}})},
          {"RecordState", "ACTIVE"},
          {"ProductFields", {{prefix + "IOCType", ioc_type}, {prefix + "IOCValue", ioc_value}}}};
}

}  // namespace

Result<void> step_hostile(Demo& demo) {
  const auto allowed = intelwall(demo, {"allow", "www.partner.example", "--reason", "our supplier"});
  if (!allowed) return std::unexpected(allowed.error());
  const std::string long_title = std::string("x\"; sid:1; (msg:\"y\"\n") + std::string(300, 'A');
  const std::vector<std::pair<std::string, std::string>> values = {{"domain", "co.uk"},
                                                                   {"domain", "github.io"},
                                                                   {"domain", "amazonaws.com"},
                                                                   {"domain", "partner.example"},
                                                                   {"sha256", std::string(64, 'a')},
                                                                   {"domain", std::string(32, 'b')},
                                                                   {"domain", "203.0.113.7"},
                                                                   {"domain", "evil.com\"; sid:1; ("},
                                                                   {"domain", "*.com"},
                                                                   {"domain", "evil.*.com"}};
  Json findings = Json::array();
  for (std::size_t i = 0; i < values.size(); ++i)
    findings.push_back(falcon_finding(fmt::format("hostile:{}", i), "hostile", values[i].first, values[i].second));
  // A harmless domain under a hostile title: it is blocked already, and the title must not reach the rule.
  findings.push_back(falcon_finding("hostile:title", long_title.substr(0, 256), "domain", bad_name));
  const auto before = tokens(demo);
  const auto rules_before = rules_text(demo);
  IW_TRY(const auto done, intelwall(demo, {"ingest", "-"}, findings.dump()));
  std::string words = fmt::format("exit {}", done.exit_code);
  std::size_t refused = 0;
  if (done.out.is_object())
    for (const auto& finding : done.out.value("findings", Json::array()))
      for (const auto& candidate : finding.value("candidates", Json::array())) {
        if (candidate.value("verdict", "") != "refuse") continue;
        ++refused;
        words += fmt::format("\nrefused {}: {}", printable(candidate.value("text", ""), 60),
                             candidate["reasons"][0].value("text", ""));
      }
  const bool unchanged = before == tokens(demo) && rules_before == rules_text(demo);
  demo.add("hostile findings change nothing, and each refusal has its reason",
           done.exit_code == 0 && unchanged && refused == values.size(),
           fmt::format("{}\n{} of {} refused; tokens and rules {}", words, refused, values.size(),
                       unchanged ? "unchanged" : "CHANGED"));
  return {};
}

Result<void> step_homograph(Demo& demo) {
  IW_TRY(const auto done, intelwall(demo, {"block", homograph_unicode, "--protocols", "tls,http,dns", "--reason",
                                           "looks like \"goodbank\"; sid:1; (\nnewline"}));
  const auto [refused, refused_words] = run_probes(all_ways({homograph_name}), Expect::refused);
  const auto [reached, reached_words] = run_probes(all_ways({good_name}), Expect::reached);
  demo.add("a homograph is blocked as its A-label only", done.exit_code == 0 && refused && reached,
           fmt::format("{} is {}\n{}\n{}{}", homograph_unicode, homograph_name, refused_words, reached_words,
                       done.exit_code == 0 ? "" : "\n" + done.err));
  return {};
}

Result<void> step_unblock(Demo& demo) {
  IW_TRY(const auto done, intelwall(demo, {"unblock", bad_name}));
  const auto [ok, words] = run_probes(all_ways({bad_name, bad_subdomain}), Expect::reached);
  demo.add("unblock: reachable again", done.exit_code == 0 && ok, words + (done.exit_code == 0 ? "" : "\n" + done.err));
  return {};
}

}  // namespace intelwall::lab
