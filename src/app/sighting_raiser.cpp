#include "app/sighting_raiser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <span>

#include "aws/arn.hpp"
#include "aws/ec2.hpp"
#include "aws/json_text.hpp"
#include "aws/network_firewall.hpp"
#include "aws/security_hub.hpp"
#include "core/fnv1a.hpp"

namespace intelwall::app {
namespace {

constexpr std::size_t most_batches = 8;  // of a finding

/// Account and Region of the firewall whose logs these are.
Result<findings::AsffTarget> hub_of(Context& context) {
  if (!context.settings.suricata.rules_file.empty() || context.settings.firewall.firewall.empty())
    return fail(ErrorCode::usage, "no Network Firewall is named, so it is not known to whose Security Hub findings go",
                {}, "set firewall, or leave findings out with --no-findings");
  if (!context.session) IW_CHECK(connect(context));
  const aws::NetworkFirewallClient client(*context.session);
  IW_TRY(const auto firewall, client.describe_firewall(context.settings.firewall.firewall));
  if (const auto arn = aws::Arn::parse(firewall.arn); arn && !arn->region.empty() && !arn->account.empty())
    return findings::AsffTarget{arn->partition, arn->region, arn->account};
  return fail(ErrorCode::protocol, "the firewall has no ARN with an account", firewall.name);
}

std::uint64_t count_of(const aws::Json& finding, const char* field) {
  const auto text = aws::text_in(aws::member(finding, "ProductFields"), field);
  std::uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

}  // namespace

void SightingRaiser::name_instances(std::vector<Seen>& all, FollowOutcome& outcome) {
  std::vector<std::string> addresses;
  for (const auto& seen : all)
    if (seen.workload.contains('.') && !instances_.contains(seen.workload)) addresses.push_back(seen.workload);
  if (!addresses.empty() && !instances_denied_) {
    auto found = aws::Ec2Client(*context_->session).instances_at(addresses);
    if (found) {
      instances_.merge(*found);
    } else {
      outcome.no_instances = std::move(found).error();
      instances_denied_ = outcome.no_instances->code != ErrorCode::unavailable;
    }
  }
  for (auto& seen : all) {
    if (seen.workload.starts_with("i-")) seen.instance = seen.workload;
    if (const auto found = instances_.find(seen.workload); found != instances_.end()) seen.instance = found->second;
  }
}

Result<void> SightingRaiser::add_told(std::vector<Seen>& all, std::string_view log) const {
  const auto batch = fmt::format("{:016x}", fnv1a(log));
  std::vector<std::string> ids;
  for (const auto& seen : all) ids.push_back(sighting_finding_id(seen.workload, seen.domain));
  IW_TRY(const auto known, aws::SecurityHubClient(*context_->session).get_findings(ids));
  std::map<std::string, const aws::Json*> by_id;
  for (const auto& finding : known) by_id.emplace(aws::text_in(finding, "Id"), &finding);
  std::vector<Seen> fresh;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& seen = all[i];
    seen.batches = batch;
    if (const auto found = by_id.find(ids[i]); found != by_id.end()) {
      const auto& finding = *found->second;
      const auto counted = aws::text_in(aws::member(finding, "ProductFields"), "intelwall/batches");
      if (counted.contains(batch)) continue;
      seen.batches = fmt::format("{} {}", batch, counted).substr(0, most_batches * (batch.size() + 1) - 1);
      seen.count += count_of(finding, "intelwall/count");
      seen.blocked += count_of(finding, "intelwall/blocked");
      seen.told = parse_time(aws::text_in(finding, "UpdatedAt")).value_or(Time{});
      if (const auto first = parse_time(aws::text_in(finding, "FirstObservedAt")))
        seen.first = std::min(seen.first, *first);
      if (const auto last = parse_time(aws::text_in(finding, "LastObservedAt"))) seen.last = std::max(seen.last, *last);
    }
    fresh.push_back(std::move(seen));
  }
  all = std::move(fresh);
  return {};
}

Result<void> SightingRaiser::raise(std::vector<Seen> all, FollowOutcome& outcome, const Told& told) {
  if (all.empty()) return {};
  if (!hub_) {
    auto place = hub_of(*context_);
    if (!place) {
      outcome.not_raised = std::move(place).error();
      return {};
    }
    hub_ = *std::move(place);
  }
  name_instances(all, outcome);
  const aws::SecurityHubClient client(*context_->session);
  for (std::size_t at = 0; at < all.size(); at += aws::SecurityHubClient::max_batch) {
    const auto batch = std::span(all).subspan(at, std::min(aws::SecurityHubClient::max_batch, all.size() - at));
    std::vector<aws::Json> documents;
    // An update must be later than the one before it, also within one second.
    for (const auto& seen : batch)
      documents.push_back(
          sighting_finding(seen, *hub_, std::max(context_->clock(), seen.told + std::chrono::seconds{1})));
    auto result = client.batch_import_findings(documents);
    if (!result) {
      outcome.not_raised = std::move(result).error();
      return {};
    }
    outcome.findings += result->accepted;
    std::set<std::string> refused;
    for (const auto& failure : result->failures) {
      refused.insert(failure.id);
      outcome.not_accepted.push_back(fmt::format("{}: {} {}", printable(failure.id, 200), printable(failure.code, 60),
                                                 printable(failure.message, 300)));
    }
    std::vector<store::Sighting> taken;
    for (const auto& seen : batch)
      if (auto id = sighting_finding_id(seen.workload, seen.domain); !refused.contains(id))
        taken.push_back({seen.workload, seen.domain, seen.first, seen.last, 0, std::move(id)});
    IW_CHECK(told(taken));
  }
  return {};
}

}  // namespace intelwall::app
